"""What a package holds: enough to grade, and nothing of other homeworks."""

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

from graders.catalogue import checks_of
from graders.homework import HomeworkError, available, load
from graders.misconceptions import banks
from gradescope.contents import ROOT, closure, files_of, homework_file
from reference.corpora.birth_places import make_birth_places
from tests.trained_models import staff

EXAMPLE = ROOT / "examples" / "first_attention"
OWN = str(EXAMPLE / "first_attention.toml")
# run without the checkout: -S leaves out the .pth file of an editable installation
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
sys.path.append(sys.argv[2])
import gradescope.plugin, gradescope.report, gradescope.verify, graders.doctor, graders.plugin
from graders.catalogue import all_checks, checks_of
from graders.homework import check_ids, load
from graders.judge import reference_of
from graders.misconceptions import banks
homework = load(sys.argv[3])
check_ids(homework, [check.id for check in all_checks()])
rooms = ("sandbox", "graders", "gradescope", "reference")
print(json.dumps({
    "checks": [check.id for check in checks_of(homework)],
    "banks": sorted(banks()),
    "solution": str(reference_of(sys.argv[3])),
    "strangers": [name for name, module in sys.modules.items() if name.split(".")[0] in rooms
                  and not (getattr(module, "__file__", None) or sys.argv[1]).startswith(sys.argv[1])],
}))
"""


def lay_out(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files as they will lie in the package."""
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)


def grades_alone(name: str, folder: Path) -> None:
    """The package's files suffice: without the checkout the same checks and banks are there."""
    lay_out(files_of(name), folder)
    inside = homework_file(name)
    if inside.endswith(".toml"):
        inside = str(folder / inside)
    packages = sysconfig.get_paths()["purelib"]
    command = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(folder), packages, inside]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    homework = load(name)
    tasks = {task for item in homework.config.auto_items for task in item.tasks}
    assert found["strangers"] == []
    assert found["checks"] == [check.id for check in checks_of(homework)]
    assert found["banks"] == sorted(tasks & set(banks()))
    assert found["solution"].startswith(str(folder))


def test_own_homework_grades_alone(tmp_path: Path) -> None:
    """Protects a package of an instructor's own homework: TOML, binding, solution and template, and nothing is missing."""
    grades_alone(OWN, tmp_path)
    own = {path.relative_to(tmp_path / "homework").as_posix() for path in (tmp_path / "homework").rglob("*.*")}
    assert own == {"first_attention.py", "first_attention.toml", "solution/attend.py", "template/attend.py"}


@pytest.mark.slow
@pytest.mark.parametrize("slug", available())
def test_each_homework_grades_alone(slug: str, tmp_path: Path) -> None:
    """Protects packages from a module that is found by its name at run time, and was left out."""
    grades_alone(slug, tmp_path)


@pytest.mark.parametrize("slug", available())
def test_nothing_of_other_homeworks(slug: str) -> None:
    """Protects answer keys: no other homework's solution, binding, points or template; no wheats, chaffs, tests, audits."""
    others = [other for other in available() if other != slug]
    for name in files_of(slug):
        parts = Path(name).with_suffix("").parts
        assert not set(parts) & set(others), name
        assert parts[0] not in ("tests", "audit", "benchmarks", "examples", "docs", "headmaster"), name
        assert name not in ("gradescope/package.py", "gradescope/simulate.py", "gradescope/demo.py"), name


def test_checks_and_banks_of_its_tasks_alone() -> None:
    """Protects from shipping hidden checks of later weeks: those that its tasks, rules and times need, no others."""
    found = files_of("cmu_birthplaces")
    checks = {Path(name).stem for name in found if name.startswith("graders/test_")}
    assert checks == {
        f"test_{name}" for name in ("commands", "multi_head", "rope", "rules", "span_corruption", "timing", "training")
    }
    assert "graders/misconceptions/rope.py" in found
    assert "graders/misconceptions/tokenizer.py" not in found
    assert "student_template/cmu_birthplaces/src/attention.py" in found
    assert "reference/homeworks/cmu_birthplaces/src/attention.py" in found


def test_all_that_runs_beside_student_code() -> None:
    """Protects the zygote, whose modules are read as text: the whole sandbox is there."""
    found = files_of(OWN)
    assert {name for name in found if name.startswith("sandbox/")} == {
        f"sandbox/{path.name}" for path in (ROOT / "sandbox").glob("*.py")
    }
    assert {"setup.sh", "run_autograder", "pyproject.toml", "constraints.txt", "LICENSE"} <= set(found)


def test_closure_follows_every_import() -> None:
    """Protects the search: packages above a module, relative imports, imports inside of functions; nothing else."""
    found = {path.relative_to(ROOT).as_posix() for path in closure(["gradescope.blank"])}
    assert {"gradescope/__init__.py", "gradescope/blank.py", "gradescope/results.py", "graders/homework.py"} <= found
    assert "graders/student.py" in found  # imported for types
    assert "gradescope/autograder.py" not in found
    assert closure(["torch.nn", "no.such", "headmaster"]) == set()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the example's TOML, with all that lies beside it."""
    shutil.copytree(EXAMPLE, tmp_path / "own")
    return tmp_path / "own" / "first_attention.toml"


def test_data_goes_in_and_litter_stays_out(copied: Path) -> None:
    """Protects hidden data and the package's bytes: a folder `data` is taken, what editors and Python leave is not."""
    for name in (
        "data/hidden.json",
        "solution/.DS_Store",
        "solution/__pycache__/attend.pyc",
        "solution/x.pyc",
        "notes",
    ):
        (copied.parent / name).parent.mkdir(exist_ok=True)
        (copied.parent / name).write_text("x")
    own = {name for name in files_of(str(copied)) if name.startswith("homework/")}
    assert own - {f"homework/{name}" for name in ("first_attention.py", "first_attention.toml")} == {
        *("homework/data/hidden.json", "homework/solution/attend.py", "homework/template/attend.py")
    }


def test_missing_solution(copied: Path) -> None:
    """Protects from an image that cannot be verified: without a solution there is no package, and the folder is named."""
    shutil.rmtree(copied.parent / "solution")
    with pytest.raises(HomeworkError) as caught:
        files_of(str(copied))
    assert f"put what a perfect student hands in into {copied.parent / 'solution'}" in str(caught.value)


@pytest.mark.parametrize("template", ["../outside.py", "nowhere.py"])
def test_template_outside_of_its_folder(copied: Path, template: str) -> None:
    """Protects from a rule that would find no template in the container: its file must lie beside the TOML."""
    (copied.parent.parent / "outside.py").touch()
    copied.write_text(copied.read_text().replace("[rules]", f'[rules]\ntemplate = "{template}"'))
    with pytest.raises(HomeworkError, match="it must be a file in the folder of the TOML"):
        files_of(str(copied))


def test_template_that_the_toml_names(copied: Path) -> None:
    """Protects the rule about TODO sections: the course's own template goes in."""
    (copied.parent / "course.py").touch()
    copied.write_text(copied.read_text().replace("[rules]", '[rules]\ntemplate = "course.py"'))
    assert "homework/course.py" in files_of(str(copied))


def test_data_for_trained_models_is_packed(tmp_path: Path) -> None:
    """Protects the accuracy: the staff's questions and answers go into the package, beside the TOML."""
    toml = staff(tmp_path, make_birth_places(1, n_train=8, n_dev=8, n_test=8))
    shutil.copytree(ROOT / "reference" / "homeworks" / "cmu_birthplaces", tmp_path / "solution")
    packed = {name for name in files_of(str(toml)) if ".data/" in name}
    names = ("birth_dev.tsv", "birth_places_train.tsv", "birth_test_inputs.tsv", "birth_test_key.tsv", "wiki.txt")
    assert packed == {f"homework/cmu_birthplaces.data/{name}" for name in names}
    assert {"graders/test_thresholds.py", "graders/trained.py", "sandbox/weights.py"} <= set(files_of(str(toml)))
