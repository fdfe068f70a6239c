"""Random texts."""

from typing import Any

_LETTERS = "abcdefghijklmnopqrstuvwxyz .,ABCDEFGH"


def document(rng: Any, length: int) -> str:
    """Random text of a given length; `rng` is a `random.Random`."""
    return "".join(rng.choice(_LETTERS) for _ in range(length))
