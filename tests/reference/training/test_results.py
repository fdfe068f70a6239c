"""Reports: intervals, what is continued and what is refused."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reference.training.results import Report, accuracy, curves_of, interval

ABOUT: dict[str, Any] = {"homework": "h", "preset": "tiny", "seed": 0, "data": "generated"}


@pytest.mark.parametrize(("right", "total"), [(0, 5), (5, 5), (1, 20), (75, 500), (200, 437)])
def test_interval_is_wilsons(right: int, total: int) -> None:
    """Protects the intervals: their ends are the shares from which what was found is 1.96 standard deviations away."""
    for end in interval(right, total):
        distance = abs(right / total - end)
        assert distance == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / total), abs=1e-9)


def test_accuracy_of_500_is_known_to_3_points() -> None:
    """Protects the figures of a report: percent, with the interval that the handout's 500 questions allow."""
    assert accuracy(75, 500) == {"right": 75, "of": 500, "percent": 15.0, "95 %": [12.1, 18.4]}


def test_a_report_is_continued(tmp_path: Path) -> None:
    """Protects finished stages: another process finds them, in order."""
    first = Report(tmp_path, dict(ABOUT))
    first.stages = {"b": {"curve": [[1, 2.0]]}, "a": {"dev": accuracy(1, 2)}}
    first.write()
    second = Report(tmp_path, dict(ABOUT))
    second.resume()
    assert second.stages == first.stages
    assert list(second.stages) == ["b", "a"]
    assert curves_of(second.stages) == {"b": [[1, 2.0]]}


def test_an_empty_folder_is_a_new_run(tmp_path: Path) -> None:
    """Protects the first run: there is nothing to continue, and no error."""
    report = Report(tmp_path / "new", dict(ABOUT))
    report.resume()
    assert report.stages == {}


def test_another_runs_folder_is_refused(tmp_path: Path) -> None:
    """Protects figures from being mixed: what differs is named, and what to do."""
    Report(tmp_path, dict(ABOUT)).write()
    with pytest.raises(ValueError, match=r"another run: preset 'tiny' \(now 'handout'\), seed 0 \(now 3\)\. .*--out"):
        Report(tmp_path, {**ABOUT, "preset": "handout", "seed": 3}).resume()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"about": {}}'])
def test_a_file_that_is_no_report_is_refused(content: str, tmp_path: Path) -> None:
    """Protects somebody's own report.json: it is named, and not written over."""
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(ValueError, match=r"report\.json is no report; remove it"):
        Report(tmp_path, dict(ABOUT)).resume()


def test_the_table_shows_intervals(tmp_path: Path) -> None:
    """Protects the reader from figures without their error: each accuracy comes with its interval."""
    report = Report(tmp_path, dict(ABOUT), rows=[{"model": "m", "dev": accuracy(75, 500)}, {"model": "n", "loss": 1.5}])
    console = Console(record=True, width=100, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        report.print(console)
    text = console.export_text()
    assert "15 % (12.1 to 18.4)" in text
    assert "h, preset tiny, seed 0" in text
    report.write()
    assert json.loads((tmp_path / "report.json").read_text())["table"] == report.rows


def test_figures_are_recorded(tmp_path: Path) -> None:
    """Protects the record of what thresholds are set from: a run with the same settings is replaced, others are kept."""
    path = tmp_path / "figures" / "h.json"
    for seed, right in ((0, 1), (1, 2), (0, 3)):
        report = Report(tmp_path, ABOUT | {"seed": seed, "data": "somewhere/birthplaces"})
        report.rows = [{"model": "m", "dev": accuracy(right, 4)}]
        report.stages = {"m": {"curve": [[1, 3.0], [2, 2.0], [3, 1.0]], "seconds": 90.0}, "evaluate": {}}
        report.record(path)
    runs = json.loads(path.read_text(encoding="utf-8"))
    assert [(run["about"]["seed"], run["table"][0]["dev"]["right"]) for run in runs] == [(1, 2), (0, 3)]
    assert runs[0]["about"]["data"] == "birthplaces"
    assert runs[0]["begins"] == {"m": [[1, 3.0], [2, 2.0]]}
    assert runs[0]["minutes"] == 1.5


@pytest.mark.parametrize("content", ["", "{}", "[3]", '[{"about": 3}]', '{"about": {}}'])
def test_another_file_is_not_written_over(content: str, tmp_path: Path) -> None:
    """Protects files that hold something else from `--record`."""
    path = tmp_path / "h.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="holds no recorded figures; name another file"):
        Report(tmp_path, dict(ABOUT)).record(path)
    assert path.read_text() == content
