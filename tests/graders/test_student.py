"""Finding the code in a submission, and the two things that a student's submission can do."""

from typing import Any

import pytest

from graders.student import Offer, Student, find_code

WANTED = ("attention.py", "dataset.py", "models.py")


def in_folder(folder: str, *names: str) -> list[str]:
    return [f"{folder}/{name}" if folder else name for name in names or WANTED]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (in_folder("src"), "src"),
        (in_folder(""), ""),
        (in_folder("hw3"), "hw3"),
        (in_folder("hw3/src"), "hw3/src"),
        (in_folder("group 7/hw3/src"), "group 7/hw3/src"),
        (in_folder("a/b/c/src"), "src"),
        ([], "src"),
        (["report.pdf", "notes/attention.txt"], "src"),
        (["run.py", "helpers/tool.py"], "src"),
        # both hold as many: the folder that the homework names
        (in_folder("") + in_folder("src"), "src"),
        # most of the files decide
        (in_folder("") + in_folder("src", "attention.py"), ""),
        (in_folder("old/src", "attention.py") + in_folder("hw3/src"), "hw3/src"),
        (in_folder("src", "attention.py") + in_folder("backup/src"), "backup/src"),
        # neither is the named one: the shallower, then the first by name
        (in_folder("b/src") + in_folder("a"), "a"),
        (in_folder("b") + in_folder("a"), "a"),
        # other folders are searched even if the files lie apart
        (["one/attention.py", "two/dataset.py", "two/models.py"], "two"),
    ],
    ids=str,
)
def test_find_code(files: list[str], expected: str) -> None:
    """Protects who zips the wrong folder: the code is found in the root, the named folder, or up to two levels down."""
    assert expected == find_code(tuple(files), WANTED, "src")


@pytest.mark.parametrize("folder", ["", "core"])
def test_find_code_where_the_root_is_asked_for(folder: str) -> None:
    """Protects `core`, whose files lie in the root."""
    assert folder == find_code(tuple(in_folder(folder)), WANTED, "")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["hw/Homework 7.ipynb", "hw/Homework 7.pdf"], "hw"),
        (["Homework.ipynb"], ""),
        (["old/a.ipynb", "old/b.ipynb", "old/c.ipynb", "transformers.py", "hw.ipynb"], ""),
        (["old/a.ipynb", "old/b.ipynb", "hw.ipynb"], ""),
        (["a/x.ipynb", "b/x.ipynb", "b/transformers.py"], "b"),
        (["a.ipynb.txt", "x/notes.txt"], ""),
    ],
    ids=str,
)
def test_find_code_by_patterns(files: list[str], expected: str) -> None:
    """Protects notebooks under any name: a pattern finds them, and several that fit it count once."""
    assert expected == find_code(tuple(files), ("transformers.py", "*.ipynb"), "")


def test_find_code_does_not_depend_on_the_order_of_files() -> None:
    """Protects that the same files give the same verdict."""
    files = in_folder("b") + in_folder("a") + in_folder("c/d")
    assert {"a"} == {find_code(tuple(order), WANTED, "src") for order in (files, files[::-1], files[3:] + files[:3])}


def test_open_starts_a_fresh_worker_each_time(student: Any) -> None:
    """Protects checks from each other: what one worker remembers the next one does not know."""
    someone = student({"mask.py": "calls = []\ndef causal_mask(n):\n    calls.append(n)\n    return len(calls)\n"})
    for _ in range(2):
        with someone.open(1) as worker:
            count = worker.resolve("mask", "causal_mask")
            assert [count(3), count(3)] == [1, 2]


def test_the_seed_is_that_of_the_workers_random_states(student: Any) -> None:
    """Protects reproducibility: student code that draws gets the same numbers for the same seed, others for another."""
    source = """
        import random
        import numpy
        import torch
        def causal_mask(n):
            return random.random(), float(numpy.random.rand()), float(torch.rand(()))
    """
    someone = student({"mask.py": source})

    def drawn(seed: int) -> Any:
        with someone.open(seed) as worker:
            return worker.resolve("mask", "causal_mask")(3)

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert first == again
    assert [a != b for a, b in zip(first, other, strict=True)] == [True] * 3


def test_the_binding_makes_the_canonical_form(student: Any) -> None:
    """Protects the seam: `implementation` is what the binding's offer makes of the worker."""
    someone = student({})
    bound = Student(someone.submission, {"mask": Offer(lambda worker: ("made from", worker))})
    with bound.open(1) as worker:
        assert ("made from", worker) == bound.implementation("mask", worker)
