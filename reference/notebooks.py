"""Notebooks of the answer key: Python files in percent format, turned into `.ipynb`.

A code cell that begins with `# NAME.py: copy this cell into that file` is also written as that file.
"""

import re

_COPIED = re.compile(r"# (?P<name>\w+\.py): copy this cell into that file\b.*\n")
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def to_ipynb(source: str) -> str:
    """Turn a percent-format file into a notebook without outputs; the same text gives the same notebook.

    Raises:
        ValueError: jupytext is not installed; the message says how to get it.
    """
    try:
        import jupytext
    except ModuleNotFoundError:
        raise ValueError("notebooks need jupytext: pip install -e '.[notebooks]' in the checkout") from None
    notebook = jupytext.reads(source, fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, 4  # the last format whose cells have no random ids
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.pop("id", None)
        cell.metadata = {}
    return str(jupytext.writes(notebook, fmt="ipynb")).rstrip("\n") + "\n"


def copied_cells(source: str) -> dict[str, str]:
    """The files that students copy out of cells, by name."""
    cells = re.split(r"^# %%.*\n", source, flags=re.MULTILINE)
    found = {}
    for cell in cells:
        match = _COPIED.match(cell)
        if match:
            found[match["name"]] = cell[match.end() :].strip("\n") + "\n"
    return found
