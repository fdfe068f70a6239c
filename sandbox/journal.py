"""What was asked of a worker, in order, and what came back: enough to ask it again elsewhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Entry:
    """One request.

    Attributes:
        operation, arguments: what was asked; the arguments are the judge's own objects, not copies.
        reply: what came back, untrusted; None of a deferred request; the error where one came in its place, which may be
            that of a deferred request before it.
        versions: of the arguments' tensors when they were sent.
    """

    operation: str
    arguments: Mapping[str, Any]
    reply: Any = None
    versions: tuple[int, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """Whether the arguments' tensors still hold what was sent."""
        return _versions(self.arguments) == self.versions


def note(operation: str, arguments: Mapping[str, Any], reply: Any) -> Entry:
    """The entry of a request that has just been answered."""
    return Entry(operation, arguments, reply, _versions(arguments))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors of a tree of lists, tuples and mappings, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)


def _versions(arguments: Mapping[str, Any]) -> tuple[int, ...]:
    """PyTorch counts each change in place of a tensor, or of another that shares its memory."""
    return tuple(tensor._version for tensor in tensors_in(arguments))
