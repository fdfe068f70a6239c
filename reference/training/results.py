"""What a training has reached: figures with their intervals, `report.json`, a table, plots."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

REPORT = "report.json"
SAME_RUN = ("preset", "data", "seed", "epochs", "model")  # what tells recorded runs apart
Z = 1.959964  # the normal distribution's 97.5 % point


def interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Args:
        right, total: counts; total is at least 1.

    Returns:
        Lower and upper bound, from 0 to 1.
    """
    share = right / total
    middle = share + Z**2 / (2 * total)
    half = Z * math.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    return max(0.0, (middle - half) / (1 + Z**2 / total)), min(1.0, (middle + half) / (1 + Z**2 / total))


def accuracy(right: int, total: int) -> dict[str, Any]:
    """An accuracy in percent, with its interval, for a report."""
    low, high = interval(right, total)
    return {
        "right": right,
        "of": total,
        "percent": round(100 * right / total, 2),
        "95 %": [round(100 * low, 1), round(100 * high, 1)],
    }


@dataclass
class Report:
    """The report of a run. It is written after each stage, so that a killed run goes on behind the last finished one.

    Attributes:
        folder: where `report.json` lies.
        about: what the run is: homework, preset, seed, data, versions. A report of another run is not continued.
        stages: figures by stage, in order.
        rows: of the table in the end: a name and what it reached.
    """

    folder: Path
    about: dict[str, Any]
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def resume(self) -> None:
        """Take over the finished stages of an earlier process.

        Raises:
            ValueError: the folder holds another run, or a file that is no report.
        """
        path = self.folder / REPORT
        if not path.exists():
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            stages, about = found["stages"], found["about"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is no report; remove it, or choose another folder with --out") from None
        differing = [key for key in self.about if about.get(key) != self.about[key]]
        if differing:
            told = ", ".join(f"{key} {about.get(key)!r} (now {self.about[key]!r})" for key in differing)
            raise ValueError(f"{self.folder} holds another run: {told}. Choose another folder with --out, or remove it")
        self.stages = stages

    def write(self) -> None:
        """Write `report.json`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"about": self.about, "table": self.rows, "stages": self.stages}
        new = self.folder / f"{REPORT}.new"
        new.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(new, self.folder / REPORT)

    def record(self, path: Path) -> None:
        """Add the table to a file of recorded figures, in the place of an earlier run with the same settings.

        How each loss curve begins is recorded, too: it tells whether the recipe is still the same.

        Raises:
            ValueError: the file holds something else.
        """
        # of folders the names alone: the file is to be read on other machines
        about = self.about | {key: Path(self.about[key]).name for key in ("data", "model") if self.about.get(key)}
        minutes = sum(stage.get("seconds", 0.0) for stage in self.stages.values()) / 60
        run = {
            "about": about,
            "date": date.today().isoformat(),
            "minutes": round(minutes, 1),
            "table": self.rows,
            "begins": {name: curve[:2] for name, curve in curves_of(self.stages).items()},
        }
        try:
            runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
            if not isinstance(runs, list):
                raise TypeError
            kept = [other for other in runs if any(other["about"].get(key) != about.get(key) for key in SAME_RUN)]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{path} holds no recorded figures; name another file with --record") from None
        lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in [*kept, run])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")

    def print(self, console: Console) -> None:
        """Print the table."""
        if not self.rows:
            return
        about = self.about
        console.print(f"{about['homework']}, preset {about['preset']}, seed {about['seed']}", highlight=False)
        table = Table()
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        for column in columns:
            table.add_column(column, justify="left" if column == columns[0] else "right")
        for row in self.rows:
            table.add_row(*[_shown(row.get(column, "")) for column in columns])
        console.print(table)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and "percent" in value:
        low, high = value["95 %"]
        return f"{value['percent']:g} % ({low:g} to {high:g})"
    if isinstance(value, Mapping):  # nats or a perplexity
        mean, low, high = (
            f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"
            for number in (value.get("nats", value.get("perplexity")), *value["95 %"])
        )
        return f"{mean} ({low} to {high})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def curves_of(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, Sequence[Sequence[float]]]:
    """The loss curves of a report's stages, by name."""
    return {name: figures["curve"] for name, figures in stages.items() if figures.get("curve")}
