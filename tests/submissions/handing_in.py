"""Writing submissions of the real homeworks: the solution, or one with a text of it changed."""

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path

from graders.judge import reference_of
from reference.notebooks import copied_cells, to_ipynb
from reference.templates import HOMEWORKS, solved, sources, with_notebooks
from tests.submissions.tables import Bug, Variant

SLUGS = ("cmu_birthplaces", "jhu_tinygpt", "mit_dialoguegpt", "transformers_from_scratch", "tugraz_charlm")


def bugs_of(slug: str) -> tuple[Bug, ...]:
    """The wrong submissions of a homework."""
    return tuple(importlib.import_module(f"tests.submissions.{slug}.bugs").BUGS)


def graded_of(slug: str) -> frozenset[str]:
    """The numbers of its items that are graded and have points, as the table of bugs states them."""
    return frozenset(importlib.import_module(f"tests.submissions.{slug}.bugs").GRADED)


def variants_of(slug: str) -> tuple[Variant, ...]:
    """The right submissions of a homework that are written in another way."""
    return tuple(importlib.import_module(f"tests.submissions.{slug}.variants").VARIANTS)


def hand_in(slug: str, folder: Path, change: Callable[[str], str] = str, file: str = "") -> Path:
    """Write a submission.

    Args:
        slug: the homework.
        folder: where; it must not exist.
        change: applied to the text of the solution: of a notebook to its source in percent format.
        file: the file whose text is changed, where the solution has several.
    """
    if slug not in with_notebooks():
        solution = reference_of(slug)
        assert solution is not None
        shutil.copytree(solution, folder, ignore=shutil.ignore_patterns("__pycache__"))
        if file:
            path = folder / file
            path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
        return folder
    folder.mkdir(parents=True)
    [source] = sources(slug)
    text = change(solved(source.read_text(encoding="utf-8")))
    for name, content in {f"{source.stem}.ipynb": to_ipynb(text), **copied_cells(text)}.items():
        (folder / name).write_text(content, encoding="utf-8")
    for path in (HOMEWORKS / slug / "source").iterdir():
        if path.is_file() and path.suffix != ".py":
            shutil.copy(path, folder / path.name)
    return folder
