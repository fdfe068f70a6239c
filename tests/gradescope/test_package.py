"""`headmaster package`: the zip, its bytes, its secret, what it tells the instructor, and its errors."""

import json
import os
import stat
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from graders.homework import config_of
from gradescope import contents, manifest
from gradescope.contents import ROOT
from gradescope.package import Package, main, make_secret, package_of, points_of, read_secret, to_type_in, write
from gradescope.pins import version
from reference.corpora.birth_places import make_birth_places
from tests.trained_models import staff

OWN = str(ROOT / "examples" / "first_attention" / "first_attention.toml")
SECRET = "0123456789abcdef"


@pytest.fixture(scope="module")
def package() -> Package:
    """A package of the example."""
    return package_of(OWN, SECRET, "https://torch.example.org/cpu")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a secret."""
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return path


def test_the_zip(package: Package, tmp_path: Path) -> None:
    """Protects what Gradescope needs: two executables at the root, all else for the owner alone; the zip too."""
    out = tmp_path / "autograder.zip"
    write(package, out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["autograder.zip"]
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        assert {name for name, mode in modes.items() if mode == 0o100755} == {"setup.sh", "run_autograder"}
        assert set(modes.values()) == {0o100755, 0o100600}
        assert archive.read("setup.sh").startswith(b"#!/usr/bin/env bash\n")
        assert archive.read("run_autograder").startswith(b"#!/usr/bin/env python3\n")
        assert archive.read("HOMEWORK") == b"homework/first_attention.toml\n"
        assert archive.read("SECRET") == f"{SECRET}\n".encode()


def test_same_inputs_same_bytes(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects reproducibility: neither times nor the order of a folder count, the secret and the index do."""
    again = package_of(OWN, SECRET, "https://torch.example.org/cpu")
    assert again.zipped() == package.zipped()
    files = contents.files_of(OWN)
    monkeypatch.setattr(contents, "files_of", lambda name: dict(reversed(files.items())))
    assert package_of(OWN, SECRET, "https://torch.example.org/cpu").zipped() == package.zipped()
    assert package_of(OWN, SECRET[::-1], "https://torch.example.org/cpu").zipped() != package.zipped()
    assert package_of(OWN, SECRET).zipped() != package.zipped()


def test_manifest(package: Package) -> None:
    """Protects who asks later what was graded with: versions, and the hash of each file."""
    found = json.loads(package.files["manifest.json"])
    assert (found["homework"], found["title"], found["autograder_points"]) == (
        *("first_attention", "Week 3: attention, written out"),
        8.0,
    )
    assert found["headmaster"] == version()
    assert found["torch_index"] == "https://torch.example.org/cpu"
    [torch] = found["requirements"]["torch"]
    assert torch.startswith("torch==")
    assert set(found["files"]) == set(package.files) - {"manifest.json"}
    assert found["files"] == manifest.digests({n: d for n, d in package.files.items() if n != "manifest.json"})


def test_command(secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the instructor: the file, the points to type in and the rubric are printed; so is a missing index."""
    out = tmp_path / "a.zip"
    assert main([OWN, "-o", str(out), "--secret", str(secret)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"wrote {out}: ")
    assert "Autograder points: 8\nRubric, for what people grade (enable manual grading):\n" in printed
    assert "  2       2  Why divide by the root of d?" in printed
    assert "No --torch-index" in printed
    assert f"the secret is that of {secret}" in printed
    assert SECRET not in printed
    assert main([OWN, "-o", str(out), "--secret", str(secret), "--torch-index=https://x.example.org/cpu"]) == 0
    assert "No --torch-index" not in capsys.readouterr().out


def test_points_to_type_in() -> None:
    """Protects the assignment's total: extra credit is no part of the points, and is said."""
    config = config_of("transformers_from_scratch")
    assert points_of(config) == sum((i.points for i in config.auto_items if not i.extra_credit), Decimal(0)) == 41
    told = to_type_in(config)
    assert told.startswith("Autograder points: 41\n  (up to 8 more as extra credit, for E1)\n")
    assert [line.split()[0] for line in told.splitlines()[3:]] == [
        item.number for item in config.items if item.kind != "auto"
    ]
    assert to_type_in(config_of("core")) == "Autograder points: 250"


def test_secret_is_made_once(tmp_path: Path) -> None:
    """Protects reproducibility and the secret: made at random, for its owner, and kept from then on."""
    path = tmp_path / "core.secret"
    assert make_secret(path)
    first = read_secret(path)
    assert len(first) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not make_secret(path)
    assert read_secret(path) == first
    assert make_secret(tmp_path / "other.secret")
    assert read_secret(tmp_path / "other.secret") != first


def test_secret_lies_beside_the_toml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the default: an instructor's secret is kept with the homework, and the command says where."""
    for path in Path(OWN).parent.glob("first_attention.*"):
        if path.suffix != ".secret":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "solution").mkdir()
    (tmp_path / "solution" / "attend.py").write_bytes((Path(OWN).parent / "solution" / "attend.py").read_bytes())
    toml, out = str(tmp_path / "first_attention.toml"), tmp_path / "a.zip"
    assert main([toml, "-o", str(out)]) == 0
    assert f"made a new secret {tmp_path / 'first_attention.secret'}. " in capsys.readouterr().out
    before = out.read_bytes()
    assert main([toml, "-o", str(out)]) == 0
    assert f"the secret is that of {tmp_path / 'first_attention.secret'}. " in capsys.readouterr().out
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["coer"], "there is no homework 'coer'; there are: "),
        (["nowhere/x.toml"], "there is no file nowhere/x.toml"),
        ([OWN, "--torch-index", "cpu"], "--torch-index: found 'cpu'; it must be a URL"),
        ([OWN, "--torch-index", "https://x/ y"], "it must be a URL"),
        ([OWN, "-o", "nowhere/a.zip"], "nowhere/a.zip cannot be written: No such file or directory"),
        ([OWN, "-o", "folder"], "folder cannot be written: Is a directory"),
        ([OWN, "--secret", "nowhere"], "the secret nowhere cannot be read: No such file or directory"),
        ([OWN, "--secret", "short"], "the secret short has 5 characters; it must be one line of 16 to 200"),
        ([OWN, "--secret", "lines"], "that can be printed"),
        ([OWN, "--secret", "binary"], "the secret binary cannot be read: it is no text"),
    ],
)
def test_misuse(
    arguments: list[str],
    says: str,
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Protects the instructor: status 2, one sentence that says what was found, no traceback, no half a file."""
    monkeypatch.chdir(secret.parent)
    Path("folder").mkdir()
    Path("short").write_text("12345")
    Path("lines").write_text("0123456789\n0123456789")
    Path("binary").write_bytes(b"\xff" * 20)
    if "--secret" not in arguments:
        arguments = [*arguments, "--secret", str(secret)]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("headmaster package: ")
    assert says in captured.err
    assert sorted(os.listdir()) == ["binary", "folder", "lines", "secret", "short"]


def test_what_lacks_data_is_said(secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the instructor: what people grade for lack of data stands in the rubric, and a note says why."""
    toml = staff(tmp_path / "hw", make_birth_places(1, n_train=8, n_dev=8, n_test=8))
    (toml.parent / "solution").mkdir()
    (toml.parent / "solution" / "attention.py").write_text("")
    out, data = tmp_path / "a.zip", toml.with_suffix(".data")
    (data / "birth_test_key.tsv").unlink()
    assert main([str(toml), "-o", str(out), "--secret", str(secret)]) == 0
    printed = capsys.readouterr().out
    assert (
        "Note: cmu_birthplaces.data has no birth_test_key.tsv: checks on the answers to the test questions are"
        in printed
    )
    data.rename(tmp_path / "away")
    assert main([str(toml), "-o", str(out), "--secret", str(secret)]) == 0
    printed = capsys.readouterr().out
    assert (
        "Note: graded by people, for lack of data in cmu_birthplaces.data: 2(d) predictions, 2(f) accuracy" in printed
    )
    assert "2(f) accuracy          6  At least 15 % on the dev set with pretraining" in printed
