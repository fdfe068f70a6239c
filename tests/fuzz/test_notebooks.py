"""Notebooks that no Jupyter writes: they are read, or it is said why not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import notebook
from tests.fuzz import notebooks
from tests.fuzz.long_sources import LONG, write_long
from tests.fuzz.notebooks import as_notebook

pytestmark = pytest.mark.torch_free

examples = settings(derandomize=True, deadline=None, database=None, max_examples=40)
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["code", "\ud800", "%%"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["cell_type", "source", "input", "cells", "worksheets"]), inner, max_size=3)
    ),
    max_leaves=6,
)
lines = st.sampled_from(
    [
        *(
            "x = 1",
            "y = x",
            "def f(): return x",
            "class A:",
            "    z = x",
            "if x:",
            "!ls",
            "%time y = 2",
            "%%capture",
            "%%bash",
        ),
        *(
            "a = !ls \\",
            "a = %pwd",
            "x?",
            "?x",
            "  ??",
            "\\",
            "'''",
            '"',
            "(",
            ")",
            "\t",
            "\x0c",
            "\0",
            "\ud800",
            "é = 1",
        ),
        *(
            "for i in x: f(i)",
            "x.append(f)",
            "from a import *",
            "from __future__ import annotations",
            "del x",
            "get_ipython()",
        ),
        *(
            "# %%",
            "# In[3]:",
            "get_ipython().run_cell_magic('time', '', 'y = 3')",
            "lambda: (yield)",
            "\u2028",
            "%time \\",
        ),
    ]
)
cells = st.lists(lines | st.text(max_size=8), max_size=8).map("\n".join)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """A notebook in which some parts have a wrong type."""
    cell = st.fixed_dictionaries(
        {"cell_type": st.just("code") | odd, "source": cells | st.lists(cells | odd, max_size=3) | odd},
        optional={"metadata": odd, "input": cells | odd, "outputs": odd},
    )
    sheet = st.fixed_dictionaries({"cells": st.lists(cell | odd, max_size=4) | odd})
    content: dict[str, Any] = {"nbformat": draw(st.sampled_from([4, 4, 4, 3, 2, 5, True, 4.0, "4", None]))}
    content |= draw(sheet)
    if draw(st.booleans()):
        content["worksheets"] = draw(st.lists(sheet | odd, max_size=2) | odd)
    return content


@examples
@given(content=documents() | odd)
def test_notebooks_of_wrong_types(content: Any) -> None:
    """Protects reading from every part that is missing, or is not what the format says."""
    notebooks.target(json.dumps(content).encode())


@examples
@given(sources=st.lists(cells, min_size=1, max_size=3))
def test_cells_of_odd_lines(sources: list[str]) -> None:
    """Protects magics, continued lines, half characters and exports in any order."""
    notebooks.target(as_notebook(*sources))
    notebooks.target("\n# %%\n".join(sources).encode("utf-8", "surrogatepass"))


@settings(examples, max_examples=40)
@given(seed=st.sampled_from(notebooks.seeds()), data=st.data())
def test_a_real_notebook_cut_and_bent(seed: bytes, data: st.DataObject) -> None:
    """Protects reading from an upload that broke off, and from a file in which a few bytes are wrong."""
    at = data.draw(st.integers(0, len(seed)))
    notebooks.target(seed[:at] + data.draw(st.binary(max_size=3)) + seed[at + data.draw(st.integers(0, 50)) :])
    notebooks.target(seed[:at])


HOSTILE = {
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"cells":' * 100_000,
    "a deep part": b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": ' + b"[" * 900 + b"]" * 900 + b"}]}",
    "50,000 digits": b'{"nbformat": ' + b"4" * 50_000 + b', "cells": []}',
    "beyond float64": b'{"nbformat": 1e400, "cells": []}',
    "NaN": b'{"nbformat": NaN, "cells": []}',
    "a key twice": b'{"nbformat": 4, "nbformat": 3, "cells": [], "cells": [{"cell_type": "code", "source": "x"}]}',
    "not UTF-8": b'{"nbformat": 4, "cells": ["\xff"]}',
    "UTF-32": as_notebook("x = 1").decode().encode("utf-32"),
    "5,000 cells": b'{"nbformat": 4, "cells": [' + b"{}," * 5_000 + b"{}]}",
    "300 cells of code": as_notebook(*["x = 1"] * 300),
    "a giant source": as_notebook("x = '" + "a" * 1_000_000 + "'"),
    "a giant output": as_notebook("x = 1", junk="a" * 1_000_000),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_json(data: bytes) -> None:
    """Protects reading from JSON that is deep, huge or ambiguous, in time and in memory."""
    notebooks.target(data)


@pytest.mark.parametrize("n", [90, 450, 900])
@pytest.mark.parametrize("kind", LONG)
def test_long_and_deep_cells(kind: str, n: int) -> None:
    """Protects slicing from statements that are longer or deeper than anybody writes: the others are still there."""
    notebooks.target(as_notebook(write_long(kind, n), "last = 1"))


def test_a_target_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the fuzzing from finding nothing: a reader that lets an error out is noticed."""
    notebooks.target(b"{")
    monkeypatch.setattr(notebook, "_content", json.loads)
    with pytest.raises(json.JSONDecodeError):
        notebooks.target(b"{")
