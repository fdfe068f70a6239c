"""Code that is hostile to its readers: it is read, and what is told about it can cross the wire."""

import ast
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import scan
from tests.fuzz import sources
from tests.fuzz.long_sources import LONG, write_long

examples = settings(derandomize=True, deadline=None, database=None, max_examples=30)
SEEDS = sources.seeds()
lines = st.sampled_from(
    [
        *(
            "import torch as t",
            "from torch.nn import *",
            "from . import x",
            "from .other import Head",
            "import a.b, a.c as x",
        ),
        *(
            "from other import Head as loss",
            "from student import loss as Head",
            "x = x.x",
            "Head = x = loss",
            "global x",
        ),
        *("class Head(x.y, *z): f = x", "def loss(x=t.a, *, y): return getattr(x, '\\ud800')", "x = __import__('a')"),
        *(
            "class Given:\n  def f(self): ...",
            "class Given:\n  x: int",
            "def Given(): pass",
            "match x:\n  case {'a': x, **y}: pass",
        ),
        *(
            "try: pass\nexcept x as y: pass",
            "with x as (y, z[0]): pass",
            "x = [x for x in x if (y := x)]",
            "del x.y, x[0]",
        ),
        *(
            "Head.f = lambda self: x",
            "if __name__ == '__main__': x = 1",
            "x: t.Tensor",
            "def f():\n  nonlocal x",
            "x =",
        ),
    ]
)
files = st.lists(lines, max_size=7).map(lambda chosen: "\n".join(chosen).encode())


@examples
@given(first=files, second=files)
def test_files_that_import_each_other(first: bytes, second: bytes) -> None:
    """Protects scanning from names that stand for each other in circles, stars, and statements of every kind."""
    sources.target(first + b"\0" + second)


@settings(examples, max_examples=20)
@given(seed=st.sampled_from(SEEDS), data=st.data())
def test_a_solution_cut_and_bent(seed: bytes, data: st.DataObject) -> None:
    """Protects scanning from files that are half there."""
    at = data.draw(st.integers(0, len(seed)))
    sources.target(seed[:at] + data.draw(st.binary(max_size=3)) + seed[at + data.draw(st.integers(0, 50)) :])


@pytest.mark.parametrize("n", [400])
@pytest.mark.parametrize("kind", LONG)
def test_long_and_deep_statements(kind: str, n: int) -> None:
    """Protects scanning from statements that are longer or deeper than anybody writes, at the top and in a definition."""
    text = write_long(kind, n)
    inside = "class Head:\n def forward(self, x):\n" + "".join(f"  {line}\n" for line in text.split("\n"))
    sources.target(f"{text}\n\0{inside}\n".encode())


def test_a_target_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the fuzzing from finding nothing: an error in what reads the code is noticed."""
    monkeypatch.setattr(scan, "_parameters", lambda node: itertools.chain.from_iterable(ast.parse("x")))
    with pytest.raises(TypeError):
        sources.target(sources.TEMPLATE.encode())
