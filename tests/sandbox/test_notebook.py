"""Reading notebooks: which cells there are, what happens to magics, what is told about files that are none."""

import json
from typing import Any

import pytest

from sandbox.notebook import MAX_DEPTH, Cell, NotebookError, is_export, read, read_export

pytestmark = pytest.mark.torch_free


def code(source: str | list[str], **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source, **more}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}).encode()


def cell_of(source: str) -> Cell:
    """A cell as it is read, from a notebook of its own."""
    [found] = read(notebook(code(source + "\nlast = 1\n")))
    return found


# ---------------------------------------------------------------------------------------------------- files


def test_code_cells_in_order() -> None:
    """Protects the numbers of cells: code cells count from 1, Markdown between them does not, empty ones do."""
    cells = read(notebook(text("# one"), code("a = 1"), code(""), text("x"), code(["b = 2\n", "c = 3"])))
    assert [(cell.number, cell.source) for cell in cells] == [(1, "a = 1"), (2, ""), (3, "b = 2\nc = 3")]


def test_what_is_no_code_is_ignored() -> None:
    """Protects grading from saved outputs that lie, from Colab's metadata, widgets and attachments."""
    lie = {"output_type": "execute_result", "data": {"text/plain": ["42"], "image/png": "iVBOR"}, "execution_count": 9}
    cell = code("a = 1", outputs=[lie], execution_count=9, metadata={"id": "x", "colab": {"height": 34}})
    metadata = {"colab": {"provenance": [], "gpuType": "T4"}, "widgets": {"state": {}}, "accelerator": "GPU"}
    [found] = read(notebook(cell, {"cell_type": "raw", "source": "b = 2"}, metadata=metadata))
    assert found.source == "a = 1"


def test_format_3() -> None:
    """Protects old notebooks: worksheets, and the code under `input`."""
    cells = [{"cell_type": "heading", "source": "x"}, {"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}, {"cells": cells[1:]}]}
    assert [cell.source for cell in read(json.dumps(old).encode())] == ["a = 1\nb = 2"] * 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_unicode_encoding(encoding: str) -> None:
    """Protects notebooks written on other machines: non-ASCII text, a byte order mark, Windows line ends."""
    raw = json.dumps(json.loads(notebook(code("größe = 'σ — 🎉'\r\nb = 2\r\n"))), ensure_ascii=False)
    assert read(raw.encode(encoding))[0].source == "größe = 'σ — 🎉'\nb = 2\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"import torch\n", "it is not JSON (line 1: Expecting value)"),
        (b'{"cells": [\n{"cell_type"', "it is not JSON (line 2: Expecting ':' delimiter)"),
        (b'{"nbformat": ' + b"9" * 5000 + b"}", "it is not JSON (Exceeds the limit"),
        (b'{"cells": "\xff\xfe"}', "it is not text in UTF-8"),
        (b"[" * 200_000, "its JSON is nested too deeply"),
        (b"[1, 2]", "it is JSON, but not a notebook"),
        (b'{"a": 1}', "it is JSON, but not a notebook"),
        (b'{"cells": []}', "it does not say which notebook format it has (nbformat)"),
        (b'{"cells": [], "nbformat": "4"}', "it does not say which notebook format it has (nbformat)"),
        (
            b'{"worksheets": [], "nbformat": 2}',
            "it has notebook format 2, which is too old: save it again with a current Jupyter",
        ),
        (b'{"cells": [], "nbformat": 5}', "it has notebook format 5, which is not known here: save it as format 4"),
        (notebook(), "it has no cells"),
        (b'{"cells": 3, "nbformat": 4}', "it has no cells"),
        (b'{"worksheets": [7, {}], "nbformat": 3}', "it has no cells"),
        (notebook(text("# Homework")), "it has no code cells, only text"),
        (notebook(code(""), code([" \n"])), "all its code cells are empty"),
        (notebook({"cell_type": "code"}, code({"a": 1}), code([1, None])), "all its code cells are empty"),  # type: ignore[arg-type]
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_files_that_are_no_notebook(data: bytes, message: str) -> None:
    """Protects what is told about a file that cannot be read: the plain fact, never an exception of another kind."""
    with pytest.raises(NotebookError) as caught:
        read(data)
    assert str(caught.value).startswith(message)


# ---------------------------------------------------------------------------------------------------- magics


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("!pip install -q einops", "pass"),
        ("%matplotlib inline", "pass"),
        ("?print", "pass"),
        ("torch.nn.Linear??", "pass"),
        ("!echo it's ( {x}", "pass"),
        ("if True:\n    !ls -l\n    x = 1", "if True:\n    pass\n    x = 1"),
        ("files = !ls *.txt", "files = None"),
        ("a, b = %sx ls", "a, b = None"),
        ("    ", "    "),
        ("!wget a \\\n  b \\\n  c's\nx = 1", "pass\n\n\nx = 1"),
        ("x = !cat \\\n  'a\nx = 1", "x = None\n\nx = 1"),
        ("%time x = f(3)", "x = f(3)"),
        ("%time", "pass"),
        ("%timeit -n 5 f(3)", "pass"),
        ("%%time\nx = 1", "\nx = 1"),
        ("%%capture --no-stderr\n%%time\n!ls\nx = 1", "\n\npass\nx = 1"),
        ("# title\n\n%%prun -s time\nx = 1", "# title\n\n\nx = 1"),
    ],
    ids=repr,
)
def test_magics_become_harmless(source: str, expected: str) -> None:
    """Protects notebooks from Jupyter and Colab: what is not Python is replaced, and no line moves."""
    found = cell_of(source)
    assert found.source == f"{expected}\nlast = 1\n"
    assert found.problem is None


@pytest.mark.parametrize("magic", ["bash", "html", "writefile model.py", "javascript", "script python", "sh"])
def test_cells_of_another_language_are_dropped(magic: str) -> None:
    """Protects from bash and HTML being read as Python; the cell still counts."""
    cells = read(notebook(code(f"%%{magic}\nx = 1\n<b>"), code("y = 1")))
    assert [(cell.number, cell.source.strip(), cell.problem) for cell in cells] == [(1, "", None), (2, "y = 1", None)]


@pytest.mark.parametrize(
    "source",
    [
        "x = (7\n  % 3)",
        "print('%d %s'\n  % (1, 'a'))",
        "s = '''\n!pip install x\n%matplotlib inline\nwhy?\n'''",
        "x = 7 \\\n  % 3",
        "x = [1 != 2,\n  3 % 2]",
        "d = {'!': 1}  # x = !ls",
    ],
    ids=repr,
)
@pytest.mark.parametrize("magic", ["", "!ls\n", "%cd /content\n"])
def test_what_is_python_stays(source: str, magic: str) -> None:
    """Protects expressions and strings that look like magics, also beside real ones."""
    assert cell_of(magic + source).source == ("pass\n" if magic else "") + source + "\nlast = 1\n"


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("x = 1\ndef f(:\n    pass", 2, "invalid syntax"),
        ("!ls\nx = 1\nprint 'a'", 3, "Missing parentheses"),
        ("x = '\ud800'", 1, "'utf-8' codec"),
        ("x = '\0'", 1, "source code"),
        ("(" * 500 + ")" * 500, 1, "too many nested parentheses"),
        ("-" * 100_000 + "1", 1, ""),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_cells_that_are_no_python(source: str, line: int, message: str) -> None:
    """Protects the rest of the notebook from one bad cell: it is kept with the place and the reason."""
    cells = read(notebook(code("a = 1"), code(source), code("b = 2")))
    assert [cell.tree is None for cell in cells] == [False, True, False]
    assert cells[1].problem is not None
    found, told = cells[1].problem
    assert line == found
    assert message in told
    assert told


def test_lines_of_a_cell() -> None:
    """Protects the line that is shown with an error."""
    cell = cell_of("  x = 1\ny = 2")
    assert [cell.line(n) for n in (1, 2, 3, 4, 99, 0, -1)] == ["x = 1", "y = 2", "last = 1", "", "", "", ""]


# ---------------------------------------------------------------------------------------------------- exports

EXPORT = """#!/usr/bin/env python
# coding: utf-8

# # Homework 7

# In[1]:


get_ipython().run_line_magic('matplotlib', 'inline')
import torch


# In[ ]:


get_ipython().run_cell_magic('time', '', 'a = 1\\nb = 2\\n')


# ## Text

# In[12]:


get_ipython().run_cell_magic('bash', '', 'ls\\n')

# In[13]:


c = 3
"""


def test_an_exported_notebook() -> None:
    """Protects who hands in Jupyter's export: a cell for each mark, cell magics undone, the file's own line numbers."""
    cells = read_export(EXPORT.encode())
    assert [cell.number for cell in cells] == [1, 2, 3, 4]
    assert cells[0].source.split("\n")[9] == EXPORT.split("\n")[9] == "import torch"
    assert cells[1].source.split() == ["a", "=", "1", "b", "=", "2"]
    assert cells[2].source.strip() == ""
    assert cells[3].line(EXPORT[: EXPORT.index("c = 3")].count("\n") + 1) == "c = 3"


@pytest.mark.parametrize("mark", ["# %%", "#%%", "# %% [markdown]", "# <codecell>", "# COMMAND ----------"])
def test_other_marks(mark: str) -> None:
    """Protects scripts with the marks of VS Code, Spyder and Databricks."""
    source = f"a = 1\n{mark}\nb = 2\n{mark}\n# only a comment\n{mark} title\n!ls\nc = (\n"
    cells = read_export(source.encode())
    assert [cell.source.strip().split("\n")[-1] for cell in cells] == ["a = 1", "b = 2", "c = ("]
    assert cells[2].problem == (8, "'(' was never closed")
    assert is_export(source.encode())


def test_what_counts_as_an_export() -> None:
    """Protects plain modules from being taken for notebooks."""
    assert is_export(EXPORT.encode())
    assert is_export(b'"""hw.ipynb\n\nAutomatically generated by Colab.\n"""\n')
    assert is_export(b"get_ipython().system('pip install x')\n")
    assert not is_export(b"import torch\n# In the end: %% of it\nx = '# In[1]:'\n")
    assert [cell.number for cell in read_export(b"a = 1\n")] == [1]


@pytest.mark.parametrize(
    ("data", "message"), [(b"# only\n", "the file is empty"), (b"\xff", "it is not text in UTF-8")]
)
def test_exports_that_cannot_be_read(data: bytes, message: str) -> None:
    """Protects the message about a script that holds nothing."""
    with pytest.raises(NotebookError, match=message):
        read_export(data)


def test_a_line_that_is_nearly_a_magic() -> None:
    """Protects the time of reading: a million spaces before what is no magic are looked at once, not once for each."""
    assert cell_of("x" + " " * 1_000_000 + "?!").problem is not None


@pytest.mark.parametrize(("n", "is_read"), [(MAX_DEPTH - 5, True), (MAX_DEPTH + 5, False)])
def test_how_deep_a_cell_may_be(n: int, is_read: bool) -> None:
    """Protects what visits the trees of cells: a statement that is nested deeper than it can go is named, with its line."""
    cell = cell_of("a = 1\nx = a" + ".b" * n)
    assert (cell.tree is not None) == is_read
    assert cell.problem == (None if is_read else (2, "it is nested too deeply"))
