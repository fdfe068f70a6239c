"""Pictures of a report."""

from pathlib import Path

import pytest

from reference.training.plots import draw
from reference.training.results import Report, accuracy


def test_curves_and_accuracies_are_drawn(tmp_path: Path) -> None:
    """Protects the pictures: one of the losses, one of the accuracies, both real PNGs."""
    report = Report(tmp_path, {"homework": "h", "preset": "tiny", "seed": 0})
    report.stages = {"a": {"curve": [[1, 3.0], [2, 2.0]]}, "b": {"curve": [[1, 3.5]]}, "c": {"dev": 1}}
    report.rows = [{"model": "a", "dev": accuracy(1, 9), "test": accuracy(0, 9)}, {"model": "b", "dev": accuracy(9, 9)}]
    written = draw(report)
    assert [path.name for path in written] == ["losses.png", "accuracy.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


@pytest.mark.parametrize("rows", [[], [{"model": "a", "loss": 1.5}]])
def test_nothing_is_drawn_of_nothing(rows: list[dict[str, object]], tmp_path: Path) -> None:
    """Protects recipes without curves or accuracies: no empty picture."""
    assert draw(Report(tmp_path, {"homework": "h", "preset": "tiny", "seed": 0}, rows=rows)) == []
