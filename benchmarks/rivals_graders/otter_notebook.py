"""The notebook that a student of an Otter course hands in: the answer, and a check below it."""

import json
from typing import Any


def notebook(answer: str) -> str:
    """The text of an .ipynb.

    Args:
        answer: the student's code.
    """
    sources = ('import otter\n\ngrader = otter.Notebook("attention.ipynb")', answer, 'grader.check("attention")')
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for source in sources
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps(
        {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}, indent=1
    )
