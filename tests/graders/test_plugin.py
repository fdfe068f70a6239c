"""`pytest graders --homework H --submission DIR`, as a person types it: real processes, hostile folders."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from graders.catalogue import all_checks
from graders.homework import available, config_of
from graders.plugin import Grading, _interrupt, hardened_command, named_homework, without_settings
from gradescope.results import Results, read

ROOT = Path(__file__).resolve().parent.parent.parent
MASK_FILE = str(ROOT / "graders" / "test_mask.py")
MODULE = [sys.executable, "-m", "pytest"]
SCRIPT = [str(Path(sys.executable).with_name("pytest"))]
SENTENCES = [
    check.sentence for check in sorted(all_checks(), key=lambda check: check.group.order) if check.task == "mask"
]
VERDICT = re.compile(r"^ *(passed|failed|not judged|advice)  (\S+) +(.+)$", re.MULTILINE)
CORE_POINTS = float(sum(item.points for item in config_of("core").auto_items))

pytestmark = pytest.mark.skipif(not Path(SCRIPT[0]).exists(), reason="no pytest script stands next to this Python")


@dataclass(frozen=True)
class Run:
    """One finished process: exit status, everything it printed, and what it left in its own temporary folder."""

    status: int
    output: str
    left: list[str]

    @property
    def verdicts(self) -> list[tuple[str, str, str]]:
        """The verdict lines: category, number, sentence."""
        return [(category, number, sentence) for category, number, sentence in VERDICT.findall(self.output)]

    @property
    def timeless(self) -> str:
        """The output without durations."""
        return re.sub(r"\d+\.\d+s\b", "…s", self.output)


Start = Callable[..., Run]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Run a command; pytest's own environment variables stay out of it."""

    def start(*arguments: object, program: list[str] = SCRIPT, cwd: Path = ROOT) -> Run:
        scratch = tmp_path_factory.mktemp("scratch")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
        env |= {"TMPDIR": str(scratch), "COLUMNS": "160"}
        done = subprocess.run(
            [*program, *map(str, arguments)],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        return Run(done.returncode, done.stdout.decode(), sorted(os.listdir(scratch)))

    return start


@pytest.fixture(scope="module")
def clean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The solution of core's task mask."""
    folder = tmp_path_factory.mktemp("clean")
    (folder / "mask.py").write_bytes((ROOT / "reference" / "mask.py").read_bytes())
    return folder


@pytest.fixture(scope="module")
def chaff_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mask that lets each token see the next one."""
    folder = tmp_path_factory.mktemp("chaff")
    source = (ROOT / "tests" / "chaffs" / "mask" / "leaks_one_future_token.py").read_bytes()
    (folder / "mask.py").write_bytes(source)
    return folder


@dataclass(frozen=True)
class Hostile:
    """A folder with the right solution and everything that could steer or enter the judging process."""

    folder: Path
    marker: Path
    files: frozenset[str]

    def traces(self) -> list[str]:
        """What was executed of it, and what was written to it: nothing, if all is well."""
        executed = [self.marker.read_text()] if self.marker.exists() else []
        return executed + sorted({path.name for path in self.folder.iterdir()} - self.files)


MODULES = ["conftest", "torch", "random", "sitecustomize", "usercustomize", "evil", "graders", "hypothesis", "numpy"]
MODULES += ["pytest_timeout", "_hypothesis_pytestplugin", "test_of_the_student", "setup"]


def make_hostile(folder: Path, ini: str, left_out: frozenset[str] = frozenset()) -> Hostile:
    marker = folder.parent / f"{folder.name}_marker"
    folder.mkdir()
    for name in MODULES:
        if name not in left_out:
            text = (
                f"with open({str(marker)!r}, 'a') as file:\n    file.write({name!r})\n\n\ndef test_one():\n    pass\n"
            )
            (folder / f"{name}.py").write_text(text)
    solution = (ROOT / "reference" / "mask.py").read_text()
    (folder / "mask.py").write_text(solution.replace("import torch\n", "import random\nimport torch\n", 1))
    (folder / "evil.pth").write_text(f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n")
    (folder / "pytest.ini").write_text(ini)
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--collect-only"\n')
    (folder / "tox.ini").write_text("[pytest]\naddopts = --collect-only\n")
    (folder / "setup.cfg").write_text("[tool:pytest]\naddopts = --collect-only\n")
    return Hostile(folder, marker, frozenset(path.name for path in folder.iterdir()))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    """A pytest.ini that would collect only, and every module name that the judge imports."""
    folder = tmp_path_factory.mktemp("hostile") / "submission"
    return make_hostile(folder, "[pytest]\naddopts = --collect-only\ntestpaths = .\npython_files = *.py\n")


@pytest.fixture(scope="module")
def hostile_early(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    """A pytest.ini that has a plugin imported before any other, with the submission on sys.path."""
    folder = tmp_path_factory.mktemp("hostile_early") / "submission"
    return make_hostile(folder, "[pytest]\naddopts = -p evil\npythonpath = .\n")


@pytest.fixture(scope="module")
def plain(start: Start, clean_folder: Path) -> Run:
    """The run that all others are compared with."""
    return start("graders/test_mask.py", "--homework", "core", "--submission", clean_folder, program=MODULE)


# ---------------------------------------------------------------------------------------------------- a plain run


def test_all_checks_pass(plain: Run) -> None:
    """The solution passes, each line reads category, number, sentence, and the exit status is 0."""
    assert [("passed", "2", sentence) for sentence in SENTENCES] == plain.verdicts
    assert plain.status == 0
    assert "homework: core (Transformer building blocks)" in plain.output


def test_verdict_lines_stand_alone(plain: Run) -> None:
    """Nothing stands between the verdicts: they can be read from top to bottom."""
    lines = plain.output.splitlines()
    first = next(i for i, line in enumerate(lines) if VERDICT.match(line))
    assert all(VERDICT.match(line) for line in lines[first : first + len(SENTENCES)])


def test_nothing_is_left_behind(plain: Run, clean_folder: Path) -> None:
    """Neither a snapshot nor a cache stays, in the temporary folder or in the submission."""
    assert plain.left == []
    assert [path.name for path in clean_folder.iterdir()] == ["mask.py"]


# ---------------------------------------------------------------------------------------------------- hostile folders


def test_submission_first_from_the_checkout(start: Start, plain: Run, hostile: Hostile) -> None:
    """pytest reads the submission's ini first here, yet nothing of it is obeyed: the run starts again with ours."""
    run = start("--submission", hostile.folder, "--homework", "core", "graders/test_mask.py")
    assert (plain.status, plain.verdicts) == (run.status, run.verdicts)
    assert hostile.traces() == []


def test_from_inside_the_submission(start: Start, plain: Run, hostile: Hostile) -> None:
    """`cd submission; pytest /checkout/graders --submission .` obeys and imports nothing of the working directory."""
    run = start(MASK_FILE, "--homework", "core", "--submission", ".", cwd=hostile.folder)
    assert (plain.status, plain.verdicts) == (run.status, run.verdicts)
    assert hostile.traces() == []


def test_graders_first_from_elsewhere(start: Start, plain: Run, hostile_early: Hostile, tmp_path: Path) -> None:
    """With the graders named first, an ini that names a plugin is never read, whatever the spelling."""
    run = start(MASK_FILE, "--homework", "core", "--submission", hostile_early.folder, cwd=tmp_path)
    assert (plain.status, plain.verdicts) == (run.status, run.verdicts)
    assert hostile_early.traces() == []
    assert list(tmp_path.iterdir()) == []


PARTS = {
    "graders": (["graders/test_mask.py"], ["graders/test_mask.py"]),
    "homework": (["--homework", "core"], ["--homework=core"]),
    "submission": (["--submission", "{}"], ["--submission={}"]),
}
COMMANDS = [
    pytest.param(
        [*itertools.chain(*(PARTS[name][spelling] for name in order))], id=f"{'-'.join(order)}-{'=' * spelling}"
    )
    for order in itertools.permutations(PARTS)
    for spelling in (0, 1)
]

# Real pytest, real settings: only what would replace the process says what it would have started.
INSTEAD_OF_EXEC = """
import json, os, sys
def execv(path, arguments):
    print(json.dumps(arguments))
    sys.stdout.flush()
    os._exit(77)
os.execv = execv
sys.path.remove("")
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


OUTER = [sys.executable, "-c", INSTEAD_OF_EXEC]
OUTER_AS_A_MODULE = [sys.executable, "-c", INSTEAD_OF_EXEC.replace('sys.path.remove("")\n', "")]


def test_no_path_from_inside_the_submission(start: Start, hostile: Hostile) -> None:
    """Without a path the graders are meant: the working directory's tests and conftest.py are not executed."""
    given = ["--homework=core", "--submission=."]
    run = start(*given, program=OUTER, cwd=hostile.folder)
    assert run.status == 77, run.output
    assert hardened_command([*given, str(ROOT / "graders")]) == json.loads(run.output)
    assert hostile.traces() == []


def test_module_from_inside_the_submission(start: Start, tmp_path: Path) -> None:
    """`python -m pytest` puts the working directory on sys.path: the judge must not start there.

    What pytest imports before its plugins (random, say) is Python's own affair; those names are left out here.
    """
    early = frozenset({"random", "hypothesis", "pytest_timeout", "_hypothesis_pytestplugin", "graders"})
    hostile = make_hostile(tmp_path / "submission", "[pytest]\naddopts = --collect-only\n", early)
    given = [MASK_FILE, "--homework", "core", "--submission", "."]
    run = start(*given, program=OUTER_AS_A_MODULE, cwd=hostile.folder)
    assert run.status == 77, run.output
    assert hardened_command(given) == json.loads(run.output)
    assert hostile.traces() == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_order_starts_again_with_our_settings(start: Start, hostile: Hostile, command: list[str]) -> None:
    """Both spellings, every order: the run begins again isolated, and nothing was executed before."""
    given = [part.format(hostile.folder) for part in command]
    run = start(*given, program=OUTER)
    assert run.status == 77, run.output
    assert hardened_command(given) == json.loads(run.output)
    assert hostile.traces() == []


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_order_grades(start: Start, plain: Run, hostile: Hostile, command: list[str]) -> None:
    """Both spellings, every order, to the end: the same verdicts."""
    run = start(*(part.format(hostile.folder) for part in command))
    assert (plain.status, plain.verdicts) == (run.status, run.verdicts)
    assert hostile.traces() == []


@pytest.mark.parametrize("order", ["graders-submission", "submission-graders"])
def test_plugin_named_by_the_submission(start: Start, hostile_early: Hostile, order: str) -> None:
    """`addopts = -p evil` in the submission has no effect behind `=`, in either order."""
    given = ["graders/test_mask.py", f"--submission={hostile_early.folder}", "--homework=core"]
    if order == "submission-graders":
        given.reverse()
    run = start(*given, program=OUTER)
    assert run.status == 77, run.output
    assert hostile_early.traces() == []


@pytest.mark.xfail(
    reason="pytest imports what the first path's ini names before any entry point: no plugin can prevent it"
)
def test_plugin_named_by_the_submission_when_it_stands_first(start: Start, tmp_path: Path) -> None:
    """`pytest --submission DIR graders`: the known gap, for which `--submission=DIR` and run_autograder exist."""
    folder = make_hostile(tmp_path / "submission", "[pytest]\naddopts = -p evil\npythonpath = .\n")
    start("--submission", folder.folder, "--homework", "core", "graders", program=OUTER)
    assert folder.traces() == []


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("graders", f"(there is no 'graders' in {{}}: run it in {ROOT}, or write {ROOT / 'graders'})"),
        ("classroom", "(is it the value of an option that pytest does not know?)"),
    ],
)
def test_what_was_meant(start: Start, clean_folder: Path, tmp_path: Path, path: str, says: str) -> None:
    """Protects newcomers: outside of the checkout, or after an option of another command, it is said what to do."""
    run = start(path, "--homework=core", f"--submission={clean_folder}", cwd=tmp_path)
    assert run.status == 4
    assert says.format(tmp_path) in run.output


@pytest.mark.parametrize("inside", [False, True], ids=["as a path", "inside it"])
def test_submission_as_a_path_is_refused(start: Start, hostile: Hostile, inside: bool) -> None:
    """A path outside of the graders, or one that does not exist, would have conftest.py files executed."""
    path, cwd = ("nowhere", hostile.folder) if inside else (hostile.folder, ROOT)
    run = start(MASK_FILE, path, "--homework=core", f"--submission={hostile.folder}", cwd=cwd)
    assert run.status == 4
    assert f"{str(path)!r} is no path in {ROOT / 'graders'}" in run.output
    assert hostile.traces() == []


# ---------------------------------------------------------------------------------------------------- settings by hand


@pytest.mark.parametrize(
    "given",
    [
        ["-c", "x.ini", "a", "--rootdir", "/x", "b"],
        ["-cx.ini", "a", "--rootdir=/x", "b"],
        ["a", "--config-file", "x.ini", "b"],
        ["a", "b", "--config-file=x.ini"],
        ["a", "b", "-c"],
    ],
)
def test_settings_by_hand_are_left_out(given: list[str]) -> None:
    """An ini file or a root given on the command line is dropped, in every spelling."""
    assert without_settings(given) == ["a", "b"]


def test_other_options_stay() -> None:
    """Options that only look like those that choose settings are kept."""
    kept = ["--confcutdir=/x", "--collect-only", "--color=no", "-x", "-k", "c", "--co"]
    assert without_settings(kept) == kept


def test_settings_by_hand_do_not_loop(start: Start, clean_folder: Path, tmp_path: Path) -> None:
    """`-xc other.ini` cannot be taken apart safely: it is refused, and the process does not start itself for ever."""
    (tmp_path / "other.ini").write_text("[pytest]\n")
    run = start("graders", "--homework=core", f"--submission={clean_folder}", "-xc", tmp_path / "other.ini")
    assert run.status == 4
    assert "leave out -c" in run.output


def test_collect_only_under_foreign_settings(start: Start, clean_folder: Path, tmp_path: Path) -> None:
    """Foreign -c and --rootdir are ignored; --collect-only lists the checks, judges none and says so in the results."""
    (tmp_path / "other.ini").write_text("[pytest]\naddopts = -k nothing\n")
    results = tmp_path / "results.json"
    run = start(
        *("graders/test_mask.py", "--homework=core", f"--submission={clean_folder}", f"--results={results}"),
        *("-c", tmp_path / "other.ini", f"--rootdir={tmp_path}", "--collect-only", "-q"),
    )
    assert run.status == 0
    assert sum(line.startswith("graders/test_mask.py::") for line in run.output.splitlines()) == len(SENTENCES)
    written = read(results)
    assert (written.score, written.max_score) == (0.0, CORE_POINTS)
    assert written.output.startswith("Not finished: 0 of ")
    assert written.extra_data["finished"] is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.ini", "results.json"]


# ---------------------------------------------------------------------------------------------------- failures


@pytest.fixture(scope="module")
def failing(start: Start, chaff_folder: Path) -> Run:
    """A run in which some checks fail, with a seed."""
    return start("graders/test_mask.py", "--homework=core", f"--submission={chaff_folder}", "--seed=7")


def test_failures_are_explained(failing: Run) -> None:
    """A failed check shows its sentence, what was expected and got, and its smallest case; the exit status is 1."""
    assert failing.status == 1
    assert {category for category, _, _ in failing.verdicts} == {"passed", "failed"}
    assert [sentence for _, _, sentence in failing.verdicts] == SENTENCES
    explained = failing.output.partition("= FAILURES =")[2]
    for category, _, sentence in failing.verdicts:
        assert (category == "failed") == (f"\n{sentence}\n" in explained)
    assert "expected" in explained
    assert "The smallest case found:" in explained
    assert re.search(r"\n\nimport torch\nfrom mask import \w+\n", explained), "the snippet, not indented"


@pytest.mark.parametrize(("level", "shown"), [("hint", ["values are wrong"]), ("verdict", ["does not show what"])])
def test_failures_are_told_by_the_level_of_feedback(
    start: Start, chaff_folder: Path, tmp_path: Path, level: str, shown: list[str]
) -> None:
    """The terminal tells no more than the homework's level allows: neither expected values nor cases nor snippets."""
    homeworks = ROOT / "graders" / "homeworks"
    toml = (homeworks / "core.toml").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(f'feedback = "{level}"\n{toml}', encoding="utf-8")
    (tmp_path / "own.py").write_text("from graders.homeworks.core import BINDING\n", encoding="utf-8")
    run = start(
        "graders/test_mask.py", f"--homework={tmp_path / 'own.toml'}", f"--submission={chaff_folder}", "--seed=7"
    )
    explained = run.output.partition("= FAILURES =")[2]
    assert all(words in explained for words in shown)
    for words in ("expected True", "expected False", "The smallest case found:", "import torch"):
        assert words not in explained


def test_seed_replays(start: Start, failing: Run, chaff_folder: Path) -> None:
    """Two runs with the same seed print the same, to the letter, but for durations."""
    again = start("graders/test_mask.py", "--homework=core", f"--submission={chaff_folder}", "--seed=7")
    assert failing.timeless == again.timeless


def test_stops_at_the_first_failure(start: Start, tmp_path: Path) -> None:
    """-x ends the run after one failed check; what was not judged counts 0 and says so."""
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "mask.py").write_bytes((ROOT / "student_template" / "core" / "mask.py").read_bytes())
    results = tmp_path / "results.json"
    run = start(MASK_FILE, "--homework=core", f"--submission={folder}", f"--results={results}", "-x", cwd=tmp_path)
    assert [("failed", "2", SENTENCES[0])] == run.verdicts
    assert run.status == 1
    written = read(results)
    assert (written.score, written.max_score) == (0.0, CORE_POINTS)
    assert "Not judged yet: it counts 0 until it is." in written.tests[1].output


def test_failed_prerequisite_is_said(start: Start, tmp_path: Path) -> None:
    """Behind a failed interface the other checks are not judged, and the exit status is 1; -k deselects by name."""
    run = start(MASK_FILE, "--homework=core", f"--submission={tmp_path}", "-k", "interface or shapes")
    assert [("failed", "2", SENTENCES[0]), ("not judged", "2", SENTENCES[1])] == run.verdicts
    assert run.status == 1
    assert "There is no file mask.py in the submission." in run.output


def test_advice_costs_nothing(start: Start, tmp_path: Path) -> None:
    """A failed advice has a line and a message of its own and leaves the exit status at 0."""
    solution = ROOT / "reference" / "homeworks" / "cmu_birthplaces" / "src" / "attention.py"
    (tmp_path / "src").mkdir()
    wrapper = "\n\n_forward = CausalSelfAttention.forward\n"
    wrapper += "CausalSelfAttention.forward = lambda self, x: _forward(self, x).float()\n"
    (tmp_path / "src" / "attention.py").write_text(solution.read_text() + wrapper)
    only = "keeps_dtype or interface or shapes"
    run = start("graders/test_multi_head.py", "--homework=cmu_birthplaces", f"--submission={tmp_path}", "-k", only)
    categories = [category for category, _, _ in run.verdicts]
    assert categories == ["passed", "passed", "advice"]
    assert run.status == 0
    assert "1 advice" in run.output
    after = run.output.partition("    advice  ")[2].splitlines()
    assert re.match(r" {21}\S", after[1]), after[:2]


# ---------------------------------------------------------------------------------------------------- misuse

HOW_TO = "pytest graders --homework core --submission path/to/folder"


def test_without_options(start: Start) -> None:
    """`pytest graders` alone says what to pass and which homeworks there are."""
    run = start("graders")
    assert run.status == 4
    assert f"graders needs a homework and a submission: {HOW_TO} (homeworks: {', '.join(available())})" in run.output


@pytest.mark.parametrize(
    ("given", "missing"),
    [("--homework=core", "--submission"), ("--submission=.", "--homework")],
    ids=["homework", "folder"],
)
def test_with_one_option(start: Start, given: str, missing: str) -> None:
    """One of the two options alone: the other one is named."""
    run = start("graders", given)
    assert run.status == 4
    assert f"ERROR: {missing} is missing; the command reads: {HOW_TO}" in run.output


@pytest.mark.parametrize(("given", "expected"), [(None, "jhu_tinygpt"), ("core", "core")])
def test_a_kit_names_its_homework(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, expected: str
) -> None:
    """Where a file HOMEWORK lies beside the graders, `--homework` may be left out; given, it wins."""
    monkeypatch.setattr("graders.plugin.HOMEWORK_FILE", tmp_path / "HOMEWORK")
    assert given == named_homework(SimpleNamespace(homework=given))
    (tmp_path / "HOMEWORK").write_text("jhu_tinygpt\n")
    assert expected == named_homework(SimpleNamespace(homework=given))


def test_help_needs_no_options(start: Start) -> None:
    """`pytest graders --help` shows the options in the place of an error."""
    run = start("graders", "--help")
    assert run.status == 0
    assert "--homework=SLUG" in run.output


def test_unknown_homework(start: Start, clean_folder: Path) -> None:
    """An unknown homework names those that there are and the nearest."""
    run = start("graders", "--homework=cmu_birthplace", f"--submission={clean_folder}")
    assert run.status == 4
    assert f"there is no homework 'cmu_birthplace'; there are: {', '.join(available())}." in run.output
    assert "Did you mean 'cmu_birthplaces'?" in run.output
    assert run.left == []


def test_missing_submission(start: Start, tmp_path: Path) -> None:
    """A folder that is not there is named, and the results are valid with every point at stake."""
    results = tmp_path / "new" / "results.json"
    run = start("graders", "--homework=core", f"--submission={tmp_path / 'nowhere'}", f"--results={results}")
    assert run.status == 4
    message = f"there is no submission at {tmp_path / 'nowhere'}: pass the folder that was handed in"
    assert f"ERROR: {message}" in run.output
    written: Results = read(results)
    assert (written.output, written.score, written.max_score) == (message, 0.0, CORE_POINTS)
    assert [path.name for path in results.parent.iterdir()] == ["results.json"]


def test_results_that_cannot_be_written(start: Start, clean_folder: Path, tmp_path: Path) -> None:
    """A results path that is a folder is a sentence, not a traceback, and no snapshot stays behind."""
    run = start("graders", "--homework=core", f"--submission={clean_folder}", f"--results={tmp_path}")
    assert run.status == 4
    assert f"ERROR: --results {tmp_path} cannot be written: Is a directory" in run.output
    assert run.left == []


def test_a_request_to_end_does_not_cut_the_end_short() -> None:
    """Protects the last version of the results: SIGTERM while a run is ending loses nothing, since it ends anyway."""
    ended = []
    grading = SimpleNamespace(
        close=lambda: os.kill(os.getpid(), signal.SIGTERM),
        config=SimpleNamespace(hook=SimpleNamespace(pytest_headmaster_end=lambda **facts: ended.append(facts))),
        judge="the judge",
        started=0.0,
    )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        Grading.pytest_sessionfinish(grading)  # type: ignore[arg-type]
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [facts["judge"] for facts in ended] == ["the judge"]
