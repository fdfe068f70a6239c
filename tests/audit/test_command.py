"""`headmaster audit` as it is typed: exit status, sentences and files."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from audit import command
from audit.command import jobs_of, main
from audit.matrix import Row, judge_specimen
from audit.specimens import Specimen, SpecimenError
from headmaster import main as headmaster
from sandbox.launch import Zygote

LayOut = Callable[[Mapping[str, str]], Path]
ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "first_attention" / "first_attention.toml"
SOURCE = (ROOT / "reference" / "mask.py").read_text(encoding="utf-8")
CHAFF = '"""A mask.\n\nrejected by: mask.causal_agrees\n"""\n'
NOTE = 'sentence = "A mask."\nrejected_by = "mask.causal_agrees"\n'
BUG = 'Bug("b", "Wrong.", "softmax", "", frozenset({"1"}), "mask.py")'


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch, zygote: Zygote) -> None:
    """Judge as the processes of the pool do, without starting them."""

    def run(
        jobs: Sequence[tuple[str, Specimen, int]],
        n_processes: int | None,
        after: Callable[[str, Row], None],
        thorough: bool,
    ) -> list[tuple[str, Row]]:
        rows = [(name, judge_specimen(name, specimen, seed, zygote)) for name, specimen, seed in jobs]
        for row in rows:
            after(*row)
        return rows

    monkeypatch.setattr(command, "run", run)


def test_the_example_is_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the promise to instructors: their own TOML passes with submissions in every form beside it, in their order."""
    file, page = tmp_path / "matrix.json", tmp_path / "matrix.html"
    arguments = ["audit", str(EXAMPLE), "--processes", "1", "--json", str(file), "--html", str(page), "--checks"]
    assert headmaster(arguments) == 0, capsys.readouterr().out
    told = json.loads(file.read_text(encoding="utf-8"))
    assert [(row["submission"], row["misconceptions"]) for row in told["rows"]] == [
        ("query_by_query", []),
        ("matrix_product", []),
        ("attention/masks_after_the_softmax", ["masks_after_softmax"]),
        ("softmax_over_queries", ["softmax_over_queries"]),
        ("no_scaling", ["unscaled"]),
        ("first_mask_for_all", []),
    ]
    assert [each["faults"] for each in told["summary"]] == [[], []]
    out = capsys.readouterr().out
    assert "6 gradings" in out
    assert "attention.agrees_with_reference" in out
    assert "Kill matrix of first_attention: attention" in page.read_text(encoding="utf-8")


@pytest.mark.usefixtures("in_this_process")
def test_faults_give_status_1(lay_out: LayOut, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects whoever lets a script judge: a refused wheat and a surviving chaff are told, and the status is 1."""
    folder = lay_out(
        {
            "wheats/mask/strict.py": SOURCE.replace("] >= p", "] > p"),
            "chaffs/mask/right.py": CHAFF + SOURCE.partition('"""\n\n')[2],
        }
    )
    assert main(["core", "--task", "mask", "--submissions", str(folder)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "mask/strict, seed 1: mask.causal_agrees refuses it: " in out
    assert "mask/right, seed 1: it must be rejected by mask.causal_agrees, and is rejected by no check" in out
    assert "2 gradings" in out


@pytest.mark.usefixtures("in_this_process")
def test_one_fault_at_one_seed_is_enough(
    lay_out: LayOut, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects against luck: each of the asked seeds is judged, and none can be outvoted."""
    folder = lay_out({"wheats/mask/right.py": SOURCE})
    real = command.run

    def unlucky(*arguments: object) -> list[tuple[str, Row]]:
        rows = real(*arguments)
        name, row = rows[-1]
        return [*rows[:-1], (name, Row(**{**vars(row), "faults": ("mask.shapes refuses it: …",)}))]

    monkeypatch.setattr(command, "run", unlucky)
    status = main(["core", "--submissions", str(folder), "--seeds", "2", "--first-seed", "7"])
    out = capsys.readouterr().out
    assert (status, "mask/right, seed 8: mask.shapes refuses it" in out, "seed 7" in out) == (1, True, False)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"found no submissions in "),
        ({"chaffs/mask/a.py": SOURCE}, "a.py: the docstring must be a sentence"),
        ({"chaffs/a/mask.py": SOURCE}, "chaff.toml: cannot be read: "),
        ({"chaffs/a/chaff.toml": NOTE.replace("=", ":")}, "chaff.toml: cannot be read: "),
        (
            {"chaffs/a/chaff.toml": 'sentence = "A mask."'},
            "chaff.toml: the file: Value error, it must have `rejected_by`",
        ),
        ({"bugs.py": f"from audit.edits import Bug\nBUGS = ({BUG})"}, "bugs.py: expected BUGS = (Bug(…), …)"),
        (
            {"bugs.py": f"from audit.edits import Bug\nBUGS = ({BUG},)"},
            "bugs.py: b: the text must occur once in the solution, found 0 times: 'softmax'",
        ),
    ],
    ids=["empty folder", "no header", "no chaff.toml", "no TOML", "without cost", "no tuple", "text not found"],
)
def test_bad_folders_give_status_2(
    own: Path, lay_out: LayOut, capsys: pytest.CaptureFixture[str], files: dict[str, str], message: str
) -> None:
    """Protects an instructor who is just beginning: what is wrong with which file is told in a line, without a traceback."""
    assert main([str(own), "--submissions", str(lay_out(files))]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("headmaster audit: ")
    assert message in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cor"], "there is no homework 'cor'; there are: "),
        (["absent.toml"], "there is no file absent.toml"),
        (["core", "--task", "mesk"], "core has no task 'mesk'; it has: attention, "),
        (["--task", "mesk"], "core has no task 'mesk'"),
        (["--submissions", "."], "--submissions needs the homework"),
        (["core", "--submissions", "absent"], "found no submissions in absent"),
        (["core", "--seeds", "0"], "--seeds must be 1 or more, found 0"),
        (["core", "--processes", "-1"], "--processes must be 1 or more, found -1"),
        (["core", "--json", "absent/matrix.json"], "absent/matrix.json: expected the name of a file in a folder"),
        (["core", "--html", "."], ".: expected the name of a file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options_give_status_2(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """Protects whoever mistypes: what there is, is told at once, not after half an hour of judging."""
    assert main(arguments) == 2
    assert f"headmaster audit: {message}" in capsys.readouterr().err


def test_a_toml_that_names_an_unknown_check_is_refused(own: Path, lay_out: LayOut) -> None:
    """Protects points: an audit of weights that nobody will give proves nothing."""
    own.write_text(own.read_text("utf-8").replace("mask.any_pad_id", "mask.any_pad"), encoding="utf-8")
    folder = lay_out({"wheats/mask/right.py": SOURCE})
    with pytest.raises(Exception, match=r"own\.toml: item 1: `advice` names 'mask\.any_pad'.* did you mean"):
        jobs_of(str(own), "", folder, 1, 1)


def test_all_that_ship_are_judged() -> None:
    """Protects the whole audit: every homework that ships, `core` first, each submission at each seed; a task is `core`'s."""
    jobs = jobs_of(None, "", None, 3, 2)
    assert list(dict.fromkeys(name for name, _, _ in jobs)) == [
        *("core", "cmu_birthplaces", "jhu_tinygpt", "mit_dialoguegpt", "transformers_from_scratch", "tugraz_charlm"),
    ]
    assert {seed for _, _, seed in jobs} == {3, 4}
    assert len(jobs) == len({(name, specimen.name, seed) for name, specimen, seed in jobs})
    assert {(name, specimen.task) for name, specimen, _ in jobs_of(None, "rope", None, 1, 1)} == {("core", "rope")}


def test_a_folder_needs_its_homework(tmp_path: Path) -> None:
    """Protects against judging a folder for the wrong homework."""
    with pytest.raises(SpecimenError, match="--submissions needs the homework"):
        jobs_of(None, "", tmp_path, 1, 1)
