"""Values as plain JSON beside arrays: what the students' kit stores cases and expected values as. Nothing is pickled.

A tensor is a place in one long array of its dtype, so that thousands of small ones cost little. Equal tensors are stored once.
"""

import dataclasses
import importlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

_SEQUENCES = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_DTYPES = {"float32": torch.float32, "float64": torch.float64, "int64": torch.int64, "bool": torch.bool}


_CUT = 24  # of the 52 bits behind the point of a float64; a float32 has 23, and so stays what it is


class PackingError(Exception):
    """A value that cannot be stored, or what is stored is not in this form."""


class Packer:
    """Turns values into JSON and collects the tensors that are in them."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Tensor]] = {name: [] for name in _DTYPES}
        self._lengths = dict.fromkeys(_DTYPES, 0)
        self._known: dict[tuple[str, bytes], int] = {}

    def packed(self, value: Any) -> Any:
        """A value as JSON: None, numbers and texts as they are, the rest as {kind: …}.

        Raises:
            PackingError: a type that no case and no expected value has; the message names it.
        """
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, Tensor):
            return {"tensor": self._tensor(value.detach())}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        if isinstance(value, (list, tuple)):
            return {type(value).__name__: [self.packed(item) for item in value]}
        if isinstance(value, (set, frozenset)):
            return {type(value).__name__: [self.packed(item) for item in sorted(value)]}
        if isinstance(value, Mapping):
            return {"dict": [[self.packed(key), self.packed(item)] for key, item in value.items()]}
        if dataclasses.is_dataclass(value) and type(value).__module__.startswith("graders."):
            fields = {field.name: self.packed(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return {"object": [type(value).__module__, type(value).__qualname__, fields]}
        raise PackingError(f"a value of type {type(value).__name__} cannot be stored; see graders/packing.py")

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """All tensors, one array for each dtype."""
        return {
            name: torch.cat(parts).numpy() if parts else torch.zeros(0, dtype=_DTYPES[name]).numpy()
            for name, parts in self._parts.items()
        }

    def _tensor(self, value: Tensor) -> list[Any]:
        name = str(value.dtype).removeprefix("torch.")
        if name not in _DTYPES:
            raise PackingError(f"a {name} tensor cannot be stored; there are {', '.join(_DTYPES)}")
        flat = value.contiguous().flatten()
        if name == "float64":  # expected values: what is beyond every tolerance need not be stored
            flat = ((flat.view(torch.int64) + (1 << _CUT - 1)) & -(1 << _CUT)).view(torch.float64)
        key = name, flat.numpy().tobytes()
        if key not in self._known:
            self._known[key] = self._lengths[name]
            self._lengths[name] += flat.numel()
            self._parts[name].append(flat)
        return [name, self._known[key], list(value.shape)]


class Unpacker:
    """Turns JSON back into values; each call gives tensors of its own.

    Args:
        arrays: as `Packer.arrays` gives them.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self._arrays = arrays

    def value(self, packed: Any) -> Any:
        """The value.

        Raises:
            PackingError: it is not what `Packer.packed` gives.
        """
        if not isinstance(packed, dict):
            return packed
        [(kind, inside)] = packed.items()
        if kind == "tensor":
            name, start, shape = inside
            # a copy: what a check changes must not change the record
            return torch.from_numpy(self._arrays[name][start : start + math.prod(shape)].copy()).view(shape)
        if kind == "dtype":
            return getattr(torch, inside)
        if kind in _SEQUENCES:
            return _SEQUENCES[kind](self.value(item) for item in inside)
        if kind == "dict":
            return {self.value(key): self.value(item) for key, item in inside}
        if kind == "object":
            return self._object(*inside)
        raise PackingError(f"found {kind!r} where a value is stored")

    def _object(self, module: str, name: str, fields: dict[str, Any]) -> Any:
        if not module.startswith("graders."):
            raise PackingError(f"found an object of {module}, which is none of the graders'")
        made: Any = object.__new__(getattr(importlib.import_module(module), name))
        for field, item in fields.items():
            object.__setattr__(
                made, field, self.value(item)
            )  # frozen ones too, and without what `__post_init__` computes
        return made
