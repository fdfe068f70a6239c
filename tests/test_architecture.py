"""The house's doors open one way: which room may import which (docs/architecture.md)."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch_free

ROOT = Path(__file__).parent.parent
ROOMS = ("reference", "sandbox", "graders", "gradescope", "classroom", "audit", "headmaster", "tests", "benchmarks")
MAY_IMPORT = {
    "reference": {"reference"},
    "sandbox": {"sandbox"},
    "graders": {"graders", "sandbox", "reference"},
    "gradescope": {"gradescope", "graders", "sandbox"},
    "classroom": {"classroom", "gradescope", "graders", "sandbox"},
    "audit": {"audit", "graders", "sandbox", "reference"},
    "headmaster": {"classroom", "gradescope", "audit", "graders", "reference"},
    "run_autograder": {"gradescope"},
    "benchmarks": {"benchmarks", "graders", "sandbox", "reference"},
}
# modules that also live inside the zygote, next to student code
INSIDE = {
    "chain",
    "checkpoint",
    "confine",
    "execution",
    "landlock",
    "loading",
    "main_program",
    "masked_part",
    "notebook",
    "part",
    "probes",
    "profiles",
    "scan",
    "seccomp",
    "slicing",
    "stand_ins",
    "statements",
    "text_model",
    "training",
    "watching",
    "window_model",
    "wire",
    "worker",
    "zygote",
}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "misc", "helpers", "helper"}


def sources() -> list[Path]:
    """Every Python file of the rooms, without what is generated or a submission."""
    files = [path for room in ROOMS if room != "tests" for path in sorted((ROOT / room).rglob("*.py"))]
    return [*files, ROOT / "headmaster.py", ROOT / "run_autograder"]


def room_of(path: Path) -> str:
    """The room of a file: its top folder, or the name of a file at the root."""
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> set[str]:
    """The absolute names that a file imports, wherever the import stands; relative ones are resolved."""
    package = list(path.relative_to(ROOT).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_run_one_way(path: Path) -> None:
    """No room imports one that stands above it; homeworks' solutions import nothing of ours."""
    room = room_of(path)
    foreign = {name for name in imports(path) if name.partition(".")[0] in ROOMS}
    allowed = MAY_IMPORT[room]
    if (ROOT / "reference" / "homeworks") in path.parents:
        allowed = set()
    assert {name for name in foreign if name.partition(".")[0] not in allowed} == set()


def test_only_oracles_and_judge_know_the_answer_key() -> None:
    """The answer key is imported by one folder of the graders, so that the students' kit can leave it out."""
    users = [
        path.parent.name
        for path in sorted((ROOT / "graders").rglob("*.py"))
        if any(name.partition(".")[0] == "reference" for name in imports(path))
    ]
    assert set(users) == {"oracles"}


def test_what_lives_beside_student_code_imports_nothing_else_of_ours() -> None:
    """The zygote gets a few modules as text; they may import each other only, and never pickle."""
    for name in INSIDE:
        found = imports(ROOT / "sandbox" / f"{name}.py")
        ours = {module.partition(".")[2].partition(".")[0] for module in found if module.startswith("sandbox")}
        assert ours - INSIDE - {""} == set(), name
        assert {"pickle", "marshal", "shelve", "multiprocessing"} & found == set(), name


def test_the_judging_side_never_unpickles() -> None:
    """Trust rule 1: nothing that a student handed in is unpickled or executed where the judge is."""
    forbidden = re.compile(r"\bpickle\b|torch\.load|weights_only=False|allow_pickle=True|\bdill\b|\bcloudpickle\b")
    for room in ("graders", "gradescope"):
        for path in sorted((ROOT / room).rglob("*.py")):
            assert forbidden.search(path.read_text(encoding="utf-8")) is None, path


def test_every_module_name_says_something() -> None:
    """No drawer for odds and ends."""
    names = {path.stem for path in sources() if (ROOT / "reference" / "homeworks") not in path.parents}
    assert names & NAMES_THAT_SAY_NOTHING == set()


def test_every_test_file_mirrors_a_module() -> None:
    """A newcomer finds the tests of a file by its path."""
    for room in ("sandbox", "graders", "gradescope", "audit", "reference"):
        for path in sorted((ROOT / "tests" / room).rglob("test_*.py")):
            relative = path.relative_to(ROOT / "tests").parent
            module = ROOT / relative / f"{path.stem.removeprefix('test_')}.py"
            if path.stem not in (
                "test_bad_input",
                "test_cmu_bugs",
                "test_cmu_commands",
                "test_cmu_modern_llm",
                "test_life_cycle",
            ):
                assert module.exists() or module.with_suffix("").is_dir(), path
