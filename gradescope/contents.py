"""What an autograder package holds: the code that grades one homework, its answer key, and nothing of the others.

Code is found by following imports from what runs in the container; what is found by its name at run time (checks, banks of
misconceptions, the binding) is chosen by the homework's tasks.
"""

import importlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from graders.catalogue import all_checks
from graders.check import Check
from graders.homework import Homework, HomeworkError, check_ids, load
from graders.judge import KEY, reference_of
from graders.misconceptions import Bank

from .imports import ROOT, files_behind, imported

OWN = "homework"  # where the files of an instructor's own homework lie in the package
SETUP = "gradescope/setup.sh"  # goes to the package's root
# what the container starts; everything else is imported, or read as text by the zygote
_STARTED = ("gradescope.autograder", "gradescope.plugin", "gradescope.verify", "graders.plugin")
_BESIDE = ("LICENSE", "pyproject.toml", "constraints.txt", "run_autograder")
_OWN_FOLDERS = ("solution", "template", "data")


def files_of(name: str) -> dict[str, Path]:
    """The files that a package of a homework is made of: path in the package → file here.

    Args:
        name: the slug of a homework that ships, or the path of an instructor's TOML.

    Raises:
        HomeworkError: the homework cannot be used, or has no solution, or names a template outside of its folder.
    """
    homework = load(name)
    check_ids(homework, [check.id for check in all_checks()])
    found = {file: ROOT / file for file in _BESIDE}
    found["setup.sh"] = ROOT / SETUP
    started = [*_STARTED, *_modules_of(homework)]
    if name.endswith(".toml"):
        found |= _own_files(homework)
        started += _imported(homework.folder / f"{homework.slug}.py", ())
    else:
        found |= _shipped_files(homework)
        started += [f"graders.homeworks.{homework.slug}"]
        if homework.slug == "core":
            started += [f"reference.{Path(file).stem}" for file in homework.config.files.names]
    found |= {path.relative_to(ROOT).as_posix(): path for path in closure(started)}
    found |= {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "sandbox").glob("*.py")}
    return dict(sorted(found.items()))


def homework_file(name: str) -> str:
    """What the file HOMEWORK says: the slug, or the path of the TOML in the package."""
    return f"{OWN}/{Path(name).name}" if name.endswith(".toml") else name


def closure(modules: Iterable[str]) -> set[Path]:
    """The files of some modules of ours, and of all that they import, wherever the import stands."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        for path, package in files_behind(waiting.pop()):
            if path not in found:
                found.add(path)
                waiting += _imported(path, package)
    return found


@cache
def _imported(path: Path, package: tuple[str, ...]) -> tuple[str, ...]:
    return imported(path.read_text(encoding="utf-8"), package)


def _modules_of(homework: Homework) -> Iterator[str]:
    """The modules with checks and with misconceptions of the homework's tasks; they are found by name at run time."""
    tasks = {task for item in homework.config.auto_items for task in item.tasks}
    listed = {check for item in homework.config.auto_items for check in (*item.rules, *item.timing)}
    for path in sorted((ROOT / "graders").glob("test_*.py")):
        module = importlib.import_module(f"graders.{path.stem}")
        checks = [value for value in vars(module).values() if isinstance(value, Check)]
        if any(check.task in tasks or check.id in listed for check in checks):
            yield module.__name__
    for path in sorted((ROOT / "graders" / "misconceptions").glob("*.py")):
        module = importlib.import_module(f"graders.misconceptions.{path.stem}")
        bank = getattr(module, "BANK", None)
        if isinstance(bank, Bank) and bank.task in tasks:
            yield module.__name__


def _shipped_files(homework: Homework) -> dict[str, Path]:
    """TOML, data, solution and template of a homework that ships, at the same places as here."""
    solution = reference_of(homework.slug)
    if solution is None:
        raise HomeworkError(f"{homework.slug} has no solution here: the answer key {KEY} is missing")
    toml = homework.folder / f"{homework.slug}.toml"
    files = [toml, *_below(homework.folder / homework.slug), *_below(ROOT / "student_template" / homework.slug)]
    if solution == KEY:  # the solution of `core` is the reference itself
        files += [KEY / file for file in homework.config.files.names]
    else:
        files += _below(solution)
    files += [*_template_of(homework), *_data_of(homework)]
    return {path.relative_to(ROOT).as_posix(): path for path in files}


def _own_files(homework: Homework) -> dict[str, Path]:
    """The files of an instructor's own homework, in a folder of their own."""
    folder = homework.folder
    if not (folder / "solution").is_dir():
        raise HomeworkError(
            f"{homework.slug}.toml has no solution: put what a perfect student hands in into {folder / 'solution'}; "
            "the package is verified with it while the image is built"
        )
    files = [
        folder / f"{homework.slug}.toml",
        folder / f"{homework.slug}.py",
        *_template_of(homework),
        *_data_of(homework),
    ]
    for name in _OWN_FOLDERS:
        files += _below(folder / name)
    return {f"{OWN}/{path.relative_to(folder).as_posix()}": path for path in files}


def _data_of(homework: Homework) -> list[Path]:
    """The staff's data by which trained models are judged, where it is there."""
    trained = homework.config.trained
    return _below(homework.folder / trained.data) if trained is not None else []


def _template_of(homework: Homework) -> list[Path]:
    """The course's own template that the TOML names."""
    name = homework.config.rules.template
    if name is None:
        return []
    path = (homework.folder / name).resolve()
    if homework.folder not in path.parents or not path.is_file():
        raise HomeworkError(
            f"{homework.slug}.toml: rules.template: found {name!r}; it must be a file in the folder of the TOML, "
            f"{homework.folder}"
        )
    return [path]


def _below(folder: Path) -> list[Path]:
    """The files in a folder and those below it, without what editors and Python leave there."""
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        left = any(part.startswith(".") or part == "__pycache__" for part in parts) or path.suffix == ".pyc"
        if path.is_file() and not left:
            found.append(path)
    return found
