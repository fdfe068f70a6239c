"""Optional arguments: what a function need not get it does not get, so that its defaults are used."""

from typing import Any


def given(*optional: Any) -> tuple[Any, ...]:
    """The arguments that are not None."""
    return tuple(argument for argument in optional if argument is not None)
