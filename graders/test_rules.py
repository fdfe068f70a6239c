"""Checks of what a handout demands of the files themselves. They say only what the homework's table `[rules]` holds.

A rule earns points only beside a passed agreement check of its question: the empty template breaks none of them.
"""

import sys
import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from sandbox.errors import StudentError
from sandbox.text import clean

from .check import check
from .compare import assert_true
from .rules import CODE, Rules
from .verdict import CannotJudge, CheckFailed, Reason


@check(task="rules", group="invariance")
def test_files_are_there(rules: Rules, rng: object) -> None:
    """Every file that the handout asks for is there, under the name that it gives."""
    for names in rules.table.required:
        assert_true(
            any(rules.matching(name) for name in names),
            f"There is no file {' or '.join(names)}. Handed in were: {_listed(rules.files)}.",
        )


@check(task="rules", group="invariance")
def test_nothing_else_is_there(rules: Rules, rng: object) -> None:
    """Only files of the kinds that the handout names are handed in, and as many as it says."""
    if rules.table.exactly is not None:
        assert_true(
            len(rules.files) == rules.table.exactly,
            f"The handout asks for exactly {rules.table.exactly} files, handed in were {len(rules.files)}: "
            f"{_listed(rules.files)}.",
        )
    for folder, suffixes in rules.table.suffixes.items():
        wrong = [file for file in rules.files if _lies_in(file, folder) and not file.endswith(suffixes)]
        place = f"In {folder}/" if folder else "Of what is handed in"
        assert_true(not wrong, f"{place} only {', '.join(suffixes)} files are allowed, found: {_listed(wrong)}.")


@check(task="rules", group="invariance")
def test_pdf_is_there(rules: Rules, rng: object) -> None:
    """A PDF is handed in, and is one."""
    found = rules.matching("*.pdf") + rules.matching("*.PDF")
    assert_true(bool(found), f"There is no PDF. Handed in were: {_listed(rules.files)}.")
    for file in found:
        assert_true(
            b"%PDF-" in rules.bytes_of(file)[:1024],
            f"{PurePosixPath(file).name} has the name of a PDF, but not its contents: export it again.",
        )


@check(task="rules", group="invariance", weight=3.0)
def test_no_forbidden_function(rules: Rules, rng: object) -> None:
    """The classes use no function that computes attention itself; comments and unused code do not count."""
    for use in rules.uses():
        pattern = next((pattern for pattern in rules.table.forbidden if fnmatch(use.name, pattern)), None)
        assert_true(pattern is None, f"Found {use}. The handout asks for PyTorch's primitives in its place.")
    try:
        ran = rules.ran()
    except (CheckFailed, StudentError):
        return  # the module cannot be built; its own checks say so
    wrong = [name for name in ran if any(fnmatch(name, pattern) for pattern in rules.table.forbidden)]
    assert_true(not wrong, f"When the attention module runs, it uses {', '.join(wrong[:3])}. Write it out yourself.")


@check(task="rules", group="invariance")
def test_signatures_are_unchanged(rules: Rules, rng: object) -> None:
    """The methods take the parameters that the template gives them."""
    found = _compared(rules)
    for name, expected, theirs in found["signatures"][:1]:
        parameters = clean(", ".join(theirs), 300)
        raise CheckFailed(f"The template has {name}({', '.join(expected)}), found {name}({parameters}).")


@check(task="rules", group="invariance")
def test_code_only_in_todo_sections(rules: Rules, rng: object) -> None:
    """Code is added in the sections marked TODO only; comments and docstrings do not count."""
    found = _compared(rules)
    for name, place, line in found["outside"][:1]:
        raise CheckFailed(
            f"{name} differs from the template outside of its TODO sections, first in {clean(place, 200)}, line {line}."
        )


@check(task="rules", group="invariance")
def test_text_of_ones_own(rules: Rules, rng: object) -> None:
    """The text of your own choice is UTF-8 without mark-up, of the length that the handout asks for."""
    assert rules.table.text is not None
    pattern, least, most = rules.table.text
    files = rules.matching(pattern)
    if not files:
        raise CannotJudge(Reason.NOT_HANDED_IN)
    faults = [_fault_of(PurePosixPath(file).name, rules.bytes_of(file), least, most) for file in files]
    assert_true("" in faults, faults[0])  # other text files may lie beside it, such as the handout's own data


@check(task="rules", group="invariance")
def test_listed_packages_only(rules: Rules, rng: object) -> None:
    """Only the packages that the handout lists are imported, beside Python's own; others may not be there."""
    own = {part.removesuffix(".py") for file in rules.matching("*.py") for part in PurePosixPath(file).parts}
    own |= {"google", "IPython"}  # Colab and Jupyter bring them along
    for use in rules.imports():
        known = use.name in rules.table.packages or use.name in sys.stdlib_module_names or use.name in own
        assert_true(known, f"Found an import of {use}; the handout lists {', '.join(rules.table.packages)}.")


@check(task="rules", group="invariance")
def test_file_equals_notebook(rules: Rules, rng: object) -> None:
    """The Python file holds the same classes as the notebook; comments do not count."""
    assert rules.table.same is not None
    name, definitions = rules.table.same
    files = [file for pattern in name.split("|") for file in rules.matching(pattern)]
    if not files or not rules.matching(CODE[0]):
        raise CannotJudge(Reason.NOT_HANDED_IN)
    differing = rules.differing(files[0], definitions)
    assert_true(
        not differing,
        f"{' and '.join(differing)} in {PurePosixPath(files[0]).name} is not what the notebook has: copy the cell again.",
    )


def _compared(rules: Rules) -> dict[str, Any]:
    """The differences from the template. Ours says nothing about a submission that did not start from it."""
    found = rules.compared()
    if found is None or not (rules.has_own_template or found["started"]):
        raise CannotJudge(Reason.NO_TEMPLATE)
    return found


def _fault_of(name: str, data: bytes, least: int, most: int) -> str:
    """What is wrong with a text; "" if nothing is."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"{name} is not UTF-8: the byte at place {error.start} cannot be read. Save it as UTF-8."
    odd = next((c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\r\t\f"), None)
    if odd is not None:
        return f"{name} holds control characters, such as {odd!r}: remove what is not text."
    marks = [mark for mark in ("</", "<br", "<div", "<p>", "&nbsp;", "&amp;", "[[", "{{") if mark in text]
    if marks:
        return f"{name} still holds mark-up: {', '.join(marks)}."
    if not least <= len(text) <= most:
        return f"{name} has {len(text)} characters; the handout asks for {least} to {most}."
    return ""


def _lies_in(file: str, folder: str) -> bool:
    return not folder or folder in PurePosixPath(file).parent.parts


def _listed(files: Sequence[str]) -> str:
    names = [clean(file, 80) for file in files]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "no files"
