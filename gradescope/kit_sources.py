"""The Python files of a student's kit: what its checks reach by imports, without the answer key and what only the staff sees.

Modules of `graders/oracles` whose answers are recorded become look-ups with the same functions; a file of checks keeps those
that the kit has; the bank of misconceptions stays at home.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from .imports import ROOT, files_behind, imported

LEFT_OUT = ("reference", "gradescope", "graders.misconceptions")
ALWAYS = ("graders/plugin.py", "graders/homeworks/__init__.py")
_LOOK_UP = '''"""{title} Looked up among those that were recorded: see graders/recorded.py."""

from __future__ import annotations

from ..recorded import look_up
'''


def sources(binding: Path, tests: dict[Path, set[str]]) -> dict[str, str]:
    """The kit's files by path, relative to its top.

    Args:
        binding: the homework's binding: a file, or a package's folder.
        tests: files of checks → the names of the checks that stay, without `test_`.
    """
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "sandbox").glob("*.py")
    }
    own = sorted(binding.rglob("*.py")) if binding.is_dir() else [binding]
    base = binding.parent
    for path in own:
        texts[f"graders/homeworks/{path.relative_to(base).as_posix()}"] = path.read_text(encoding="utf-8")
    for path, names in tests.items():
        texts[path.relative_to(ROOT).as_posix()] = only_checks(path.read_text(encoding="utf-8"), names)
    texts |= {name: (ROOT / name).read_text(encoding="utf-8") for name in ALWAYS}
    waiting = list(texts)
    while waiting:
        name = waiting.pop()
        for reached in _reached(name, texts[name]):
            if reached not in texts:
                texts[reached] = _kit_text(ROOT / reached)
                waiting.append(reached)
    return texts


def _kit_text(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return looked_up(path.stem, text) if path.parent.name == "oracles" and "@oracle(" in text else text


def _reached(name: str, text: str) -> Iterator[str]:
    """The files of ours that a file of the kit imports, with the packages that they lie in; not what is left out."""
    for module in imported(text, name.split("/")[:-1]):
        if not module.startswith(LEFT_OUT):
            yield from (path.relative_to(ROOT).as_posix() for path, _ in files_behind(module))


def looked_up(module: str, text: str) -> str:
    """A module of oracles whose functions only look their answers up.

    Args:
        module: its name.
        text: its source.
    """
    tree = ast.parse(text)
    title = (ast.get_docstring(tree) or "").partition("\n")[0]
    parts = [_LOOK_UP.format(title=title)]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(_called(each) == "oracle" for each in node.decorator_list):
            docstring = node.body[0]
            asking = ast.parse(f"return look_up({f'{module}.{node.name}'!r}, locals())").body
            node.decorator_list, node.body = [], [docstring, *asking]
            parts.append(ast.unparse(node))
    return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def only_checks(text: str, names: set[str]) -> str:
    """A file of checks with those of these names, and what they use.

    Args:
        text: its source.
        names: the checks that stay, without `test_`.
    """
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    gone = [node for node in tree.body if _is_check(node) and _name(node).removeprefix("test_") not in names]
    if not gone:
        return text
    unused = True
    while unused:
        kept = [node for node in tree.body if node not in gone]
        unused = False
        for node in kept:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not _is_check(node):
                inside = {name for other in kept if other is not node for name in _names_in(other)}
                if node.name not in inside:
                    gone.append(node)
                    unused = True
    cut = set()
    for node in gone:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        while lines[first - 2].startswith("#"):  # what is said about it
            first -= 1
        cut |= set(range(first, (node.end_lineno or node.lineno) + 1))
    left = "".join(line for number, line in enumerate(lines, start=1) if number not in cut)
    return re.sub(r"\n{4,}", "\n\n\n", _without_unused_imports(left)).rstrip("\n") + "\n"


def _without_unused_imports(text: str) -> str:
    tree = ast.parse(text)
    used = {
        name for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom)) for name in _names_in(node)
    }
    lines = text.splitlines(keepends=True)
    for node in reversed(tree.body):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        kept = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in used]
        if len(kept) < len(node.names):
            node.names = kept
            lines[node.lineno - 1 : node.end_lineno] = [ast.unparse(node) + "\n"] if kept else []
    return "".join(lines)


def _is_check(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and any(_called(each) == "check" for each in node.decorator_list)


def _called(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _name(node: ast.stmt) -> str:
    return node.name if isinstance(node, ast.FunctionDef) else ""


def _names_in(node: ast.AST) -> Iterator[str]:
    return (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
