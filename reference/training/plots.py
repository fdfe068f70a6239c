"""Pictures of a report: loss curves, and the table's accuracies with their intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .results import Report, curves_of


def draw(report: Report) -> list[Path]:
    """Draw what a report has into its folder.

    Returns:
        The files that were written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    written = []
    about = f"{report.about['homework']}, {report.about['preset']}, seed {report.about['seed']}"
    curves = curves_of(report.stages)
    if curves:
        figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
        for name, points in curves.items():
            axes.plot(*zip(*points, strict=True), label=name)
        axes.set(xlabel="step", ylabel="training loss (nats)", title=about)
        axes.legend()
        written.append(report.folder / "losses.png")
        figure.savefig(written[-1], dpi=120)
        plt.close(figure)
    columns = _columns_of_accuracies(report.rows)
    if columns:
        with_accuracy = [row for row in report.rows if any(column in row for column in columns)]
        figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
        for i, column in enumerate(columns):
            rows = [(place, row[column]) for place, row in enumerate(with_accuracy) if column in row]
            at = [place + (i - (len(columns) - 1) / 2) * 0.8 / len(columns) for place, _ in rows]
            percent = [value["percent"] for _, value in rows]
            below = [max(0.0, value["percent"] - value["95 %"][0]) for _, value in rows]
            above = [max(0.0, value["95 %"][1] - value["percent"]) for _, value in rows]
            axes.bar(at, percent, width=0.8 / len(columns), yerr=[below, above], capsize=3, label=column)
        names = [str(next(iter(row.values()))) for row in with_accuracy]
        axes.set_xticks(range(len(names)), names)
        axes.set(ylabel="accuracy in % (95 % interval)", title=about)
        axes.legend()
        written.append(report.folder / "accuracy.png")
        figure.savefig(written[-1], dpi=120)
        plt.close(figure)
    return written


def _columns_of_accuracies(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(
        dict.fromkeys(
            key for row in rows for key, value in row.items() if isinstance(value, dict) and "percent" in value
        )
    )
