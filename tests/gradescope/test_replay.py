"""`headmaster replay`: the recorded seeds give the recorded verdicts, and what differs is told."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from gradescope import replay
from gradescope.replay import main
from sandbox.launch import Zygote

from .conftest import RIGHT, WRONG, MakeEarlier


@pytest.fixture(autouse=True)
def _one_zygote(monkeypatch: pytest.MonkeyPatch, earlier_zygote: Zygote) -> None:
    """Start no zygote for each run."""
    monkeypatch.setattr(replay, "Zygote", lambda: contextlib.nullcontext(earlier_zygote))


def edit(path: Path, change: Any) -> None:
    """Change a JSON file."""
    table = json.loads(path.read_text(encoding="utf-8"))
    change(table)
    path.write_text(json.dumps(table), encoding="utf-8")


def test_the_same(make_earlier: MakeEarlier, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run of another secret comes out the same, without the secret; status 0."""
    path = make_earlier(tmp_path, WRONG, secret="of the course")
    before = path.read_bytes()
    assert main([str(path), str(tmp_path / "submission"), f"--homework={masks}"]) == 0
    assert capsys.readouterr().out.strip().startswith("The same: ")
    assert path.read_bytes() == before


def test_what_differs(
    make_earlier: MakeEarlier, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A verdict and a score that were recorded otherwise are told from both sides; status 1. Other versions are warned of."""
    path = make_earlier(tmp_path, RIGHT)

    def falsify(table: Any) -> None:
        table["extra_data"]["checks"]["mask.is_boolean"]["outcome"] = "failed"
        table["extra_data"]["record"]["versions"]["torch"] = "1.0"
        table["tests"][0]["score"] = 10

    edit(path, falsify)
    assert main([str(path), str(tmp_path / "submission"), f"--homework={masks}"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "mask.is_boolean failed passed" in printed
    assert "Item 1: 10.0 points then, 11.0 now." in printed
    assert "Other versions than then, so that results may differ: torch: recorded 1.0, here 2" in printed


def test_one_check(make_earlier: MakeEarlier, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` judges one check and what it needs, and compares nothing else."""
    path = make_earlier(tmp_path, WRONG, first=5)
    given = [str(path), str(tmp_path / "submission"), f"--homework={masks}"]
    recorded = json.loads(path.read_text(encoding="utf-8"))["extra_data"]["checks"]
    failed = next(name for name, facts in recorded.items() if facts["outcome"] == "failed")
    edit(path, lambda table: table["extra_data"]["checks"]["mask.interface"].update(outcome="failed"))
    assert main([*given, f"--check={failed}"]) == 0
    assert f"{failed}: failed" in capsys.readouterr().out
    assert main([*given, "--check=mask.interface"]) == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            ["--check=mask.interfaces"],
            "the earlier run has judged no check 'mask.interfaces'; did you mean 'mask.interface'?",
        ),
        (["--check=mask.is_boolean"], "the earlier run has judged no check 'mask.is_boolean'"),
        (["--homework=core"], "the results are of the homework 'masks', --homework names 'core'"),
        (["--homework=nowhere.toml"], "there is no file nowhere.toml"),
    ],
)
def test_misuse(
    more: list[str],
    says: str,
    make_earlier: MakeEarlier,
    masks: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be done is status 2, with the nearest name."""
    path = make_earlier(tmp_path, RIGHT, first=1)
    assert main([str(path), str(tmp_path / "submission"), f"--homework={masks}", *more]) == 2
    assert says in capsys.readouterr().err


def test_other_files(
    make_earlier: MakeEarlier, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other files than those that were graded are refused by both digests, a folder that is not there by its name."""
    path = make_earlier(tmp_path, RIGHT, first=1)
    (tmp_path / "submission" / "mask.py").write_text(WRONG, encoding="utf-8")
    recorded = json.loads(path.read_text(encoding="utf-8"))["extra_data"]["digest"]
    assert main([str(path), str(tmp_path / "submission"), f"--homework={masks}"]) == 2
    said = capsys.readouterr().err
    assert "is not what was graded then: its digest is " in said
    assert f"recorded was {recorded[:12]}" in said
    assert main([str(path), str(tmp_path / "nowhere"), f"--homework={masks}"]) == 2
    assert "there is no submission at " in capsys.readouterr().err
    assert main([str(path), str(tmp_path / "submission")]) == 2
    assert "the homework 'masks', which does not ship: pass --homework masks.toml" in capsys.readouterr().err
