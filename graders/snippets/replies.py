"""Where in a worker's replies the two sides of a failed comparison stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sandbox.journal import tensors_in

from ..verdict import CheckFailed

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """A value that came back: the number of the reply, and the indices and keys that lead to the value in it."""

    reply: int
    path: Path


@dataclass(frozen=True)
class Literal:
    """A value that is nowhere in the replies, and does not follow from them."""

    value: Any


@dataclass(frozen=True)
class Compared:
    """A failed comparison.

    Attributes:
        got: where the compared value came back; None if it is not known, or was made of what came back.
        expected: what it should have been, likewise: another value that came back, a tensor that was sent, or a literal.
    """

    got: Place | None = None
    expected: Place | Tensor | Literal | None = None


def compared(error: BaseException, replies: Mapping[int, Any], sent: list[Tensor], known: list[Tensor]) -> Compared:
    """What a failed comparison has compared.

    Args:
        error: why the case failed. If it is a CheckFailed without values, the one while which it was raised may have some.
        replies: by number, in order.
        sent: tensors in the requests.
        known: tensors of the case itself, made before anything was asked.
    """
    failed: BaseException | None = error
    while isinstance(failed, CheckFailed) and failed.got is None:
        failed = failed.__context__
    if not isinstance(failed, CheckFailed):
        return Compared()
    got = _place_of(failed.got, replies)
    if got is None or failed.expected is None:
        return Compared(got)
    expected = failed.expected
    if not isinstance(expected, Tensor):
        return Compared(got, Literal(expected) if _is_alone(replies) else None)
    for tensor in sent:
        if tensor is expected:
            return Compared(got, tensor)
    if any(tensor is expected for tensor in known):
        return Compared(got, Literal(expected))
    place = _place_of_expected(expected, got, replies)
    # what was computed from a reply, rather than from the case alone, would be wrong beside right code
    literal = Literal(expected) if _is_alone(replies) and not _is_part(expected, replies) else None
    return Compared(got, place or literal)


def _place_of_expected(expected: Tensor, got: Place, replies: Mapping[int, Any]) -> Place | None:
    """The reply that a value was compared with, as it came or as float64."""
    place = _place_of(expected, {number: reply for number, reply in replies.items() if number != got.reply})
    if place is None and _is_float32(expected):
        place = _place_of(expected.float(), replies)
    return None if place == got else place


def _is_alone(replies: Mapping[int, Any]) -> bool:
    """Whether there was one call: what a value was compared with cannot come from another."""
    return len(replies) == 1 and not (type(reply := next(iter(replies.values()))) is list and len(reply) > 1)


def _is_part(expected: Tensor, replies: Mapping[int, Any]) -> bool:
    """Whether a value may be a part of what came back, or be put together from it."""
    memory = expected.untyped_storage().data_ptr()
    for tensor in tensors_in(list(replies.values())):
        if tensor.numel() and tensor.untyped_storage().data_ptr() == memory:
            return True
        if _is_float32(expected) and tensor.dtype is torch.float32 and torch.isin(expected.float(), tensor).all():
            return True
    return False


def _is_float32(expected: Tensor) -> bool:
    """Whether a float64 tensor holds what float32 can hold, as replies do and an oracle's results do not."""
    return expected.dtype is torch.float64 and expected.numel() > 0 and torch.equal(expected.float().double(), expected)


def _place_of(value: Any, replies: Mapping[int, Any]) -> Place | None:
    """Where a value came back: the object itself, else the last one that equals it."""
    everything = [(Place(number, path), item) for number, reply in replies.items() for path, item in _walk(reply, ())]
    same = [place for place, item in everything if item is value and not isinstance(value, (bool, int, type(None)))]
    equal = [place for place, item in everything if _equal(item, value)]
    return same[0] if same else equal[-1] if equal else None


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _walk(item, (*path, i))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.dtype != other.dtype or one.shape != other.shape or one.numel() < 2:
            return False
        return bool(((one == other) | ((one != one) & (other != other))).all())
    if type(one) is not type(other):
        return False
    if isinstance(one, (float, str)):
        return bool(one == other)
    plain = isinstance(one, list) and all(isinstance(item, (int, str)) for item in (*one, *other))
    return plain and len(one) > 0 and bool(one == other)
