"""Right and wrong submissions of a homework, found in a folder. Wheats must be accepted, chaffs rejected.

wheats/TASK/NAME.py     one file of the homework, for a task that has a file of its own
chaffs/TASK/NAME.py     the same; its docstring is a sentence, an empty line, `rejected by: TASK.CHECK`, and perhaps
                        `misconception: NAME`
wheats/NAME/            a whole submission
chaffs/NAME/            the same, with a file chaff.toml: sentence, and rejected_by or loses
variants.py, bugs.py    tables VARIANTS and BUGS: the solution with texts of it changed (`audit/edits.py`)
"""

import importlib
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from graders.homework import Homework

from .edits import Bug, Variant
from .handing_in import hand_in, text_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
NOTE = "chaff.toml"
# the header of a chaff that is one file
HEADER = re.compile(
    r'\A"""(?P<sentence>[^\n]+)\n\nrejected by: (?P<check>[a-z_.0-9]+)\n(?:misconception: (?P<misconception>\w+)\n)?"""\n'
)


class SpecimenError(Exception):
    """A folder of submissions cannot be used; the message names the file, what was found and what is expected."""


@dataclass(frozen=True)
class Specimen:
    """One submission whose verdict is known.

    Attributes:
        name: unique among those of its homework.
        right: wheat or chaff.
        sentence: what is wrong in a chaff, or how a wheat differs.
        path: the file or folder; for an edit, the file of its table.
        task: the task that it is about; "" = the whole homework.
        rejected_by: the check that must reject a chaff; "" where `loses` says what it costs.
        loses: the items that do not get all their points.
        misconception: the name that the feedback must give.
        edit: the change of the solution.
    """

    name: str
    right: bool
    sentence: str
    path: Path
    task: str = ""
    rejected_by: str = ""
    loses: frozenset[str] | None = None
    misconception: str = ""
    edit: Bug | Variant | None = None

    def write(self, homework: Homework, name: str, folder: Path) -> Path:
        """Write the submission.

        Args:
            homework: what it is handed in for.
            name: the homework's name: a slug, or the path of its TOML.
            folder: where; it must not exist.
        """
        if self.edit is not None:
            return hand_in(name, folder, self.edit.applied_to, self.edit.file)
        if self.path.is_dir():
            return Path(shutil.copytree(self.path, folder, ignore=shutil.ignore_patterns(NOTE, "__pycache__")))
        target = folder / homework.config.files.folder / file_of(self.task, homework)
        target.parent.mkdir(parents=True)
        shutil.copy(self.path, target)
        return folder

    def check_edit(self, name: str) -> None:
        """See that the change fits the solution of a homework, so that `write` cannot fail.

        Raises:
            SpecimenError: it does not.
        """
        if self.edit is None:
            return
        try:
            self.edit.applied_to(text_of(name, self.edit.file))
        except ValueError as error:
            raise SpecimenError(f"{self.path}: {self.name}: {str(error).removeprefix(f'{self.name}: ')}") from None


class _Note(BaseModel):
    """chaff.toml."""

    model_config = ConfigDict(extra="forbid")

    sentence: Annotated[str, Field(min_length=1)]
    rejected_by: str = ""
    loses: frozenset[str] | None = None
    misconception: str = ""

    @model_validator(mode="after")
    def _says_what_it_costs(self) -> "_Note":
        if not self.rejected_by and not self.loses:
            raise ValueError("it must have `rejected_by` (a check) or `loses` (items of the homework)")
        return self


def folder_of(name: str) -> Path:
    """Where the submissions of a homework lie unless told otherwise: for an instructor's own, `submissions` by its TOML."""
    if name.endswith(".toml"):
        return Path(name).resolve().parent / "submissions"
    return ROOT / "tests" if name == "core" else ROOT / "tests" / "submissions" / name


def file_of(task: str, homework: Homework) -> str:
    """The file of a homework that a task is written in."""
    names = homework.config.files.names
    if f"{task}.py" in names:
        return f"{task}.py"
    if homework.slug == "core" and task == "perplexity":
        return "loss.py"
    if len(names) == 1:
        return names[0]
    raise SpecimenError(f"{homework.slug} has no file {task}.py: put a whole submission in a folder of its own")


def specimens(homework: Homework, folder: Path, task: str = "") -> list[Specimen]:
    """Every right and wrong submission in a folder: wheats first, in the order of the homework's tasks.

    Args:
        homework: what they are handed in for.
        folder: laid out as above.
        task: only those of this task.

    Raises:
        SpecimenError: there is none, or one that does not follow the form.
    """
    tasks = [each for item in homework.config.auto_items for each in item.tasks]
    if task and task not in tasks:
        raise SpecimenError(f"{homework.slug} has no task {task!r}; it has: {', '.join(tasks)}")
    _refuse_stray_files(folder)
    found = [
        *_single(homework, folder / "wheats", [task] if task else tasks, right=True),
        *([] if task else [*_whole(folder / "wheats", tasks, right=True), *_edits(folder, "variants", "VARIANTS")]),
        *_single(homework, folder / "chaffs", [task] if task else tasks, right=False),
        *([] if task else [*_whole(folder / "chaffs", tasks, right=False), *_edits(folder, "bugs", "BUGS")]),
    ]
    if not found:
        raise SpecimenError(
            f"found no submissions{f' of the task {task}' if task else ''} in {folder}: expected wheats/ and chaffs/, "
            "or bugs.py and variants.py (see docs/adding-a-homework.md)"
        )
    _refuse_what_cannot_be_told_apart(found)
    numbers = [item.number for item in homework.config.auto_items]
    for each in found:
        if each.loses is not None and not each.loses <= {*numbers}:
            unknown = ", ".join(sorted(each.loses - {*numbers}))
            raise SpecimenError(
                f"{each.path}: {each.name} loses {unknown}: {homework.slug} has no such graded item; it has: "
                f"{', '.join(numbers)}"
            )
    return found


def _refuse_stray_files(folder: Path) -> None:
    """What lies beside the folders of submissions would be judged by nobody."""
    for kind in ("wheats", "chaffs"):
        for path in sorted((folder / kind).glob("*.*")):
            if path.is_file() and path.suffix in (".py", ".ipynb"):
                raise SpecimenError(
                    f"{path}: expected folders only: {kind}/TASK/{path.stem}.py for one file of a task, or "
                    f"{kind}/{path.stem}/ for a whole submission"
                )


def _refuse_what_cannot_be_told_apart(found: list[Specimen]) -> None:
    seen: dict[str, Path] = {}
    for each in found:
        if each.name in seen:
            raise SpecimenError(f"{each.path}: the name {each.name} occurs twice, also in {seen[each.name]}")
        seen[each.name] = each.path


def _single(homework: Homework, folder: Path, tasks: list[str], *, right: bool) -> Iterator[Specimen]:
    for task in tasks:
        files = sorted((folder / task).glob("*.py"))
        if not files and any(not path.name.startswith((".", "_")) for path in (folder / task).glob("*")):
            raise SpecimenError(
                f"{folder / task}: found no Python file. A folder with the name of a task holds one file for each "
                "submission; give a whole submission another name"
            )
        for path in files:
            file_of(task, homework)
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise SpecimenError(f"{path}: cannot be read: {error}") from None
            if right:
                yield Specimen(f"{task}/{path.stem}", True, _first_line(text), path, task)
                continue
            header = HEADER.match(text)
            if header is None:
                raise SpecimenError(
                    f"{path}: the docstring must be a sentence, an empty line, `rejected by: CHECK`, and perhaps "
                    "`misconception: NAME` on the next line"
                )
            yield Specimen(
                f"{task}/{path.stem}",
                False,
                header["sentence"],
                path,
                task,
                header["check"],
                misconception=header["misconception"] or "",
            )


def _first_line(text: str) -> str:
    found = re.match(r'\A"""([^\n"]+)', text)
    return found[1] if found else ""


def _whole(folder: Path, tasks: list[str], *, right: bool) -> Iterator[Specimen]:
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        if not path.is_dir() or path.name in tasks or path.name.startswith((".", "_")):
            continue
        if right:
            yield Specimen(path.name, True, "", path)
            continue
        try:
            note = _Note.model_validate(tomllib.loads((path / NOTE).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SpecimenError(f"{path / NOTE}: cannot be read: {error}") from None
        except ValidationError as error:
            where = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors()
            )
            raise SpecimenError(f"{path / NOTE}: {where}") from None
        yield Specimen(
            path.name,
            False,
            note.sentence,
            path,
            rejected_by=note.rejected_by,
            loses=note.loses,
            misconception=note.misconception,
        )


def _edits(folder: Path, file: str, table: str) -> Iterator[Specimen]:
    path = folder / f"{file}.py"
    if not path.is_file():
        return
    entries = getattr(_loaded(path), table, None)
    wanted = Bug if table == "BUGS" else Variant
    if not isinstance(entries, tuple) or not all(isinstance(entry, wanted) for entry in entries):
        raise SpecimenError(f"{path}: expected {table} = ({wanted.__name__}(…), …), see audit/edits.py")
    for entry in entries:
        if isinstance(entry, Bug):
            if not isinstance(entry.loses, (frozenset, set)) or not entry.loses:
                raise SpecimenError(
                    f"{path}: {entry.name}: expected loses=frozenset({{…}}) with one item or more, "
                    f"found {entry.loses!r}"
                )
            cost, named = entry.loses, entry.misconception
            yield Specimen(entry.name, False, entry.sentence, path, loses=cost, misconception=named, edit=entry)
        else:
            yield Specimen(entry.name, True, entry.sentence, path, edit=entry)


def _loaded(path: Path) -> ModuleType:
    """Import a table, as a module of a package that is its folder: one table may import another. It is the staff's own."""
    package = ModuleType(f"headmaster_audit_{path.parent.name}")
    package.__path__ = [str(path.parent)]
    for name in [name for name in sys.modules if name.partition(".")[0] == package.__name__]:
        del sys.modules[name]  # another folder of this name
    sys.modules[package.__name__] = package
    try:
        return importlib.import_module(f"{package.__name__}.{path.stem}")
    except Exception as error:
        raise SpecimenError(f"{path}: cannot be imported: {type(error).__name__}: {error}") from None
