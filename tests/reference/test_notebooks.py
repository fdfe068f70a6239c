"""The answer key's notebooks: what becomes of a percent-format file, and the files that are copied out of cells."""

import ast
import json
import sys
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.notebooks import copied_cells, to_ipynb
from reference.templates import cut, solved, sources, with_notebooks
from sandbox import notebook

SOURCE = '''# %% [markdown]
# # Title
#
# Text with `code`, a formula $x_1$ and a list:
#
# * one

# %%
import math

x = 1  # %% no cell begins here


def f():
    """Text.

    # %% nor here
    """
    return math.pi

# %% [markdown]
# More.

# %% tags=["given"]
# part.py: copy this cell into that file, and no other
import math

y = 2
# a last comment

# %%
print("größer", "\\u2047", f())
'''
FILES = [pytest.param(path, id=f"{name}-{path.stem}") for name in with_notebooks() for path in sources(name)]


def cells_of(text: str) -> list[dict[str, Any]]:
    return json.loads(text)["cells"]


def code_of(text: str) -> list[str]:
    return ["".join(cell["source"]) for cell in cells_of(text) if cell["cell_type"] == "code"]


def test_cells_are_those_of_the_source() -> None:
    """Protects what students see: Markdown and code in their order, without the comment marks and without blank ends."""
    kinds = [cell["cell_type"] for cell in cells_of(to_ipynb(SOURCE))]
    assert kinds == ["markdown", "code", "markdown", "code", "code"]
    first, second = ("".join(cell["source"]) for cell in cells_of(to_ipynb(SOURCE))[:2])
    assert first == "# Title\n\nText with `code`, a formula $x_1$ and a list:\n\n* one"
    assert second.startswith("import math\n\nx = 1  # %% no cell begins here\n\n\ndef f():")
    assert second.endswith("    return math.pi")


def test_the_notebook_is_plain_and_valid() -> None:
    """Protects every reader: nbformat 4 with nothing but sources, no outputs, counts, ids or metadata of a machine."""
    text = to_ipynb(SOURCE)
    content = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
    nbformat.validate(content)
    assert (content.nbformat, content.nbformat_minor) == (4, 4)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert content.metadata == {"kernelspec": kernel, "language_info": {"name": "python"}}
    for cell in content.cells:
        assert cell.metadata == {}
        assert "id" not in cell
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_the_same_source_gives_the_same_bytes() -> None:
    """Protects the comparison of what is committed with what is written: no random ids, no time, one line end."""
    assert to_ipynb(SOURCE) == to_ipynb(SOURCE)
    assert to_ipynb(SOURCE).endswith("}\n")
    assert not to_ipynb(SOURCE).endswith("\n\n")


def test_text_stays_readable() -> None:
    """Protects diffs, and readers without a notebook viewer: letters are not escaped."""
    assert "größer" in to_ipynb(SOURCE)
    assert code_of(to_ipynb(SOURCE))[-1] == 'print("größer", "\\u2047", f())'


# no line breaks of other alphabets, which editors do not put into source files, and no quotes, which could swallow a mark
lines = st.text(st.sampled_from("ab =#[]é%"), max_size=12).filter(lambda line: "%" not in line or line[0] not in "#% ")


@settings(derandomize=True, deadline=None, database=None, max_examples=40)
@given(bodies=st.lists(st.lists(lines, min_size=1, max_size=4), min_size=1, max_size=4))
def test_code_cells_keep_their_lines(bodies: list[list[str]]) -> None:
    """Protects the code: what stands in a cell arrives there character by character. (Lines of magics are jupytext's.)"""
    cells = ["\n".join(["x = 0", *body, "y = 1"]) for body in bodies]
    assert code_of(to_ipynb("".join(f"# %%\n{cell}\n\n" for cell in cells))) == cells


def test_without_jupytext_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who has installed no extras: the command that installs them is told."""
    monkeypatch.setitem(sys.modules, "jupytext", None)
    with pytest.raises(
        ValueError, match=r"^notebooks need jupytext: pip install -e '\.\[notebooks\]' in the checkout$"
    ):
        to_ipynb(SOURCE)


# ---------------------------------------------------------------------------------------------------- copied cells


def test_copied_cells() -> None:
    """Protects files that students copy out of the notebook: the cell without its first line, with one line end."""
    assert copied_cells(SOURCE) == {"part.py": "import math\n\ny = 2\n# a last comment\n"}


@pytest.mark.parametrize(
    "source",
    [
        "# %%\nx = 1\n# part.py: copy this cell into that file\n",  # not the cell's first line
        "# %%\n# part.txt: copy this cell into that file\nx = 1\n",
        "# %%\n# part.py: copy this cell into that filing cabinet\nx = 1\n",
        "# %%\n# copy this cell into part.py\nx = 1\n",
        "",
    ],
)
def test_other_cells_are_not_copied(source: str) -> None:
    """Protects against files that nobody asked for."""
    assert copied_cells(source) == {}


def test_several_cells_are_copied() -> None:
    """Protects homeworks with more than one such file."""
    mark = "copy this cell into that file"
    source = f"# %%\n# a.py: {mark}\nx = 1\n# %% [markdown]\n# text\n# %%\n# b.py: {mark}\n\n\ny = 2\n\n"
    assert copied_cells(source) == {"a.py": "x = 1\n", "b.py": "y = 2\n"}


# ---------------------------------------------------------------------------------------------------- the real ones


@pytest.mark.parametrize("change", [cut, solved], ids=["template", "solution"])
@pytest.mark.parametrize("path", FILES)
def test_real_notebooks(path: Any, change: Any) -> None:
    """Protects what is shipped: valid, without outputs, the same twice, read by the grader, every code cell Python."""
    source = change(path.read_text(encoding="utf-8"))
    text = to_ipynb(source)
    assert text == to_ipynb(source)
    content = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
    nbformat.validate(content)
    assert all(cell.outputs == [] for cell in content.cells if cell.cell_type == "code")
    assert [cell.problem for cell in notebook.read(text.encode()) if cell.problem] == []
    markdown = [cell.source for cell in content.cells if cell.cell_type == "markdown"]
    assert len(markdown) >= 5


@pytest.mark.parametrize("path", FILES)
def test_the_notebook_has_all_the_code(path: Any) -> None:
    """Protects against a statement that gets lost on the way into a cell, or becomes Markdown."""
    source = solved(path.read_text(encoding="utf-8"))
    together = "\n".join(code_of(to_ipynb(source)))
    assert ast.dump(ast.parse(together)) == ast.dump(ast.parse(source))


@pytest.mark.parametrize("path", FILES)
def test_copied_files_are_cells_of_the_notebook(path: Any) -> None:
    """Protects the rule that file and notebook agree, in our own solution first."""
    source = solved(path.read_text(encoding="utf-8"))
    for name, content in copied_cells(source).items():
        [cell] = [code for code in code_of(to_ipynb(source)) if code.startswith(f"# {name}: ")]
        assert cell.partition("\n")[2] == content.rstrip("\n")
