"""The command `headmaster checkpoints`: bad input is named, a killed run goes on."""

from pathlib import Path

import pytest
import torch

from reference import checkpoints
from reference.training.setting import Setting


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> list[Setting]:
    """Stands for all recipes: it keeps the settings that it is called with."""
    called: list[Setting] = []

    def train(setting: Setting) -> None:
        called.append(setting)
        setting.stage("only", lambda: {"curve": [[1, 2.0], [2, 1.0]]})
        setting.report.rows = [{"model": "only", "loss": 1.0}]

    monkeypatch.setattr("reference.training.birth_places.train", train)
    return called


def test_a_run_writes_report_and_plots(
    recipe: list[Setting], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects what an instructor gets: a table on the screen, report.json and pictures in the folder."""
    assert checkpoints.main(["cmu_birthplaces", "--out", str(tmp_path / "run"), "--device", "cpu", "--seed", "4"]) == 0
    assert (recipe[0].seed, recipe[0].preset, recipe[0].data) == (4, "tiny", None)
    told = capsys.readouterr().out
    assert "cmu_birthplaces, preset tiny, seed 4" in told
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"report.json", "losses.png"}


def test_another_seed_in_the_same_folder_is_refused(
    recipe: list[Setting], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects figures from being mixed."""
    assert checkpoints.main(["cmu_birthplaces", "--out", str(tmp_path)]) == 0
    assert checkpoints.main(["cmu_birthplaces", "--out", str(tmp_path), "--seed", "1"]) == 2
    assert "holds another run: seed 0 (now 1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--data", "nowhere"], "there is no nowhere; --data needs the folder of the real data"),
        (["--out", "FILE"], "is a file; --out needs a folder"),
        (["--epochs", "0"], "--epochs is for cmu_birthplaces, at least 1; found 0"),
    ],
)
def test_bad_options_are_named(
    options: list[str],
    told: str,
    recipe: list[Setting],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Protects who types: what was found, what was expected, no traceback, and nothing is trained."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").touch()
    assert checkpoints.main(["cmu_birthplaces", *options]) == 2
    assert told in capsys.readouterr().err
    assert recipe == []


def test_data_of_another_kind_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects who gives the wrong folder: the missing file and what it should look like."""
    assert checkpoints.main(["cmu_birthplaces", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "wiki.txt: found nothing; expected the pretraining text" in capsys.readouterr().err


def test_a_preset_that_a_recipe_lacks_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a KeyError: which presets there are is said."""
    assert checkpoints.main(["jhu_tinygpt", "--preset", "cpu", "--out", str(tmp_path)]) == 2
    assert "jhu_tinygpt has no preset cpu; it has tiny and handout" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_cuda_is_refused(
    recipe: list[Setting], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects from a run on the CPU that was meant for a GPU."""
    assert checkpoints.main(["cmu_birthplaces", "--device", "cuda", "--out", str(tmp_path)]) == 2
    assert "there is no CUDA device here" in capsys.readouterr().err


def test_missing_packages_are_named(
    recipe: list[Setting], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects hours: what the end of a run needs is asked for before it starts."""
    monkeypatch.setattr(checkpoints, "NEEDED", {"no_such_package": "plots"})
    assert checkpoints.main(["cmu_birthplaces", "--out", str(tmp_path)]) == 2
    assert "no_such_package (for plots): pip install -e '.[training]' in the checkout" in capsys.readouterr().err
    assert recipe == []


def test_an_interrupted_run_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects who presses Ctrl-C."""

    def interrupted(setting: Setting) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reference.training.birth_places.train", interrupted)
    assert checkpoints.main(["cmu_birthplaces", "--out", str(tmp_path)]) == 130
    assert "the same command goes on from here" in capsys.readouterr().err


def test_every_recipe_is_there() -> None:
    """Protects the table of recipes from names of modules that do not exist."""
    for homework, module in checkpoints.RECIPES.items():
        assert (Path(checkpoints.__file__).parent / "training" / f"{module}.py").is_file(), homework
