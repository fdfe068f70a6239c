"""Reading the results of earlier runs, alone or by the folder, for whoever judges the same submissions again.

Accepted are two layouts. Ours, with a name of your choice for each submission:

    FOLDER/NAME/results.json      and FOLDER/NAME/submission/, or SUBMISSIONS/NAME/ where the submissions lie elsewhere

and what Gradescope gives for "Export Submissions": `submission_metadata.yml` with a key for each submission, whose entry
`:results` is the results.json, and a folder of the key's name with the files. Nothing else of that file is looked at: it
holds students' names. Its layout is not documented by Gradescope; it needs PyYAML.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from graders.homework import Homework, HomeworkError, available, load, toml_of
from sandbox.text import clean

from .record import Record

EXPORT = "submission_metadata.yml"


class EarlierError(Exception):
    """Earlier results cannot be used; the message says which, what was found and what to do."""


class _Tolerant(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Facts(_Tolerant):
    """What is recorded of one check's verdict."""

    outcome: str
    reason: str = ""
    misconception: str = ""

    def told(self) -> str:
        """In words."""
        more = ", ".join(text.replace("_", " ") for text in (self.reason, self.misconception) if text)
        return f"{self.outcome} ({more})" if more else self.outcome


class Score(_Tolerant):
    """The score of one item."""

    number: str
    score: float = 0.0
    max_score: float = 0.0


class _Staff(_Tolerant):
    homework: str
    digest: str
    checks: dict[str, Facts]
    record: Record


class Earlier(_Tolerant):
    """The parts of a results.json that a later run is compared with."""

    tests: tuple[Score, ...]
    extra_data: _Staff

    @property
    def judged(self) -> dict[str, Facts]:
        """The checks that have a verdict in it."""
        return {name: facts for name, facts in self.extra_data.checks.items() if facts.outcome != "not run"}


@dataclass(frozen=True)
class Place:
    """One earlier run: a name, where its results are, and the folder that was handed in.

    Attributes:
        results: the results.json; None if they stand in `table`.
        table: its contents, taken from an export.
    """

    name: str
    results: Path | None
    submission: Path
    table: Any = None

    def read(self) -> Earlier:
        """The earlier results.

        Raises:
            EarlierError: they cannot be read, or do not tell how they came about.
        """
        return read_earlier(self.results) if self.results is not None else _checked(self.table, self.name)


def read_earlier(path: Path) -> Earlier:
    """Read a results.json.

    Raises:
        EarlierError: it cannot be read, or does not tell how it came about.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise EarlierError(f"{path} cannot be read: {error.strerror}; pass a results.json of run_autograder") from None
    try:
        return Earlier.model_validate_json(text)
    except ValidationError as error:
        raise EarlierError(_explain(str(path), error)) from None


def _checked(table: Any, name: str) -> Earlier:
    try:
        return Earlier.model_validate(table)
    except ValidationError as error:
        raise EarlierError(_explain(name, error)) from None


def _explain(where: str, error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "json_invalid":
        return f"{where} is no JSON: pass a results.json of run_autograder"
    if place.startswith("extra_data") and first["type"] == "missing":
        return (
            f"{where} has no {place}: the run had judged nothing, or was an older Headmaster's. Only a results.json with its "
            "extra_data, in Gradescope's format, tells how it came about."
        )
    found = clean(str(first["input"]), 80)
    return f"{where}: {place or 'the file'}: found {found!r}; {first['msg'][0].lower()}{first['msg'][1:]}"


def homework_of(earlier: Earlier, given: str | None) -> Homework:
    """The homework that was graded.

    Args:
        earlier: names it by its slug.
        given: a slug or the path of a TOML, which is needed for an instructor's own homework; None = as recorded.

    Raises:
        HomeworkError: it cannot be used, or is another one.
    """
    slug = earlier.extra_data.homework
    if given is None and slug not in available():
        raise HomeworkError(
            f"the results are of the homework {slug!r}, which does not ship: pass --homework {slug}.toml"
        )
    if given is not None and toml_of(given).stem != slug:
        raise HomeworkError(
            f"the results are of the homework {slug!r}, --homework names {given!r}: pass the one of them"
        )
    return load(given or slug)


def find(folder: Path, submissions: Path | None) -> list[Place]:
    """Find the earlier runs in a folder, by name.

    Args:
        folder: see above.
        submissions: where the submissions lie, if not beside the results.

    Raises:
        EarlierError: there are none, or the export cannot be read.
    """
    if not folder.is_dir():
        raise EarlierError(
            f"there is no folder {folder}: pass the folder that holds NAME/results.json for each submission"
        )
    if submissions is not None and not submissions.is_dir():
        raise EarlierError(f"there is no folder {submissions}: pass the folder that holds a folder for each submission")
    export = folder / EXPORT
    if export.is_file():
        return [
            Place(name, None, (submissions or folder) / name, table) for name, table in sorted(_read_export(export))
        ]
    found = [
        Place(path.parent.name, path, submissions / path.parent.name if submissions else path.parent / "submission")
        for path in sorted(folder.glob("*/results.json"))
    ]
    if not found:
        raise EarlierError(f"{folder} holds neither NAME/results.json nor {EXPORT}: pass a folder of earlier results")
    return found


def _plain(loader: Any, suffix: str, node: Any) -> Any:
    return loader.construct_mapping(node, deep=True) if node.id == "mapping" else None


def _read_export(path: Path) -> Iterator[tuple[str, Any]]:
    """The key and the results of each submission."""
    try:
        import yaml
    except ImportError:
        raise EarlierError(f"{path} needs PyYAML: pip install -e '.[export]' in the checkout") from None

    class Plain(yaml.SafeLoader):  # type: ignore[misc]
        """Reads Ruby's tagged mappings as plain ones, and makes no objects."""

    Plain.add_multi_constructor("!ruby/", _plain)
    try:
        with path.open(encoding="utf-8") as file:
            table = yaml.load(file, Loader=Plain)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EarlierError(f"{path} cannot be read as YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(table, Mapping):
        raise EarlierError(f"{path}: expected a key for each submission, found a {type(table).__name__}")
    for name, entry in table.items():
        if "/" in str(name) or str(name) in ("", ".", ".."):
            raise EarlierError(f"{path}: {str(name)!r} cannot be the name of a submission's folder")
        known = entry if isinstance(entry, Mapping) else {}
        yield str(name), known.get(":results", known.get("results"))
