"""What is cut out of our own files for a kit."""

import ast
import textwrap

from gradescope.kit_sources import looked_up, only_checks

CHECKS = '''
"""Checks."""

import math
import random

import torch

from .check import check

N = 3


def shared(x):
    return torch.ones(N) * x


def of_hidden(x):
    return deeper(x) + math.pi


def deeper(x):
    return shared(x)


@check(task="t", group="shape")
def test_seen(t, rng):
    """Seen."""
    shared(1)


# a remark about the hidden one
@check(task="t", group="property")
def test_unseen(t, rng):
    """Unseen."""
    of_hidden(random.random())
'''


def test_only_what_stays_and_its_parts() -> None:
    """Protects hidden checks: what only they use, what is said about them and what they import goes with them."""
    text = only_checks(textwrap.dedent(CHECKS).lstrip(), {"seen"})
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert names == ["shared", "test_seen"]
    assert "hidden" not in text
    assert "import math" not in text
    assert "import random" not in text
    assert "import torch" in text
    assert "N = 3" in text


def test_a_file_that_stays_whole_stays_as_it_is() -> None:
    """Protects readers: where nothing is hidden, the file is ours to the byte."""
    assert only_checks(CHECKS, {"seen", "unseen"}) == CHECKS


ORACLE = '''
"""Expected values of doubling. More of it.

And more.
"""

from reference.double import double as reference_double

from ..recorded import oracle

__all__ = ["doubled"]


@oracle(also=others)
@torch.no_grad()
def doubled(x: Tensor, *, by: float = 2.0) -> Tensor:
    """x times 2."""
    return reference_double(x, by)


def _secret(x):
    return x + x
'''


def test_oracles_only_look_up() -> None:
    """Protects the answer key: of a function its signature and its sentence are left, of everything else nothing."""
    text = looked_up("double", ORACLE)
    assert "reference" not in text
    assert "_secret" not in text
    assert "no_grad" not in text
    asked = []
    namespace: dict[str, object] = {"look_up": lambda name, question: asked.append((name, question))}
    exec(compile(text.replace("from ..recorded import look_up\n", ""), "double", "exec"), namespace)
    namespace["doubled"](3, by=1.5)  # type: ignore[operator]
    assert asked == [("double.doubled", {"x": 3, "by": 1.5})]
    assert namespace["doubled"].__doc__ == "x times 2."
