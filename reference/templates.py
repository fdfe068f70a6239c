"""Student templates, cut out of the answer key, and solutions as they would be handed in.

What students write stands in a solution region: from a line `# <solution> message` to a line `# </solution>`. The
template has `raise NotImplementedError("message")` in its place. Where the template needs more than that, the region is
followed at once by a template region: from `# <template>` to `# </template>`, in which each line is a comment `# | text`;
the template then has these texts in the region's place, indented like the region.

Homeworks that are handed in as notebooks are kept in a folder `source`: Python files in percent format (`notebooks.py`),
and other files as they are.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from .notebooks import copied_cells, to_ipynb

REFERENCE = Path(__file__).parent
HOMEWORKS = REFERENCE / "homeworks"

_MARKER = re.compile(r"(?P<indent> *)# <(?P<tag>/?(?:solution|template))>(?P<message>| .*)")
# What a person may have meant as a marker; anything of this that is not a marker would put a solution in a template.
_LIKE_A_MARKER = re.compile(r"#\s*<\s*/?\s*(solution|template)\b", re.IGNORECASE)


def homeworks() -> list[str]:
    """Name the homeworks that have a template."""
    return ["core", *sorted(path.name for path in HOMEWORKS.iterdir() if path.is_dir() and any(path.rglob("*.py")))]


def write_template(homework: str, out: Path) -> None:
    """Write what students of a homework start from.

    Args:
        homework: one of `homeworks()`.
        out: the template's own folder, made if it is not there. Files of the same names are replaced, others stay.

    Raises:
        ValueError: no such homework, or a file of the answer key has faulty markers.
    """
    _write(homework, out, cut)


def write_solution(homework: str, out: Path) -> None:
    """Write the solution of a homework with notebooks as students would hand it in, with what lies beside its source.

    Args:
        homework: one of `with_notebooks()`.
        out: as in `write_template`.

    Raises:
        ValueError: as in `write_template`; or the homework has no notebook, so that its solution lies ready.
    """
    if homework not in with_notebooks():
        ready = "; its solution lies ready in reference/" if homework in homeworks() else ""
        raise ValueError(f"homework must be one of {', '.join(with_notebooks())}, got {homework!r}{ready}")
    _write(homework, out, solved)
    for path in sorted((HOMEWORKS / homework / "source").iterdir()):
        if path.is_file() and path.suffix != ".py":
            (out / path.name).write_bytes(path.read_bytes())


def with_notebooks() -> list[str]:
    """Name the homeworks that are handed in as notebooks."""
    return [name for name in homeworks() if (HOMEWORKS / name / "source").is_dir()]


def _write(homework: str, out: Path, change: Callable[[str], str]) -> None:
    if homework not in homeworks():
        raise ValueError(f"homework must be one of {', '.join(homeworks())}, got {homework!r}")
    root = REFERENCE if homework == "core" else HOMEWORKS / homework
    for path in sources(homework):
        try:
            text = change(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}, {error}") from error
        if homework in with_notebooks():
            files = {f"{path.stem}.ipynb": to_ipynb(text), **copied_cells(text)}
        else:
            files = {str(path.relative_to(root)): text}
        for name, content in files.items():
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode())


def sources(homework: str) -> list[Path]:
    """List the files of the answer key that a homework's template is cut from.

    `core`: the modules directly in reference/ that have a solution region. Others: every .py file of the homework, or
    of its folder `source`.
    """
    if homework in with_notebooks():
        return sorted((HOMEWORKS / homework / "source").glob("*.py"))
    if homework != "core":
        return sorted((HOMEWORKS / homework).rglob("*.py"))
    return sorted(path for path in REFERENCE.glob("*.py") if _has_markers(path.read_text(encoding="utf-8")))


def cut(source: str) -> str:
    """Replace the solution regions of a module by what students see.

    Raises:
        ValueError: a marker is unbalanced, misspelt or without a message; the message names the line.
    """
    kept: list[str] = []
    lines = enumerate(source.split("\n"), start=1)
    region_indent: str | None = None  # of the solution region that ended in the line before
    for number, line in lines:
        marker = _marker(number, line)
        if marker is None:
            kept.append(line)
        elif marker["tag"] == "solution":
            _region(number, marker, lines)
            kept.append(_stub(number, marker))
        elif marker["tag"] == "template":
            if marker["indent"] != region_indent:
                raise ValueError(f"line {number}: `# <template>` follows no solution region of the same indentation")
            kept.pop()  # the stub, which the region replaces
            kept += [_template_line(marker["indent"], *numbered) for numbered in _region(number, marker, lines)]
        else:
            raise ValueError(f"line {number}: `# <{marker['tag']}>` was never opened")
        region_indent = marker["indent"] if marker is not None and marker["tag"] == "solution" else None
    return "\n".join(kept)


def solved(source: str) -> str:
    """Leave out the markers and the template regions: the solution as a student would have written it.

    Raises:
        ValueError: as in `cut`.
    """
    cut(source)  # for its errors
    kept: list[str] = []
    lines = enumerate(source.split("\n"), start=1)
    for number, line in lines:
        marker = _marker(number, line)
        if marker is None:
            kept.append(line)
        elif marker["tag"] == "solution":
            kept += [text for _, text in _region(number, marker, lines)]
        elif marker["tag"] == "template":
            _region(number, marker, lines)
    return "\n".join(kept)


def _has_markers(source: str) -> bool:
    return any(_MARKER.fullmatch(line) for line in source.split("\n"))


def _marker(number: int, line: str) -> re.Match[str] | None:
    marker = _MARKER.fullmatch(line)
    if marker is None and _LIKE_A_MARKER.search(line):
        raise ValueError(f"line {number}: not a marker, but looks like one: {line.strip()}")
    return marker


def _region(number: int, opening: re.Match[str], lines: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    """Take the lines of a region, up to its closing marker."""
    region = []
    for inner_number, line in lines:
        marker = _marker(inner_number, line)
        if marker is None:
            region.append((inner_number, line))
        elif (marker["tag"], marker["indent"]) == (f"/{opening['tag']}", opening["indent"]):
            return region
        else:
            raise ValueError(
                f"line {inner_number}: expected `# </{opening['tag']}>`, indented like line {number}, got `{line}`"
            )
    raise ValueError(f"line {number}: `# <{opening['tag']}>` is never closed")


def _stub(number: int, marker: re.Match[str]) -> str:
    message = marker["message"].strip()
    if not message:
        raise ValueError(f"line {number}: `# <solution>` needs a message after it that says what to do")
    return f"{marker['indent']}raise NotImplementedError({json.dumps(message, ensure_ascii=False)})"


def _template_line(indent: str, number: int, line: str) -> str:
    if line.rstrip() == f"{indent}# |":
        return ""
    if not line.startswith(f"{indent}# | "):
        raise ValueError(f"line {number}: a line of a template region must start with `{indent}# | `, got `{line}`")
    return indent + line[len(f"{indent}# | ") :]
