"""Arguments of requests as code: names for tensors and objects, which are defined where they are used first."""

import builtins
import dataclasses
import keyword
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sandbox.journal import Entry, tensors_in
from sandbox.wire import Handle

from .literals import TYPED, of_number, of_tensor, of_text
from .steps import Unwritable

_TYPED_IN_STATE = 12  # numbers of a parameter; nobody reads more of them
_RESERVED = {"torch", "random", "types", "base64", "inf", "nan", "packed", "got", "expected", "WindowModel", "error"}


class Expressions:
    """Makes code of values, and collects the lines that define the names in it.

    Args:
        entries: the requests that are to be repeated.
        case: the arguments that were drawn; their fields lend their names.

    Attributes:
        lines: the code so far.
        handles: the code for each object that stays in the worker, by number.
    """

    def __init__(self, entries: Sequence[Entry], case: Mapping[str, Any]) -> None:
        self.lines: list[str] = []
        self.handles: dict[int, str] = {}
        self._taken = {*keyword.kwlist, *dir(builtins), *_RESERVED}
        self._tensors: dict[int, str] = {}
        self._mappings: dict[tuple[Any, ...], str] = {}
        self._wanted = _names_of(case)
        self._entries = entries
        self._twins = _twins(entries)
        self._uses = Counter(id(self._one(tensor)) for entry in entries for tensor in tensors_in(entry.arguments))

    def use(self, tensor: Tensor) -> None:
        """Count one more use: a tensor that is used again is passed as a clone, since a call might change it."""
        self._uses[id(self._one(tensor))] += 1

    def take(self, name: str) -> None:
        """Reserve a name."""
        self._taken.add(name)

    def name(self, wanted: str) -> str:
        """A name that is not taken yet."""
        plain = re.sub(r"\W", "_", wanted)
        plain = plain if plain.isidentifier() else "x"
        name, number = plain if wanted else "x1", 1
        while name in self._taken:
            number += 1
            name = f"{plain}{number}"
        self._taken.add(name)
        return name

    def attribute(self, name: str) -> str:
        """A dotted name behind an object; "" stands for the object itself.

        Raises:
            Unwritable: it is no name.
        """
        if not name:
            return ""
        if not all(part.isidentifier() and not keyword.iskeyword(part) for part in name.split(".")):
            raise Unwritable(name)
        return f".{name}"

    def expression(self, value: Any, *, copied: bool = False) -> str:
        """Code for a value that is passed; tensors that are used again are passed as clones, unless they are copied."""
        if isinstance(value, Tensor):
            name = self.tensor(value)
            return f"{name}.clone()" if self._uses[id(self._one(value))] > 1 and not copied else name
        if isinstance(value, Handle):
            if value.number not in self.handles:
                raise Unwritable("an object of unknown origin")
            return self.handles[value.number]
        if isinstance(value, float):
            return of_number(value)
        if isinstance(value, str):
            return of_text(value)
        if value is None or isinstance(value, (bool, int)):
            return repr(value)
        if type(value) is list:
            return f"[{', '.join(self.expression(item, copied=copied) for item in value)}]"
        if type(value) is tuple:
            items = "".join(f"{self.expression(item, copied=copied)}, " for item in value)
            return f"({items.strip() if len(value) == 1 else items.rstrip(', ')})"
        if type(value) is dict:
            return self._mapping(value)
        raise Unwritable(type(value).__name__)

    def tensor(self, tensor: Tensor, wanted: str = "", typed: int = TYPED) -> str:
        """The name of a tensor, which is defined where it is used first."""
        tensor = self._one(tensor)
        if id(tensor) not in self._tensors:
            name = self.name(self._wanted.get(id(tensor)) or wanted)
            self.lines.append(f"{name} = {of_tensor(tensor, typed)}")
            self._tensors[id(tensor)] = name
        return self._tensors[id(tensor)]

    def _mapping(self, mapping: dict[Any, Any]) -> str:
        """A dictionary, such as a module's state; one that is passed again keeps its name."""
        key = self._key(mapping)
        if key in self._mappings:
            return self._mappings[key]
        again = sum(self._key(each) == key for each in _mappings_in(self._entries))
        items = []
        for name, value in mapping.items():
            if isinstance(value, Tensor):
                tensor = self._one(value)
                alone = self._uses[id(tensor)] == again and id(tensor) not in self._tensors
                code = of_tensor(tensor, _TYPED_IN_STATE) if alone else self.tensor(tensor, str(name), _TYPED_IN_STATE)
            else:
                code = self.expression(value)
            items.append(f"{self.expression(name)}: {code},\n")
        text = "{\n" + textwrap.indent("".join(items), "    ") + "}" if items else "{}"
        if again == 1:
            return text
        self._mappings[key] = self.name("weights")
        self.lines.append(f"{self._mappings[key]} = {text}")
        return self._mappings[key]

    def _key(self, mapping: Mapping[Any, Any]) -> tuple[Any, ...]:
        return tuple((name, id(self._one(value))) for name, value in mapping.items())

    def _one(self, value: Any) -> Any:
        """The tensor that stands for all that are equal to it in states; anything else stands for itself."""
        return self._twins.get(id(value), value)

    def arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any], *, copied: bool = False) -> str:
        """What stands between the parentheses of a call."""
        given = [self.expression(value, copied=copied) for value in args]
        for name, value in kwargs.items():
            self.attribute(name)
            given.append(f"{name}={self.expression(value, copied=copied)}")
        return ", ".join(given)


def _names_of(case: Mapping[str, Any]) -> dict[int, str]:
    """The names of tensors: the fields of the case that they are in, or the keys under which they are there."""
    found: dict[int, str] = {}
    for name, value in case.items():
        fields = {name: value}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        for field, item in fields.items():
            if isinstance(item, Tensor):
                found.setdefault(id(item), field)
            elif isinstance(item, (list, tuple)):
                found |= {id(each): f"{field}_{i}" for i, each in enumerate(item) if isinstance(each, Tensor)}
            elif isinstance(item, dict):
                found |= {id(each): str(key) for key, each in item.items() if isinstance(each, Tensor)}
    return found


def _mappings_in(entries: Iterable[Entry]) -> Iterator[dict[Any, Any]]:
    for entry in entries:
        yield from (argument for argument in entry.arguments.get("args", []) if type(argument) is dict)


def _twins(entries: Iterable[Entry]) -> dict[int, Tensor]:
    """Of each tensor in a state, the first that is equal to it."""
    found: dict[int, Tensor] = {}
    first: dict[Any, Tensor] = {}
    for mapping in _mappings_in(entries):
        for tensor in mapping.values():
            if isinstance(tensor, Tensor):
                content = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
                key = (tensor.dtype, tensor.shape, tensor.stride(), content)
                found[id(tensor)] = first.setdefault(key, tensor)
    return found
