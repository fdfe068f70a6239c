"""Writing submissions: a homework's solution, or the solution with a text of it changed."""

import shutil
from collections.abc import Callable
from pathlib import Path

from graders.judge import reference_of
from reference.notebooks import copied_cells, to_ipynb
from reference.templates import HOMEWORKS, solved, sources, with_notebooks


def hand_in(name: str, folder: Path, change: Callable[[str], str] = str, file: str = "") -> Path:
    """Write a submission.

    Args:
        name: the homework: a slug, or the path of its TOML.
        folder: where; it must not exist.
        change: applied to the text of the solution: of a notebook to its source in percent format.
        file: the file whose text is changed, where the solution has several.

    Raises:
        ValueError: there is no solution, or the file to be changed is not named or not there.
    """
    if name in with_notebooks():
        return _notebook(name, folder, change)
    solution = _solution(name)
    shutil.copytree(solution, folder, ignore=shutil.ignore_patterns("__pycache__", "homeworks"))
    if change is not str:
        path = folder / _file_to_change(solution, file)
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def text_of(name: str, file: str = "") -> str:
    """The text that `hand_in` would give to `change`.

    Args:
        name, file: as in `hand_in`.

    Raises:
        ValueError: as `hand_in`.
    """
    if name in with_notebooks():
        [source] = sources(name)
        return solved(source.read_text(encoding="utf-8"))
    solution = _solution(name)
    return (solution / _file_to_change(solution, file)).read_text(encoding="utf-8")


def _solution(name: str) -> Path:
    solution = reference_of(name)
    if solution is None:
        raise ValueError(f"{name}: there is no folder with the solution, so that nothing can be changed in it")
    return solution


def _notebook(slug: str, folder: Path, change: Callable[[str], str]) -> Path:
    folder.mkdir(parents=True)
    [source] = sources(slug)
    text = change(text_of(slug))
    for name, content in {f"{source.stem}.ipynb": to_ipynb(text), **copied_cells(text)}.items():
        (folder / name).write_text(content, encoding="utf-8")
    for path in (HOMEWORKS / slug / "source").iterdir():
        if path.is_file() and path.suffix != ".py":
            shutil.copy(path, folder / path.name)
    return folder


def _file_to_change(solution: Path, file: str) -> str:
    if file:
        if not (solution / file).is_file():
            raise ValueError(f"the solution ({solution.name}) has no file {file}")
        return file
    files = [path for path in solution.rglob("*.py") if "__pycache__" not in path.parts]
    if len(files) != 1:
        raise ValueError(f"the solution ({solution.name}) has {len(files)} Python files: an edit must name its `file`")
    return str(files[0].relative_to(solution))
