"""The table of bad inputs: whatever is handed in, the verdict says what is wrong and results.json is whole."""

import errno
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from graders.catalogue import checks_of
from graders.homework import Homework, load
from graders.judge import Judge
from graders.verdict import Outcome, Reason
from gradescope.autograder import main
from gradescope.report import results_of
from gradescope.results import Results, TestEntry, read, write
from sandbox.launch import Zygote

from .conftest import RIGHT

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = (ROOT / "reference" / "attention.py").read_text(encoding="utf-8")
SEED = 11


def wrapped(body: str) -> str:
    """The right solution, with a last word before it returns (`output` and `weights` are at hand)."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return (
        f"{GOOD}\n\n_right = attention\n\n\ndef attention(query, key, value, mask=None):\n"
        f"    output, weights = _right(query, key, value, mask)\n{lines}\n"
    )


@dataclass(frozen=True)
class Bad:
    """One bad input.

    Attributes:
        says: what the first failed check's message must contain.
        files: what is handed in.
        first: the check that fails first; all later ones fail or are not judged because of it.
        homework, item: what is graded, and the number of the item that is looked at.
        below: whether some points may be earned all the same.
    """

    says: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)
    first: str = "attention.interface"
    homework: str = "core"
    item: str = "1"
    below: bool = False


def attention(source: str | bytes, *says: str, first: str = "attention.interface", below: bool = False) -> Bad:
    """A submission of core with this attention.py."""
    return Bad(says, {"attention.py": source}, first, below=below)


def cmu(files: dict[str, str | bytes], *says: str, item: str = "2(b)", first: str = "multi_head.interface") -> Bad:
    """A submission of cmu_birthplaces."""
    return Bad(says, files, first, "cmu_birthplaces", item)


CMU_ATTENTION = "class CausalSelfAttention:\n    def __init__(self, {}):\n        {}\n"

TABLE = {
    # ------------------------------------------------------------------ files
    "empty folder": Bad(("There is no file attention.py in the submission",)),
    "another name": Bad(("There is no file attention.py in the submission",), {"attn.py": GOOD}),
    "name in capitals": Bad(("There is no file attention.py in the submission",), {"Attention.py": GOOD}),
    "empty file": attention("", "attention.py does not define attention."),
    "not UTF-8": attention(b'NAME = "caf\xe9"\n' + GOOD.encode(), "Python cannot read this file"),
    "NUL bytes": attention(b"\0" * 10, "null bytes"),
    # ------------------------------------------------------------------ imports
    "syntax error": attention("import torch\n\ndef attention(query:\n", "attention.py, line 3", "def attention(query:"),
    "missing package": attention(
        "import einops_of_mine\n", "The import of einops_of_mine failed in attention.py, line 1", "no such module"
    ),
    "missing file of their own": attention(
        "from helpers import softmax\n", "The import of helpers failed in attention.py, line 1", "no such module"
    ),
    "error at import": attention("x = 1\ny = x / 0\n", "ZeroDivisionError in attention.py, line 2: division by zero"),
    "sys.exit at import": attention(
        "import sys\nsys.exit(0)\n", "ended the program (sys.exit) in attention.py, line 2"
    ),
    "os._exit at import": attention("import os\nos._exit(0)\n", "ended the whole Python process (status 0)"),
    "import never ends": attention("while True:\n    pass\n", "Importing the file did not end within 0.5 seconds"),
    # ------------------------------------------------------------------ names and signatures
    "name misspelt": attention(
        "def atention(query, key, value, mask=None):\n    pass\n",
        "attention.py does not define attention. Did you mean atention?",
    ),
    "a class in its place": attention(
        "class Attention:\n    pass\n", "attention.py does not define attention. Did you mean Attention?"
    ),
    "not a function": attention(
        "attention = 3\n", "attention.py: attention must be a function, called as attention(query, key, value, mask=…)"
    ),
    "too few parameters": attention(
        "def attention(query, key):\n    pass\n",
        "attention.py: expected attention(query, key, value, mask=…), found attention(query, key).",
    ),
    "mask without default": attention(
        "def attention(query, key, value, mask):\n    pass\n",
        "attention.py: expected attention(query, key, value, mask=…), found attention(query, key, value, mask).",
    ),
    # ------------------------------------------------------------------ what is returned
    "not written yet": Bad(
        ("Not written yet", "attention.py, line "),
        {"attention.py": (ROOT / "student_template" / "core" / "attention.py").read_bytes()},
    ),
    "None": attention(wrapped("return None"), "must return two values, output and weights; it returned None."),
    "only the output": attention(
        wrapped("return output"), "must return two values", "it returned a float32 tensor of shape (2, 3, 6)"
    ),
    "three values": attention(wrapped("return output, weights, 1"), "it returned a tuple of 3"),
    "wrong shape": attention(
        wrapped("return output.transpose(-2, -1), weights"),
        *("the output: expected a float32 tensor of shape (", "got a float32 tensor of shape ("),
        first="attention.shapes",
    ),
    "wrong dtype": attention(
        wrapped("return output.double(), weights"),
        *("the output: expected a float32 tensor of shape (", "got a float64 tensor of shape ("),
        first="attention.shapes",
    ),
    "a list": attention(
        wrapped("return output.tolist(), weights"),
        *("the output: expected a float32 tensor of shape (", "got a list of"),
        first="attention.shapes",
    ),
    "an object of their own": attention(
        f"class Mine:\n    pass\n\n\n{wrapped('return Mine(), weights')}",
        *("the output: expected a float32 tensor of shape (", "got a value of type", "Mine"),
        first="attention.shapes",
    ),
    "NaN": attention(
        wrapped("return output * float('nan'), weights"),
        *("the output:", "values are NaN or infinite", "expected ", "got nan"),
        first="attention.agrees_with_reference",
        below=True,
    ),
    "infinite": attention(
        wrapped("return output / 0, weights"),
        *("values are NaN or infinite", "got "),
        first="attention.agrees_with_reference",
        below=True,
    ),
    # ------------------------------------------------------------------ how a call ends
    "raises": attention(
        wrapped("raise ValueError('no \\x1b[31m idea')"), "ValueError in attention.py", "no \ufffd[31m idea"
    ),
    "sys.exit": attention(wrapped("import sys\nsys.exit(0)"), "ended the program (sys.exit) in attention.py, line"),
    "os._exit": attention(wrapped("import os\nos._exit(0)"), "ended the whole Python process (status 0)"),
    "killed by itself": attention(
        wrapped("import os\nos.kill(os.getpid(), 9)"), "The Python process died: it was killed"
    ),
    "segmentation fault": attention(wrapped("import ctypes\nctypes.string_at(0)"), "segmentation fault"),
    "recursion": attention(
        wrapped("return attention(query, key, value, mask)"), "RecursionError", "attention.py, line"
    ),
    "never returns": attention(
        wrapped("while True:\n    pass"), "did not return within 0.5 seconds", "Look for a loop without an end"
    ),
    "waits for ever": attention(wrapped("import time\ntime.sleep(1000)"), "did not return within 0.5 seconds"),
    "asks the keyboard": attention(wrapped("input('? ')"), "EOFError in attention.py, line"),
    "too much memory": attention(wrapped("bytearray(1 << 40)"), "MemoryError in attention.py, line"),
    "far too large a value": attention(
        wrapped("import torch\nreturn torch.zeros(4000, 4000), weights"), "not a usable reply"
    ),
    # ------------------------------------------------------------------ a homework with its own layout
    "cmu: empty folder": cmu({"README.md": "sorry"}, "There is no file attention.py in the submission"),
    "cmu: no span corruption": cmu(
        {"src/attention.py": GOOD},
        "There is no file dataset.py in the submission",
        item="2(e)",
        first="span_corruption.interface",
    ),
    "cmu: class misspelt": cmu(
        {"src/attention.py": "class CasualSelfAttention:\n    pass\n"},
        "attention.py does not define CausalSelfAttention. Did you mean CasualSelfAttention?",
    ),
    "cmu: a function in its place": cmu(
        {"src/attention.py": "def CausalSelfAttention(config):\n    pass\n"},
        "attention.py: CausalSelfAttention must be a class, called as CausalSelfAttention(config)",
    ),
    "cmu: wrong constructor": cmu(
        {"src/attention.py": CMU_ATTENTION.format("n_embd, n_head", "pass")},
        "attention.py: expected CausalSelfAttention(config), found CausalSelfAttention(n_embd, n_head)",
    ),
    "cmu: constructor raises": cmu(
        {"src/attention.py": CMU_ATTENTION.format("config", "config.n_embedding")},
        "AttributeError in attention.py, line 3",
        "n_embedding",
    ),
    "cmu: package missing": cmu({"src/attention.py": "import wandb_of_mine\n"}, "The import of wandb_of_mine failed"),
}


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Where all workers come from."""
    with Zygote() as zygote:
        yield zygote


def impatient(homework: Homework) -> Homework:
    """The same homework with half a second for a call, and for an import."""
    limits = homework.config.limits.model_copy(update={"seconds_per_call": 0.5, "seconds_per_import": 0.5})
    return homework.model_copy(update={"config": homework.config.model_copy(update={"limits": limits})})


HandIn = Callable[[dict[str, str | bytes]], Path]


@pytest.fixture
def hand_in(tmp_path: Path) -> HandIn:
    """Write a folder of files."""

    def write_files(files: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "submission"
        folder.mkdir()
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return folder

    return write_files


def graded(homework: Homework, folder: Path, item: str, zygote: Zygote) -> tuple[Results, TestEntry, Judge]:
    """Judge the checks of one item; the others stay unjudged. A file that was written and read again."""
    [wanted] = [found for found in homework.config.auto_items if found.number == item]
    with Judge(homework, folder, zygote, seed=SEED) as judge:
        for check in judge.checks:
            if check.task in wanted.tasks:
                judge.judge(check)
        results = results_of(homework, judge.checks, judge.verdicts, finished=False)
    path = folder.parent / "results.json"
    write(results, path)
    assert read(path) == results
    [entry] = [test for test in results.tests if test.number == item]
    return results, entry, judge


@pytest.mark.parametrize("bad", TABLE.values(), ids=TABLE)
def test_bad_input(bad: Bad, hand_in: HandIn, zygote: Zygote) -> None:
    """Each check of the question has a verdict, the first failure says what is wrong, and no point at stake is lost."""
    homework = load(bad.homework)
    if any("0.5 seconds" in words for words in bad.says):
        homework = impatient(homework)
    results, entry, judge = graded(homework, hand_in(bad.files), bad.item, zygote)

    own = [check for check in checks_of(homework) if check.task == judge_task(homework, bad.item)]
    assert [check.id for check in own] == list(judge.verdicts)
    first = next(check for check in own if judge.verdicts[check.id].outcome is not Outcome.PASSED)
    verdict = judge.verdicts[first.id]
    assert (first.id, verdict.outcome) == (bad.first, Outcome.FAILED)
    for words in bad.says:
        assert words in verdict.message
    later = [judge.verdicts[check.id] for check in own[own.index(first) + 1 :]]
    if first.group.gates:
        assert {Reason.PREREQUISITE} == {verdict.reason for verdict in later}
    assert Reason.GRADER_FAULT not in {verdict.reason for verdict in judge.verdicts.values()}

    assert results.max_score == float(sum(item.points for item in homework.config.auto_items))
    assert results.score == entry.score
    assert entry.score < entry.max_score if bad.below else entry.score == 0.0
    assert entry.status == "failed"
    assert f"✗ {first.sentence}" in entry.output.splitlines()
    assert bad.says[0] in entry.output
    assert f"Fix first, in {bad.item}: {first.sentence}" in results.output.splitlines()
    others = [test for test in results.tests if test.number != bad.item]
    assert {"Not judged yet: it counts 0 until it is."} == {test.output.splitlines()[1].strip() for test in others}
    assert "/tmp" not in json.dumps([test.output for test in results.tests])


def judge_task(homework: Homework, number: str) -> str:
    """The task of an item that has one."""
    [task] = [task for item in homework.config.auto_items if item.number == number for task in item.tasks]
    return task


def test_printing_harms_nobody(hand_in: HandIn, zygote: Zygote) -> None:
    """A right solution that prints a megabyte in each call has full points; only the beginning is shown."""
    folder = hand_in({"attention.py": wrapped("print('noise ' * 200_000)\nreturn output, weights")})
    homework = load("core")
    with Judge(homework, folder, zygote, seed=SEED) as judge:
        for check in judge.checks:
            if check.id in ("attention.interface", "attention.shapes"):
                assert judge.judge(check).outcome is Outcome.PASSED
        assert all(len(verdict.output) <= 16 * 1024 for verdict in judge.verdicts.values())
        results = results_of(homework, judge.checks, judge.verdicts, finished=False)
    printed = results.tests[0].output.partition("What the code printed (the beginning):\n")[2]
    assert printed.startswith("    noise noise")
    assert len(printed) <= 3000


def test_wrapper_is_right(hand_in: HandIn, zygote: Zygote) -> None:
    """The table's wrapper is right by itself: what fails above fails for the reason that is named."""
    folder = hand_in({"attention.py": wrapped("return output, weights")})
    with Judge(load("core"), folder, zygote, seed=SEED) as judge:
        verdicts = [judge.judge(check) for check in judge.checks[:3]]
    assert [check.id for check in judge.checks[:3]] == [
        *("attention.interface", "attention.shapes", "attention.agrees_with_reference")
    ]
    assert {Outcome.PASSED} == {verdict.outcome for verdict in verdicts}


# ---------------------------------------------------------------------------------------------------- the real run

JUNK = 50 << 20
NOTHING = "None of the files that are asked for was handed in. Asked for: mask.py. Found: "
IN_A_FOLDER = "Your files were found in the folder “hw3/mine” and graded from there; next time put them at the top."
RENAME = "meant to be it? A file must have exactly the name that is asked for."
slow = pytest.mark.slow
HANDED_IN = {
    "a folder in a folder": pytest.param({"hw3/mine/mask.py": RIGHT}, 11.0, IN_A_FOLDER),
    "50 MB of junk": pytest.param(
        {"hw3.zip": b"PK", "data.bin": bytes(JUNK)},
        0.0,
        f"{NOTHING}data.bin, hw3.zip. hw3.zip is not opened here: unpack it and hand in the files themselves.",
        marks=slow,
    ),
    "empty": pytest.param({}, 0.0, "Nothing was handed in: the submission is empty. Asked for: mask.py.", marks=slow),
    **{
        name: pytest.param(
            {name: RIGHT}, 0.0, f"{NOTHING}{name}. There is no mask.py; was “{name}” {RENAME}", marks=slow
        )
        for name in ("Mask.py", "mask (1).py", "mask.py.txt", "Copy of mask.py", "masks.py")
    },
}


@pytest.mark.parametrize(("files", "points", "says"), HANDED_IN.values(), ids=HANDED_IN)
def test_what_was_handed_in(
    files: dict[str, str | bytes], points: float, says: str, hand_in: HandIn, masks: Path, tmp_path: Path
) -> None:
    """By the real command: a complete file, whose first line says what is odd; no points where nothing can be graded."""
    path = tmp_path / "results.json"
    assert main([f"--homework={masks}", f"--submission={hand_in(files)}", f"--results={path}", "--quiet"]) == 0
    results = read(path)
    assert results.output.splitlines()[0] == says
    assert (results.score, results.max_score, results.extra_data["finished"]) == (points, 11.0, True)
    assert results.extra_data["nothing_to_grade"] is (points == 0)
    assert path.stat().st_size < 256 << 10


def test_a_folder_that_takes_no_file(hand_in: HandIn, masks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A results folder in which nothing can be made is misuse, said in one sentence before anything is graded."""
    results = "/proc/results.json"
    assert main([f"--homework={masks}", f"--submission={hand_in({})}", f"--results={results}"]) == 2
    assert "cannot be written: " in " ".join(capsys.readouterr().out.split())


def test_a_full_disk_keeps_what_was_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects earlier verdicts: where the next version does not fit on the disk, the last one stays, whole and alone."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "results.json"
    entry = TestEntry(name="A", number="1", score=1, max_score=2, status="failed")
    write(Results(tests=[entry]), path)
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(Results(tests=[entry], output="later"), path)
    assert [path] == list(tmp_path.iterdir())
    assert path.read_bytes() == before
