"""The list that accounts for a published catalogue of wrong and right implementations, row by row: catalogue.toml."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.torch_free

HERE = Path(__file__).parent
CATALOGUE: dict[str, dict[str, dict[str, Any]]] = tomllib.loads((HERE / "catalogue.toml").read_text(encoding="utf-8"))
# rows of the published catalogue for each task: chaffs, wheats
ROWS = {
    "attention": (30, 8), "mask": (18, 5), "multi_head": (32, 5), "mlp": (19, 5), "gpt": (33, 5), "loss": (22, 6),
    "perplexity": (12, 4), "samplers": (33, 7), "generate": (21, 4), "rope": (29, 6), "span_corruption": (33, 7),
    "tokenizer": (28, 5), "patch_embedding": (21, 6),
}  # fmt: skip
LEAST_OF_OUR_OWN = {"chaffs": 40, "wheats": 25}
# at least five words, from a capital letter to a full stop
SENTENCE = re.compile(r"[A-Z]\S*(\s\S+){4,}\.")
TABLES = [(task, kind) for task in ROWS for kind in ("chaffs", "wheats")]


def named(task: str, kind: str) -> list[str]:
    """The files that a table of the list names, as often as it names them."""
    return [file for file in CATALOGUE[task][kind].values() if isinstance(file, str)]


def present(task: str, kind: str) -> set[str]:
    """The files that a task has."""
    return {path.stem for path in (HERE / kind / task).glob("*.py")}


def test_every_row_is_accounted_for() -> None:
    """Protects completeness: each task has as many rows as the catalogue, so that none can be dropped in silence."""
    found = {task: (len(tables["chaffs"]), len(tables["wheats"])) for task, tables in CATALOGUE.items()}
    assert found == ROWS
    assert {frozenset(tables) for tables in CATALOGUE.values()} == {frozenset(["chaffs", "wheats"])}


def test_the_counts_are_the_catalogues() -> None:
    """Protects the numbers above from a slip: their sums are those that the catalogue states."""
    assert tuple(map(sum, zip(*ROWS.values(), strict=True))) == (331, 73)


@pytest.mark.parametrize(("task", "kind"), TABLES)
def test_every_named_file_exists(task: str, kind: str) -> None:
    """Protects the list's worth: a row that names a file has one, and no file stands for two rows."""
    files = named(task, kind)
    assert set(files) - present(task, kind) == set()
    assert [file for file in set(files) if files.count(file) > 1] == []


@pytest.mark.parametrize(("task", "kind"), TABLES)
def test_what_has_no_file_has_a_reason(task: str, kind: str) -> None:
    """Protects against excuses: a row without a file says in a sentence why it is meaningless, and nothing else."""
    without = [entry for entry in CATALOGUE[task][kind].values() if not isinstance(entry, str)]
    assert [entry for entry in without if set(entry) != {"meaningless"}] == []
    assert [entry for entry in without if not SENTENCE.fullmatch(entry["meaningless"])] == []


def test_few_rows_are_without_a_file() -> None:
    """Protects against the easy way out: a reason is the exception, below one row in a hundred."""
    n_rows = sum(map(sum, ROWS.values()))
    n_files = sum(len(named(task, kind)) for task, kind in TABLES)
    assert n_rows - n_files <= n_rows / 100


@pytest.mark.parametrize("kind", LEAST_OF_OUR_OWN)
def test_there_are_enough_of_our_own(kind: str) -> None:
    """Protects what goes beyond the catalogue's tasks and rows; block and layer_norm, not in it, are not counted."""
    own = [(task, file) for task in ROWS for file in present(task, kind) - set(named(task, kind))]
    assert len(own) >= LEAST_OF_OUR_OWN[kind]
