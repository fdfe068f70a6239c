"""Which versions a package installs: the product's dependencies, at the versions of constraints.txt."""

import re
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_URL = re.compile(r"(https?|file)://[^\s'\"\\$`]+")


class PinError(Exception):
    """The versions cannot be told; the message says what to do."""


def version() -> str:
    """Headmaster's own version."""
    return str(_project()["version"])


def pins() -> dict[str, list[str]]:
    """Each dependency with its lines of constraints.txt; a dependency has several where Pythons need different versions.

    Raises:
        PinError: a dependency has no line there.
    """
    lines: dict[str, list[str]] = {}
    for line in (_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if found := _NAME.match(line):
            lines.setdefault(_canonical(found[0]), []).append(line.strip())
    names = [_name_of(dependency) for dependency in _project()["dependencies"]]
    for name in names:
        if name not in lines:
            raise PinError(
                f"constraints.txt has no version of {name}, which pyproject.toml asks for: add a line {name}==…"
            )
    return {name: lines[name] for name in sorted(names)}


def requirements(torch_index: str | None) -> str:
    """The text of requirements.txt: what is asked for is pinned, and what that asks for is pinned by constraints.txt.

    Args:
        torch_index: where the CPU build of torch is found beside pip's own index; None = in pip's own index alone.

    Raises:
        PinError: the index is no URL, or a dependency has no version.
    """
    lines = ["# made by `headmaster package`; setup.sh installs it", "-c constraints.txt"]
    if torch_index is not None:
        if not _URL.fullmatch(torch_index):
            raise PinError(f"--torch-index: found {torch_index!r}; it must be a URL, such as https://HOST/whl/cpu")
        lines.append(f"--extra-index-url {torch_index}")
    for name in pins().values():
        lines += name
    return "\n".join(lines) + "\n"


def _project() -> dict[str, Any]:
    table = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project: dict[str, Any] = table["project"]
    return project


def _name_of(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found is not None
    return _canonical(found[0])


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
