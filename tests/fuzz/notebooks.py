"""Notebooks and exports: JSON, cells and magics, and which statements a name needs."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox import notebook
from sandbox.notebook import Cell, NotebookError
from sandbox.slicing import Program
from tests.fuzz.bounds import bounded

ROOT = Path(__file__).parents[2]
READERS: tuple[Callable[[bytes], list[Cell]], ...] = (notebook.read, notebook.read_export)
MAX_SEED = 1 << 13


def target(data: bytes) -> None:
    """Read the bytes as a notebook and as an export, and slice both.

    Raises:
        AssertionError: a cell is neither read nor broken, its lines have moved, or a slice is not one.
        Exceeded: more than 20 seconds. Memory is bounded by the worker's limits, and the fuzzer's.
    """
    with bounded(seconds=20):
        notebook.is_export(data)
        for reader in READERS:
            try:
                cells = reader(data)
            except NotebookError:
                continue
            _check(cells)
            slice_all(Program(cells))


def _check(cells: list[Cell]) -> None:
    assert [cell.number for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert (cell.tree is None) != (cell.problem is None), "a cell is neither read nor broken, or both"
        lines = cell.source.split("\n")
        if cell.tree is not None:
            ends = [node.end_lineno or 0 for node in ast.walk(cell.tree) if isinstance(node, ast.stmt)]
            assert max(ends, default=0) <= len(lines), "a statement lies beyond its cell"
        else:
            assert cell.problem is not None
            cell.line(cell.problem[0])


def slice_all(program: Program, at_most: int = 20) -> None:
    """Slice a program by each of its first names, and look at every statement as the worker does."""
    names = list(program.bindings)
    for name in [*names[:at_most], "absent"]:
        chosen = program.select([name], names[:1])
        assert list(chosen) == sorted(set(chosen))
        assert all(0 <= i < len(program.statements) for i in chosen)
    for statement in program.statements:
        assert all(type(name) is str for names in statement.loads for name in names)
        assert type(statement.code) is str


def as_notebook(*sources: Any, **more: Any) -> bytes:
    """A notebook of format 4 with these code cells."""
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **more}).encode()


def real() -> list[bytes]:
    """The solutions' notebooks."""
    return [path.read_bytes() for path in sorted((ROOT / "reference" / "homeworks").glob("*/handed_in/*.ipynb"))]


def seeds() -> list[bytes]:
    """Real notebooks cut into small ones, one of format 3, an export, magics."""
    found = []
    for data in real():
        sources = [cell["source"] for cell in json.loads(data)["cells"] if cell["cell_type"] == "code"]
        small = [source for source in sources if len("".join(source)) < MAX_SEED // 4]
        found += [as_notebook(*small[i : i + 2]) for i in range(0, len(small), 6)]
    old = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = a"]}]}]}
    magics = ["%time x = 1", "%%capture out\ny = !ls \\\n -l\n?x", "a = %pwd\nfor i in a:\n    !echo {i}", "%%bash\nls"]
    export = "# In[1]:\nget_ipython().run_cell_magic('time', '', 'x = 1\\n')\n\n# In[ ]:\nclass A:\n    y = x\n"
    return [*found, json.dumps(old).encode(), as_notebook(*magics), export.encode(), b"# %%\nA = 1\n# %% [markdown]\n"]
