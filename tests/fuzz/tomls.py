"""A homework's TOML: whatever stands in it, an instructor reads what is wrong with it."""

import tempfile
from pathlib import Path

from graders.homework import HOMEWORKS, Config, HomeworkError, read_config
from tests.fuzz.bounds import bounded

MAX_SEED = 1 << 13


def target(data: bytes) -> None:
    """Read the bytes as a homework's TOML.

    Raises:
        AssertionError: the error does not name the file, or an item has not what it lists.
        Exceeded: more than 10 seconds.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-tomls-") as folder:
        path = Path(folder, "hw.toml")
        path.write_bytes(data)
        with bounded(seconds=10):
            found = _read(path)
    if isinstance(found, Config):
        assert all(item.has(name) for item in found.items for name in (*item.tasks, *item.rules))
    else:
        assert found.startswith("hw.toml: ")


def _read(path: Path) -> Config | str:
    """The configuration, or what is wrong with it."""
    try:
        return read_config(path)
    except HomeworkError as error:
        return str(error)


def real() -> list[str]:
    """The TOMLs that ship."""
    return [path.read_text(encoding="utf-8") for path in sorted(HOMEWORKS.glob("*.toml"))]


def seeds() -> list[bytes]:
    """What ships, whole where it is small, and item by item; and the TOML of each kind of value."""
    found = []
    for text in real():
        head, *items = text.split("[[item]]\n")
        found += [f"{head}[[item]]\n{item}".encode() for item in items[:4]]
        found += [text.encode()] if len(text) < MAX_SEED else []
    kinds = "a = [1, 0x1f, 0o7, 0b1, 1e400, -nan, +inf, 1979-05-27T07:32:00Z, 07:32:00, \"\"\"\\u00e9\"\"\", '''x''']\n"
    return [*found, (kinds + "b.c = { d = true, e.f = [{}] }\n").encode()]
