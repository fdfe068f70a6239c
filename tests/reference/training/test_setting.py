"""What a recipe trains in: stages that are over, and files that are whole or not there."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from reference.training.results import Report
from reference.training.setting import Setting
from reference.training.workshop import Workshop


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    report = Report(tmp_path, {"homework": "h"})
    return Setting("tiny", None, tmp_path, Workshop(tmp_path / "states", torch.device("cpu"), 7), report)


def test_a_stage_runs_once(setting: Setting) -> None:
    """Protects hours: what is over is not run again, also by another process."""
    runs: list[int] = []
    assert setting.stage("a", lambda: {"n": runs.append(1) or len(runs)}) == {"n": 1}
    assert setting.stage("a", lambda: {"n": runs.append(1) or len(runs)}) == {"n": 1}
    later = Report(setting.out, {"homework": "h"})
    later.resume()
    assert later.stages == {"a": {"n": 1}}


def test_a_stage_that_fails_is_not_over(setting: Setting) -> None:
    """Protects from a report that claims what has not been reached."""
    with pytest.raises(KeyboardInterrupt):
        setting.stage("a", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert setting.stage("a", lambda: {"n": 2}) == {"n": 2}


def test_parameters_are_saved_in_both_formats(setting: Setting) -> None:
    """Protects students' `torch.load` and everybody else's safetensors: both hold the same."""
    model = nn.Linear(3, 2)
    setting.save(model, "m")
    for tensors in (setting.tensors("m"), load_file(setting.out / "m.safetensors")):
        assert {name: value.tolist() for name, value in tensors.items()} == {
            name: value.tolist() for name, value in model.state_dict().items()
        }
    other = nn.Linear(3, 2)
    setting.load(other, "m")
    assert torch.equal(other.weight, model.weight)


def test_a_file_is_whole_or_not_there(setting: Setting) -> None:
    """Protects the next process from half a file."""

    def killed(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        setting.replace("folder/file", killed)
    assert not (setting.out / "folder" / "file").exists()
    assert setting.replace("folder/file", lambda path: path.write_text("whole")).read_text() == "whole"


def test_seed_is_the_workshops(setting: Setting) -> None:
    """Protects from two seeds in one run."""
    assert setting.seed == 7
