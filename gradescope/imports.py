"""Which files of ours a Python file imports, wherever the import stands: what a package and a kit are made of follows them."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("sandbox", "graders", "gradescope", "reference")


def imported(text: str, package: Sequence[str]) -> tuple[str, ...]:
    """The absolute names that a source imports; those of what it takes out of modules are among them.

    Args:
        text: the source.
        package: the names of the packages that it lies in, from the top.
    """
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [f"{module}.{alias.name}" for alias in node.names]
    return tuple(found)


def files_behind(name: str) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The files of ours that are read when a dotted name is imported, each with the packages that it lies in."""
    parts = tuple(name.split("."))
    if parts[0] not in ROOMS:
        return
    for n in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:n])
        if (place / "__init__.py").is_file():
            yield place / "__init__.py", parts[:n]
        elif place.with_suffix(".py").is_file():
            yield place.with_suffix(".py"), parts[: n - 1]
