"""What every recipe promises: killed anywhere and begun again it comes to the same, and it keeps what it has trained."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from reference.checkpoints import RECIPES
from reference.training.results import Report
from reference.training.workshop import Training, Workshop
from tests.reference.training.conftest import Finished
from tests.reference.training.recipes import SMALL, run, setting_in, without_seconds

HOMEWORKS = sorted(SMALL)


def parameters_in(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    return {path.name: torch.load(path, weights_only=True) for path in sorted(folder.glob("*.params"))}


class Killed(BaseException):
    """Like KeyboardInterrupt, but surely ours."""


def kill_every(n: int, monkeypatch: pytest.MonkeyPatch, cls: type, method: str) -> None:
    """Let each n-th call of a method end the run before it does anything."""
    original, calls = getattr(cls, method), [0]

    def counted(*args: Any) -> Any:
        calls[0] += 1
        if calls[0] % n == 0:
            raise Killed
        return original(*args)

    monkeypatch.setattr(cls, method, counted)


@pytest.fixture(params=HOMEWORKS)
def whole(request: pytest.FixtureRequest, finished: Finished) -> tuple[str, Path, Any]:
    """A homework, the folder of a run that nobody disturbed, and its report."""
    return request.param, *finished(request.param)


def test_a_recipe_stands_in_the_command(whole: tuple[str, Path, Any]) -> None:
    """Protects the command: each recipe here is the one that its homework's name leads to."""
    homework, _, _ = whole
    assert SMALL[homework][0].__module__ == f"reference.training.{RECIPES[homework]}"


@pytest.mark.parametrize(
    "cls, method, n",
    [(Workshop, "_step", 3), (Workshop, "_save", 4), (Report, "write", 2)],
    ids=["steps", "saves", "stages"],
)
def test_a_killed_run_comes_to_the_same(
    whole: tuple[str, Path, Any], cls: type, method: str, n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects resuming: inside a training, at a save, before a stage is written down: same figures and parameters."""
    homework, folder, expected = whole
    kill_every(n, monkeypatch, cls, method)
    found, n_kills = None, 0
    while found is None:
        try:
            found = run(setting_in(tmp_path, homework, seconds_between_saves=-1.0))
        except Killed:
            n_kills += 1
            assert n_kills < 200, "the run makes no progress"
    assert n_kills >= 2
    assert without_seconds(found) == without_seconds(expected)
    torch.testing.assert_close(parameters_in(tmp_path), parameters_in(folder), rtol=0, atol=0)
    samples = [{path.name: path.read_text() for path in (place / "samples").glob("*")} for place in (tmp_path, folder)]
    assert samples[0] == samples[1]


def test_a_finished_run_trains_nothing_again(whole: tuple[str, Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects finished runs: the same command only shows what is there."""
    homework, folder, expected = whole

    def refuse(_workshop: Workshop, training: Training) -> None:
        pytest.fail(f"{training.name} is trained again")

    monkeypatch.setattr(Workshop, "train", refuse)
    assert run(setting_in(folder, homework)) == expected


def test_both_files_hold_each_trained_model(whole: tuple[str, Path, Any]) -> None:
    """Protects the checkpoints: every training has left its parameters in both formats, and no half-done state."""
    _, folder, report = whole
    trainings = {name for name, figures in report["stages"].items() if "curve" in figures}
    files = parameters_in(folder)
    assert {Path(name).stem for name in files} == trainings != set()
    for name, tensors in files.items():
        shared = load_file(folder / Path(name).with_suffix(".safetensors"))
        assert shared.keys() <= tensors.keys()  # tied parameters are there once
        for key, tensor in shared.items():
            torch.testing.assert_close(tensor, tensors[key], rtol=0, atol=0)
    assert not list((folder / "states").glob("*"))


def test_each_figure_has_an_interval_and_says_on_how_much(whole: tuple[str, Path, Any]) -> None:
    """Protects the table: a held-out figure lies within its interval, and the number of tokens or images is there."""
    _, _, report = whole

    def figures_in(value: Any) -> list[dict[str, Any]]:
        if isinstance(value, dict):
            return [value] if "95 %" in value else [figure for part in value.values() for figure in figures_in(part)]
        return [figure for part in value for figure in figures_in(part)] if isinstance(value, list) else []

    found = figures_in(report["stages"])
    for figure in found:
        (mean,) = (figure[key] for key in ("nats", "perplexity", "percent") if key in figure)
        assert figure["95 %"][0] <= mean <= figure["95 %"][1]
        assert figure.get("tokens", figure.get("of")) > 0
    assert found
    assert figures_in(report["table"])
