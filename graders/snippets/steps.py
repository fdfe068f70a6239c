"""Which requests of a journal a repetition of its last case needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.journal import Entry
from sandbox.wire import Handle

_ANSWERED = ("call", "call_many", "gradient", "get")
_UNSEEN = ("hello", "open", "describe", "parameters")  # parameters matter where they are what was asked for last
_MAX_INSTANCES = 256


class Unwritable(Exception):
    """Something in the journal cannot be repeated with torch alone."""


def kept(journal: Sequence[Entry], opened_at: int) -> list[int]:
    """The numbers of the entries that a repetition needs: the case's calls, and what made the objects in them as they are.

    Args:
        journal: of a worker.
        opened_at: its length when the case began.

    Raises:
        Unwritable: one of them cannot be repeated.
    """
    roots: dict[int, int] = {}  # an object of which another is a part

    def root(number: int) -> int:
        return roots.get(number, number)

    for entry in journal:
        if entry.operation == "part":
            roots[entry.arguments["number"]] = root(entry.arguments["target"].number)
    needed: set[int] = set()
    found = []
    for number in reversed(range(len(journal))):
        entry, arguments = journal[number], journal[number].arguments
        if entry.operation in _UNSEEN and not (
            entry.operation == "parameters" and number == len(journal) - 1 >= opened_at
        ):
            continue
        if entry.operation == "instances":
            made = range(arguments["first"], arguments["first"] + _MAX_INSTANCES)
            if needed & set(made):
                raise Unwritable("found submodules")
            continue
        if entry.operation in ("resolve", "make", "part", "define"):
            if not needed & set(arguments.get("numbers", [arguments.get("number")])):
                continue
        elif entry.operation == "call" and arguments["keep"]:
            does = arguments["attribute"] and root(arguments["target"].number) in needed
            # in the case itself, an object that nothing is asked of may have changed another one
            if number < opened_at and arguments["keep"] not in needed and not does:
                continue
        elif entry.operation == "set":
            if root(arguments["target"].number) in needed:
                raise Unwritable("an attribute that is set past the object")
            continue
        elif entry.operation in _ANSWERED:
            if number < opened_at:
                continue
        elif entry.operation not in ("seed", "parameters"):
            if number >= opened_at:
                raise Unwritable(entry.operation)
            continue
        found.append(number)
        for handle in handles_in(arguments):
            needed |= {handle.number, root(handle.number)}
    return found[::-1]


def has_answer(entry: Entry) -> bool:
    """Whether a value of the student's comes back."""
    return entry.operation in _ANSWERED and not entry.arguments.get("keep")


def handles_in(value: Any) -> Iterator[Handle]:
    """The handles in a tree of lists, tuples and mappings."""
    if isinstance(value, Handle):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from handles_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from handles_in(item)
