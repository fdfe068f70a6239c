"""Calling functions whose arguments a handout names, but whose signature it does not print."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.client import Remote

from .verdict import CheckFailed


@dataclass(frozen=True)
class Argument:
    """An argument and the names under which students take it.

    Attributes:
        name: what messages call it.
        value: what is passed.
        others: further names; case does not count.
    """

    name: str
    value: Any
    others: Collection[str] = ()

    def is_called(self, name: str) -> bool:
        """Whether a parameter's name means this argument."""
        return name.lower() in {self.name.lower(), *self.others}


def arranged(
    remote: Remote, arguments: Sequence[Argument], place: str, *, known: Sequence[Argument] = ()
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments of a call, found by the names of the parameters.

    Parameters with names that say nothing get what is left, in the order given.

    Args:
        remote: a function, bound method or class.
        arguments: all of them are passed.
        place: where the function stands, for messages.
        known: further values, for parameters that bear their names and have no default.

    Raises:
        CheckFailed: a parameter without a default finds no argument, or an argument no parameter.
    """
    parameters = remote.describe()["parameters"]
    if parameters is None:
        return [argument.value for argument in arguments], {}
    own = [(name, kind, has_default) for name, kind, has_default in parameters if not kind.startswith("VAR_")]
    chosen: dict[str, Argument] = {}
    for argument in arguments:
        found = next((name for name, _, _ in own if name not in chosen and argument.is_called(name)), None)
        if found is not None:
            chosen[found] = argument
    left = [argument for argument in arguments if argument not in chosen.values()]
    fits = True
    for name, _, has_default in sorted(own, key=lambda parameter: parameter[2]):  # those without a default come first
        extra = next((argument for argument in known if argument.is_called(name)), None)
        if name in chosen or (extra is not None and has_default):
            continue
        if extra is not None:
            chosen[name] = extra
        elif left:
            chosen[name] = left.pop(0)
        else:
            fits &= has_default
    if left or not fits:
        expected = ", ".join(argument.name for argument in arguments)
        signature = ", ".join(name[:40] + ("=…" if has_default else "") for name, _, has_default in own)
        raise CheckFailed(f"{place}: expected {remote.name}({expected}), found {remote.name}({signature}).")
    positional: list[Any] = []
    by_name: dict[str, Any] = {}
    gap = False
    for name, kind, _ in own:
        gap |= name not in chosen or not kind.startswith("POSITIONAL")
        if name in chosen and gap:
            by_name[name] = chosen[name].value
        elif name in chosen:
            positional.append(chosen[name].value)
    return positional, by_name
