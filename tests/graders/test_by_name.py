"""Calls whose arguments are found by the names of the parameters."""

from dataclasses import dataclass
from typing import Any

import pytest

from graders.by_name import Argument, arranged
from graders.verdict import CheckFailed

START, COUNT, TAU = (
    Argument("idx", "s", ("x",)),
    Argument("max_new_tokens", 5, ("n",)),
    Argument("temperature", 0.5, ("t",)),
)
ANY = "POSITIONAL_OR_KEYWORD"


@dataclass
class Described:
    """A function that only has a signature."""

    parameters: list[list[Any]] | None
    name: str = "sample"

    def describe(self) -> dict[str, Any]:
        return {"parameters": self.parameters}


def signature(*parameters: str, kind: str = ANY) -> Any:
    """`x` without a default, `x=` with one."""
    return Described([[name.removesuffix("="), kind, name.endswith("=")] for name in parameters])


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        (signature("idx", "max_new_tokens", "temperature="), (["s", 5, 0.5], {})),
        (signature("T", "X", "N"), ([0.5, "s", 5], {})),
        (signature("first", "second", "third"), (["s", 5, 0.5], {})),
        (signature("temperature", "first", "n"), ([0.5, "s", 5], {})),
        (
            signature("idx", "top_k=", "max_new_tokens", "temperature="),
            (["s"], {"max_new_tokens": 5, "temperature": 0.5}),
        ),
        (signature("idx", "n", "t", kind="KEYWORD_ONLY"), ([], {"idx": "s", "n": 5, "t": 0.5})),
        (signature("idx", "amount=", "t="), (["s", 5, 0.5], {})),
        (Described(None), (["s", 5, 0.5], {})),
    ],
    ids=["as expected", "another order", "no names", "one name", "a gap", "keywords", "a default", "no signature"],
)
def test_arguments_find_their_parameters(remote: Any, expected: tuple[list[Any], dict[str, Any]]) -> None:
    """Protects right solutions: order and names are the student's own."""
    assert expected == arranged(remote, [START, COUNT, TAU], "here")


@pytest.mark.parametrize("remote", [signature("idx", "n"), signature("idx", "n", "t", "device"), signature()])
def test_what_does_not_fit_is_told(remote: Any) -> None:
    """Protects the message: what is passed, and the signature that was found."""
    with pytest.raises(CheckFailed, match=r"here: expected sample\(idx, max_new_tokens, temperature\), found sample\("):
        arranged(remote, [START, COUNT, TAU], "here")


def test_known_values_fill_what_is_demanded() -> None:
    """Protects constructors that take sizes as arguments; those with a default keep it."""
    known = [Argument("vocab_size", 11), Argument("n_embd", 6)]
    assert arranged(signature("vocab_size", "n_embd="), [], "here", known=known) == ([11], {})  # type: ignore[arg-type]
