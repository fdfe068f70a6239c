"""Trained weights that a student hands in, as the judge sees them: it has a worker open the file (`checkpoint.py`)."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .client import Remote, Worker
from .text import clean

MAX_LINES = 20


@dataclass(frozen=True)
class Weights:
    """What a worker tells of a checkpoint. It can be believed as long as nothing of the submission has been imported there.

    Attributes:
        tensors: name -> (dtype as in `float32`, shape).
        notes: what was done to find the weights, for the student; untrusted text, cleaned.
        problems: why they do not fit the module that they were to be loaded into; empty if they are loaded.
        digests: name -> SHA-256 of the tensor's bytes, hexadecimal.
        constants: name -> the value that all of its elements have; only of tensors that hold one value.
    """

    tensors: dict[str, tuple[str, tuple[int, ...]]]
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    digests: dict[str, str] = field(default_factory=dict, compare=False)
    constants: dict[str, float] = field(default_factory=dict, compare=False)


def describe(worker: Worker, path: str) -> Weights:
    """Open a checkpoint and tell what is in it.

    Args:
        worker: with the submission opened in it.
        path: of the file, relative to the submission's top folder.

    Raises:
        StudentError: of kind `checkpoint`; the message says what is wrong with the file.
        WorkerLost: opening it never ended, or ended the process.
    """
    return _ask(worker, path, None)


def load(module: Remote, path: str) -> Weights:
    """Open a checkpoint and load it into a module of the student's, if all of it fits.

    Args:
        module: an object that lives in a worker.
        path: of the file, relative to the submission's top folder.

    Raises:
        StudentError: as `describe`; or what the module's own `load_state_dict` raised.
        WorkerLost: as `describe`.
    """
    return _ask(module.worker, path, module)


def _ask(worker: Worker, path: str, module: Remote | None) -> Weights:
    reply = worker.request(
        "load_checkpoint", seconds=worker.patience.load, path=path, into=None if module is None else module.handle
    )
    if type(reply) is not dict or type(reply.get("tensors")) is not list:
        worker.refuse("the contents of a checkpoint")
    if not all(_is_tensor(entry) for entry in reply["tensors"]):
        worker.refuse("the contents of a checkpoint")
    names = [clean(name, 200) for name, _, _ in reply["tensors"]]
    digests = _table(worker, reply.get("digests"), (len(names), 32), torch.uint8)
    constants = _table(worker, reply.get("constants"), (len(names),), torch.float64).tolist()
    return Weights(
        {
            name: (clean(dtype, 20), tuple(shape))
            for name, (_, dtype, shape) in zip(names, reply["tensors"], strict=True)
        },
        _lines(worker, reply.get("notes")),
        _lines(worker, reply.get("problems")),
        {name: bytes(row).hex() for name, row in zip(names, digests.tolist(), strict=True)},
        {name: value for name, value in zip(names, constants, strict=True) if not math.isnan(value)},
    )


def _table(worker: Worker, value: Any, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    if not isinstance(value, Tensor) or tuple(value.shape) != shape or value.dtype is not dtype:
        worker.refuse("the contents of a checkpoint")
    return value


def _lines(worker: Worker, value: Any) -> tuple[str, ...]:
    if type(value) is not list or len(value) > MAX_LINES or not all(type(line) is str for line in value):
        worker.refuse("notes about a checkpoint")
    return tuple(clean(line, 2000) for line in value)


def _is_tensor(entry: Any) -> bool:
    """Whether a part of a reply is [name, dtype, shape]."""
    if type(entry) is not list or len(entry) != 3 or type(entry[0]) is not str or type(entry[1]) is not str:
        return False
    return type(entry[2]) is list and all(type(n) is int and n >= 0 for n in entry[2])
