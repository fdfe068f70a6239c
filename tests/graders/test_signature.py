"""Whether a function can be called the way the handout says, whatever it calls its arguments."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from graders.signature import require_parameters
from graders.verdict import CheckFailed
from sandbox.client import Remote

SOURCE = """
import functools

class Accepts:
    def __init__(self, d_model, n_heads, dropout=0.0): pass

class AcceptsLess:
    def __init__(self, d_model): pass

class Callable:
    def __call__(self, a, b, c, d=None): pass

def exact(query, key, value, mask=None): pass
def other_names(q, k, v, m=None): pass
def more_optional(q, k, v, mask=None, dropout=0.0, *, causal=False): pass
def all_optional(q=None, k=None, v=None, mask=None): pass
def anything(*args, **kwargs): pass
def rest(q, *more): pass
def positional_only(q, k, v, mask=None, /): pass
def too_few(query, key): pass
def no_mask(query, key, value): pass
def mask_needed(query, key, value, mask): pass
def mask_by_name(query, key, value, *, mask=None): pass
def scale_needed(query, key, value, mask=None, *, scale): pass
def by_name_only(**kwargs): pass
partial = functools.partial(exact, 1)
partial_by_name = functools.partial(exact, mask=None)
instance = Callable()
no_function = 7
built_in = max
"""


def verdict_of(remote: Remote, needed: tuple[str, ...], optional: tuple[str, ...] = (), **kwargs: Any) -> str:
    """The refusal's message, or "" if there is none."""
    try:
        require_parameters(remote, "attention.py", needed, optional, **kwargs)
    except CheckFailed as refusal:
        return str(refusal)
    return ""


@pytest.fixture
def resolve(student: Any) -> Any:
    """Get one of the names above from a worker."""
    with student({"attention.py": SOURCE}).open(1) as worker:
        yield lambda name: worker.resolve("attention", name)


@pytest.mark.parametrize(
    "name",
    [
        "exact",
        "other_names",
        "more_optional",
        "all_optional",
        "anything",
        "rest",
        "positional_only",
        "instance",
        "built_in",
    ],
)
def test_what_can_be_called_is_accepted(resolve: Any, name: str) -> None:
    """Protects right solutions: names, further optional arguments and the kind of callable are the student's own."""
    assert verdict_of(resolve(name), ("query", "key", "value"), ("mask",)) == ""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("too_few", "too_few(query, key)"),
        ("no_mask", "no_mask(query, key, value)"),
        ("mask_needed", "mask_needed(query, key, value, mask)"),
        ("mask_by_name", "mask_by_name(query, key, value, mask=…)"),
        ("scale_needed", "scale_needed(query, key, value, mask=…, scale)"),
        ("by_name_only", "by_name_only(kwargs)"),
        ("partial", "partial(key, value, mask=…)"),
        ("partial_by_name", "partial_by_name(query, key, value, mask=…)"),  # bound by name, so not by position
    ],
)
def test_what_cannot_be_called_is_refused(resolve: Any, name: str, found: str) -> None:
    """Protects the message: it shows the expected call and the one that was found, side by side."""
    expected = f"attention.py: expected {name}(query, key, value, mask=…), found {found}."
    assert expected == verdict_of(resolve(name), ("query", "key", "value"), ("mask",))


def test_what_is_no_function_is_refused(resolve: Any) -> None:
    """Protects from a name that is bound to a value."""
    expected = "attention.py: no_function must be a function, called as no_function(query, key)."
    assert expected == verdict_of(resolve("no_function"), ("query", "key"))


def test_classes(resolve: Any) -> None:
    """Protects constructors: `self` does not count, and a function is no class."""
    needed, optional = ("d_model", "n_heads"), ("dropout",)
    assert verdict_of(resolve("Accepts"), needed, optional, is_class=True) == ""
    expected = "attention.py: expected AcceptsLess(d_model, n_heads, dropout=…), found AcceptsLess(d_model)."
    assert expected == verdict_of(resolve("AcceptsLess"), needed, optional, is_class=True)
    expected = "attention.py: exact must be a class, called as exact(d_model, n_heads, dropout=…)."
    assert expected == verdict_of(resolve("exact"), needed, optional, is_class=True)


def test_a_class_may_stand_where_a_function_is_asked_for(resolve: Any) -> None:
    """Protects duck typing: what can be called is a function for us."""
    assert verdict_of(resolve("Accepts"), ("query", "key")) == ""


def test_long_names_are_cut() -> None:
    """Protects the message from a parameter with a novel for a name."""
    facts = {"callable": True, "class": False, "parameters": [["x" * 100, "POSITIONAL_OR_KEYWORD", False]]}
    remote = cast(Remote, SimpleNamespace(name="f", describe=lambda: facts))
    assert verdict_of(remote, ("a", "b")) == "attention.py: expected f(a, b), found f(" + "x" * 40 + ")."


def test_no_signature_is_no_reason_to_refuse() -> None:
    """Protects callables written in C: the call itself will tell."""
    facts = {"callable": True, "class": False, "parameters": None}
    remote = cast(Remote, SimpleNamespace(name="f", describe=lambda: facts))
    assert verdict_of(remote, ("a", "b"), ("c",)) == ""
