"""How a submission's modules find each other, and what they cannot replace."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import loading
from sandbox.client import Submission
from sandbox.errors import StudentError

MakeSubmission = Callable[..., Submission]


def value_of(submission: Submission, module: str = "student") -> Any:
    """What `f` of a module returns in a fresh worker."""
    with submission.open(seed=1) as worker:
        return worker.resolve(module, "f")()


def facts_of(submission: Submission, module: str = "student", name: str = "f") -> dict[str, Any]:
    """What is told when resolving a name fails; the worker must live on."""
    with submission.open(seed=1) as worker:
        with pytest.raises(StudentError) as caught:
            worker.resolve(module, name)
        assert worker.layers()
    return caught.value.facts


# ---------------------------------------------------------------------------------------------------- module objects


def test_every_way_reaches_the_same_module(submission: MakeSubmission) -> None:
    """Protects classes and state from existing twice: flat, relative and folder imports give one module object."""
    files = {
        "src/part.py": "class Part: pass\nloads = []\n",
        "src/student.py": """
            import importlib, sys
            import part
            import src.part
            from . import part as relative
            from .part import Part
            from src import part as through_folder
            from src.part import Part as SamePart
            def f():
                modules = [part, src.part, relative, through_folder, importlib.import_module("part")]
                return [all(m is part for m in modules), Part is SamePart, part.__name__ == part.__spec__.name]
        """,
    }
    assert value_of(submission(files, code="src")) == [True] * 3


def test_a_module_is_executed_once(submission: MakeSubmission) -> None:
    """Protects side effects on import: under however many names, a module's code runs once."""
    files = {
        "part.py": "import builtins\nbuiltins.count = getattr(builtins, 'count', 0) + 1\n",
        "student.py": "import part, builtins\nfrom . import part\ndef f():\n    import part\n    return builtins.count",
    }
    assert value_of(submission(files)) == 1


def test_circular_imports(submission: MakeSubmission) -> None:
    """Protects submissions whose modules import each other, flat and relative: they work as plain Python does."""
    files = {
        "student.py": "import helper\nVALUE = 3\ndef f(): return helper.g() + VALUE",
        "helper.py": "import student\nfrom . import third\ndef g(): return student.VALUE + third.h()",
        "third.py": "import helper, student\ndef h(): return len([helper.g, student.f])",
    }
    assert value_of(submission(files)) == 8


@pytest.mark.parametrize(
    "statement", ["import pkg.sub.leaf", "from pkg.sub import leaf", "from pkg import sub; import pkg.sub.leaf"]
)
@pytest.mark.parametrize("init", [True, False], ids=["packages", "plain folders"])
def test_sub_packages(statement: str, init: bool, submission: MakeSubmission) -> None:
    """Protects submissions with folders of modules, with or without `__init__.py`, and relative imports."""
    files = {
        "pkg/base.py": "VALUE = 5",
        "pkg/sub/leaf.py": "from ..base import VALUE\nimport pkg.base\ndef g(): return VALUE, pkg.base.VALUE",
        "student.py": f"{statement}\nimport pkg.sub.leaf as named\ndef f(): return named.g()",
    }
    if init:
        files |= {"pkg/__init__.py": "from .base import VALUE", "pkg/sub/__init__.py": ""}
    assert value_of(submission(files)) == (5, 5)


def test_a_module_inside_a_package_can_be_graded(submission: MakeSubmission) -> None:
    """Protects homeworks whose files lie in folders: a dotted name is resolved."""
    assert value_of(submission({"pkg/part.py": "def f(): return 1"}), "pkg.part") == 1


def test_the_submission_can_be_a_package_itself(submission: MakeSubmission) -> None:
    """Protects submissions with an `__init__.py` at the top: it is executed first."""
    files = {
        "__init__.py": "from .part import g\nREADY = True",
        "part.py": "def g(): return 1",
        "student.py": "from . import READY, g as f",
    }
    assert value_of(submission(files)) == 1


@pytest.mark.parametrize("name", ["submission", "worker", "wire", "sandbox", "zygote", "main", "utils", "test"])
def test_names_that_are_the_students(name: str, submission: MakeSubmission) -> None:
    """Protects common names of files: none of the sandbox's own names stands in their way."""
    files = {f"{name}.py": "def g(): return 5", "student.py": f"from {name} import g\nimport {name}\nf = {name}.g"}
    assert value_of(submission(files)) == 5


def test_a_folder_named_submission(submission: MakeSubmission) -> None:
    """Protects starters whose code lies in `src/submission`, imported by that name from within and from beside."""
    inside = {
        "src/submission/__init__.py": "",
        "src/submission/student.py": "import submission.part\nfrom submission import part\nf = part.g",
        "src/submission/part.py": "def g(): return 5",
    }
    assert value_of(submission(inside, code="src/submission")) == 5
    beside = {**inside, "src/run.py": "from submission.student import f"}
    assert value_of(submission(beside, code="src"), "run") == 5


# ---------------------------------------------------------------------------------------------------- who wins


@pytest.mark.parametrize("name", ["torch", "random", "numpy", "math", "json", "typing"])
def test_loaded_and_standard_modules_win(name: str, submission: MakeSubmission) -> None:
    """Protects the worker and honest imports from a student's torch.py or random.py."""
    files = {
        f"{name}.py": "raise SystemExit('the student’s')",
        "student.py": f"import {name}\ndef f(): return {name}.__name__",
    }
    assert name == value_of(submission(files))


def test_a_standard_module_that_is_not_loaded_yet_wins(submission: MakeSubmission) -> None:
    """Protects packages that import the standard library late, also when the folder of the code has such a name."""
    files = {
        "code/student.py": "import wave, code\ndef f(): return [hasattr(wave, 'Wave_read'), hasattr(code, 'interact')]"
    }
    files["code/wave.py"] = "raise SystemExit('the student’s')"
    assert value_of(submission(files, code="code")) == [True, True]


def find(folder: Path, program: str) -> Any:
    """Run a program in an interpreter of its own with a submission installed and another package folder in the path."""
    start = f"""
import importlib.util, json, sys
sys.path.append({str(folder / "installed")!r})
spec = importlib.util.spec_from_file_location("loading", {loading.__file__!r})
loading = importlib.util.module_from_spec(spec)
spec.loader.exec_module(loading)
loading.install({str(folder / "submission")!r}, ["src"])
def main():
    {program}
print(json.dumps(main()))
"""
    command = [sys.executable, "-I", "-S", "-c", start]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    return json.loads(done.stdout)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_submitted_file_wins_over_an_installed_package(tmp_path: Path) -> None:
    """Protects a student's utils.py from an installed `utils`, a folder's name included; the rest is still found."""
    files = {
        "installed/utils.py": "WHOSE = 'installed'",
        "installed/helpers/__init__.py": "WHOSE = 'installed'",
        "installed/src/__init__.py": "WHOSE = 'installed'",
        "installed/other/__init__.py": "WHOSE = 'installed'",
        "installed/other/part.py": "WHOSE = 'installed'",
        "submission/utils.py": "WHOSE = 'submitted'",
        "submission/helpers/part.py": "WHOSE = 'submitted'",
        "submission/__init__.py": "WHOSE = 'submitted'",
        "submission/data/readme.txt": "",
    }
    write(tmp_path, files)
    program = (
        "import utils, helpers.part, src, other.part; return [m.WHOSE for m in (utils, helpers.part, src, other.part)]"
    )
    assert find(tmp_path, program) == ["submitted", "submitted", "submitted", "installed"]
    assert find(tmp_path, "return [importlib.util.find_spec(name) for name in ('data', 'nowhere')]") == [None, None]
    assert find(tmp_path, "import utils; return sys.modules['_submission.utils'] is utils")


HUB = {  # an installed package with modules of its own, some of them imported late
    "installed/hub/__init__.py": """
        from .core import Model
        from . import names
        __version__ = "4.2"
        Tokenizer = names.Tokenizer
        Shared = "installed"
        loads = []
        def __getattr__(name):
            if name != "Late":
                raise AttributeError(name)
            import importlib
            return importlib.import_module(".late", __name__).Late
    """,
    "installed/hub/core.py": "import hub\nclass Model: pass\ndef shared(): return hub.Shared",
    "installed/hub/names.py": "class Tokenizer: pass",
    "installed/hub/late.py": "from . import core\nfrom hub import Tokenizer\nclass Late(Tokenizer): pass",
    "installed/hub/deep/__init__.py": "from ..core import Model",
    "installed/hub/deep/part.py": "from .. import Tokenizer\nfrom ..core import Model\nWHERE = __name__",
}


@pytest.mark.parametrize(
    "program",
    [
        "import hub; return [hub.f(), hub.Shared, hub.Tokenizer.__name__, hub.__version__]",
        "from hub import Tokenizer, f, Shared, __version__; return [f(), Shared, Tokenizer.__name__, __version__]",
        "import student; return [student.f(), student.Shared, student.Tokenizer.__name__, student.hub.__version__]",
    ],
)
@pytest.mark.parametrize("own_import", ["", "from hub import Tokenizer, Late\nimport hub.deep.part\n"])
@pytest.mark.parametrize("as_folder", [False, True], ids=["file", "folder"])
def test_a_file_with_the_name_of_an_installed_package(
    program: str, own_import: str, as_folder: bool, tmp_path: Path
) -> None:
    """Protects a student's transformers.py and the package both: the file's names win, the others are the package's."""
    file = "submission/hub/__init__.py" if as_folder else "submission/hub.py"
    files = {
        file: f"{own_import}def f(): return 'submitted'\nShared = 'submitted'",
        "submission/student.py": "import hub\nfrom hub import *\nfrom hub import Tokenizer",
    }
    write(tmp_path, {name: textwrap.dedent(text) for name, text in {**HUB, **files}.items()})
    assert find(tmp_path, program) == ["submitted", "submitted", "Tokenizer", "4.2"]


def test_modules_of_a_package_whose_name_is_taken(tmp_path: Path) -> None:
    """Protects `from transformers.models… import …` and late imports within the package, which sees itself alone."""
    files = {"submission/hub.py": "Shared = 'submitted'\nimport hub.names"}
    write(tmp_path, {name: textwrap.dedent(text) for name, text in {**HUB, **files}.items()})
    program = """import hub.deep.part
    from hub import Late, Model, core
    from hub.deep import part
    import hub.late as late
    return [
        part.WHERE, part.Model is Model is core.Model, issubclass(Late, part.Tokenizer), late.Late is Late,
        core.shared(), hub.Shared, sys.modules["hub"].__name__, sys.modules["hub.core"] is core,
    ]"""
    assert find(tmp_path, program) == [
        "hub.deep.part",
        True,
        True,
        True,
        "installed",
        "submitted",
        "_submission.hub",
        True,
    ]


def test_what_neither_has(tmp_path: Path) -> None:
    """Protects the usual errors: a name or a module that is in neither, and a package that is not installed at all."""
    files = {"submission/hub.py": "", "submission/alone.py": "", "submission/data/x.py": ""}
    write(tmp_path, {name: textwrap.dedent(text) for name, text in {**HUB, **files}.items()})
    program = """found = []
    import hub, alone, data
    for statement in ("from hub import nothing", "import hub.nothing", "hub.nothing", "from alone import nothing",
                      "import alone.nothing", "alone.__path__", "hub.__nothing__", "import data.nothing"):
        try:
            exec(statement)
        except (ImportError, AttributeError) as error:
            found.append(type(error).__name__)
    return found + ["__getattr__" in vars(alone)]"""
    missing = ["ImportError", "ModuleNotFoundError", "AttributeError"]
    rest = ["AttributeError", "AttributeError", "ModuleNotFoundError", False]
    assert find(tmp_path, program) == [*missing, *missing[:2], *rest]


def test_an_installed_package_is_not_graded(tmp_path: Path) -> None:
    """Protects from points for what the package defines: a graded name is the file's own, or it is missing."""
    files = {"submission/hub.py": "def f(): pass"}
    write(tmp_path, {name: textwrap.dedent(text) for name, text in {**HUB, **files}.items()})
    program = """import hub
    found = [loading.own(hub, "f") is hub.f, hub.Tokenizer.__name__]
    try:
        loading.own(hub, "Tokenizer")
    except AttributeError as error:
        return found + [str(error)]"""
    assert find(tmp_path, program) == [True, "Tokenizer", "Tokenizer"]


def test_compiled_code_is_never_looked_at(tmp_path: Path) -> None:
    """Protects what a reader of the source believes: a `.pyc` that claims to belong to it is ignored."""
    write(tmp_path, {"submission/student.py": "WHOSE = 'source'\n", "evil.py": "WHOSE = 'compiled'\n"})
    program = f"""import py_compile
    from importlib._bootstrap_external import cache_from_source
    cached = cache_from_source({str(tmp_path / "submission/student.py")!r})
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile({str(tmp_path / "evil.py")!r}, cached, invalidation_mode=mode)
    import student
    return student.WHOSE"""
    assert find(tmp_path, program) == "source"


def test_a_submissions_start_files_do_nothing(submission: MakeSubmission) -> None:
    """Protects the worker from files that Python executes at its start when they lie in the right place."""
    evil = "import builtins\nbuiltins.poisoned = True"
    files = {
        "sitecustomize.py": evil,
        "usercustomize.py": evil,
        "evil.pth": "import builtins; builtins.poisoned = True",
    }
    files |= {"conftest.py": evil, "student.py": "import builtins\ndef f(): return hasattr(builtins, 'poisoned')"}
    made = submission(files)
    assert value_of(made) is False


# ---------------------------------------------------------------------------------------------------- what is told


def test_syntax_errors(submission: MakeSubmission) -> None:
    """Protects the message about a file that Python cannot read: file, line, the line itself; also one file away."""
    files = {"student.py": "import part\n", "pkg/x.py": "", "part.py": "x = 1\ndef g(:\n    pass\n"}
    expected = {
        "kind": "syntax",
        "type": "SyntaxError",
        "message": "invalid syntax",
        "file": "part.py",
        "line": 2,
        "code": "def g(:",
    }
    made = submission(files)
    assert expected == facts_of(made, "part")
    assert expected == facts_of(made, "student")


def test_indentation_and_encoding_errors(submission: MakeSubmission) -> None:
    """Protects the message about tabs and encodings, which are syntax errors too."""
    made = submission({"tabs.py": "if 1:\n        a = 1\n\tb = 2\n", "coding.py": "# coding: nonsense\n"})
    facts = facts_of(made, "tabs")
    assert (facts["kind"], facts["type"], facts["file"], facts["line"]) == ("syntax", "TabError", "tabs.py", 3)
    assert tuple(facts_of(made, "coding")[key] for key in ("kind", "file")) == ("syntax", "coding.py")


def test_a_missing_module(submission: MakeSubmission) -> None:
    """Protects the message about a file that was not handed in."""
    assert facts_of(submission({"student.py": ""}), "attention") == {"kind": "missing_module", "module": "attention"}


@pytest.mark.parametrize(
    ("code", "nearest"),
    [
        ("def Attention(): pass", "Attention"),
        ("class MultiheadAttention: pass\ndef atention(): pass", "atention"),
        ("def _attention(): pass\nsomething = 1", None),
        ("", None),
    ],
)
def test_a_missing_name(code: str, nearest: str | None, submission: MakeSubmission) -> None:
    """Protects the message about a name that is not there, with the nearest one that is."""
    facts = facts_of(submission({"student.py": code}), name="attention")
    assert {"kind": "missing_name", "module": "student", "name": "attention", "nearest": nearest} == facts


@pytest.mark.parametrize(
    "statement",
    ["import einsteinium", "from einsteinium import sum", "import part.einsteinium", "from . import part, einsteinium"],
)
def test_a_missing_import_within(statement: str, submission: MakeSubmission) -> None:
    """Protects the message about an import that fails inside a submitted file: it is not that file that is missing."""
    facts = facts_of(submission({"student.py": f"x = 1\n{statement}\ndef f(): pass", "part.py": ""}))
    assert ("raised", "student.py", 2, statement) == tuple(facts[key] for key in ("kind", "file", "line", "code"))
    assert "einsteinium" in facts["message"]


def test_an_exception_on_import(submission: MakeSubmission) -> None:
    """Protects the message about code that runs on import: the place in the student's own file, however deep."""
    facts = facts_of(submission({"student.py": "import json\ndef g():\n    json.loads('{')\ng()\n"}))
    found = tuple(facts[key] for key in ("kind", "type", "file", "line", "code"))
    assert found == ("raised", "JSONDecodeError", "student.py", 3, "json.loads('{')")


def test_no_path_of_the_snapshot_is_told(submission: MakeSubmission) -> None:
    """Protects reports from paths of the machine: files are named relative to the code."""
    made = submission({"src/deep/part.py": "1 / 0", "src/student.py": "import deep.part"}, code="src")
    assert facts_of(made)["file"] == "deep/part.py"
