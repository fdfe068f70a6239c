"""When a misconception is named, and when it is not; and that each has a wrong submission to prove it."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch

from audit.specimens import folder_of, specimens
from graders.homework import available, load
from graders.misconceptions import Asked, NoAnswer, Probe, banks
from graders.misconceptions.bank import CASES, EVIDENCE, _only_match, all_differ, differ, same
from graders.verdict import Misconception

DOUBLES = Misconception("doubles", "It doubles.", "Look at the factor.")
NEGATES = Misconception("negates", "It negates.", "Look at the sign.")
ODD_ONLY = Misconception("odd_only", "It adds one to odd numbers.", "Look at odd numbers.")
SILENT = Misconception("silent", "It has no answer to small numbers.", "Look at large numbers.")


def silent(x: int) -> int:
    if x < 50:
        raise NoAnswer
    return x + 7


VARIANTS: dict[Misconception, Callable[[int], Any]] = {
    DOUBLES: lambda x: 2 * x,
    NEGATES: lambda x: -x,
    ODD_ONLY: lambda x: x + x % 2,
    SILENT: silent,
}


def found(student: Callable[[int], Any], variants: dict[Misconception, Callable[[int], Any]] = VARIANTS) -> str | None:
    """The name for a student's function that should give back its argument, a number from 1 to 99."""

    def ask(implementation: Callable[[int], Any], rng: random.Random) -> Asked:
        x = rng.randint(1, 99)
        return Asked(implementation(x), [x], x)

    misconception = _only_match(Probe(ask, variants), student, random.Random(3))
    return None if misconception is None else misconception.name


@pytest.mark.parametrize(
    ("student", "name"),
    [
        (lambda x: 2 * x, "doubles"),
        (lambda x: -x, "negates"),
        (lambda x: x, None),  # right
        (lambda x: 3 * x, None),  # wrong in an unknown way
        (lambda x: 2 * x if x < 40 else x, None),  # only partly so
        (lambda x: None, None),
        (lambda x: float(2 * x), None),  # another type
    ],
)
def test_only_what_explains_everything_is_named(student: Callable[[int], Any], name: str | None) -> None:
    """Protects from wrong names: one case that the variant does not explain is enough to say nothing."""
    assert name == found(student)


def test_a_variant_that_is_right_on_most_cases_needs_evidence() -> None:
    """Protects from names on thin evidence: the variant must be wrong, and matched, on several cases."""
    rarely = Misconception("rarely", "It is wrong above 90.", "Look at large numbers.")
    assert found(lambda x: x + 1 if x > 90 else x, {rarely: lambda x: x + 1 if x > 90 else x}) is None


def test_two_that_explain_everything_are_no_explanation() -> None:
    """Protects from a choice between names by their order."""
    other = Misconception("other", "It adds the number to itself.", "Look at the sum.")
    assert found(lambda x: 2 * x, {DOUBLES: lambda x: 2 * x, other: lambda x: x + x}) is None


def test_asking_stops_when_nothing_is_left() -> None:
    """Protects the time of a run: a mistake that is not known costs one case."""
    calls: list[int] = []

    def student(x: int) -> int:
        calls.append(x)
        return 5 * x

    assert found(student) is None
    assert len(calls) == 1


def test_a_case_without_an_answer_explains_nothing() -> None:
    """Protects `NoAnswer`: a wrong answer on a case that the variant cannot answer rules it out."""
    assert found(lambda x: x + 7 if x >= 50 else x + 1) is None


@pytest.mark.parametrize(
    ("got", "answer", "alike"),
    [
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.00001], dtype=torch.float64), True),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.01]), False),
        (torch.tensor([1.0]), torch.tensor([[1.0]]), False),
        (torch.tensor([1]), torch.tensor([1.0]), False),
        (torch.tensor([float("nan"), float("-inf")]), torch.tensor([float("nan"), float("-inf")]), True),
        (torch.tensor([float("inf")]), torch.tensor([float("-inf")]), False),
        ([1, "a", None], [1, "a", None], True),
        ([1], [1, 2], False),
        (1, True, False),
        (torch.tensor(0.5), 0.5, True),
        (True, 1.0, False),
        (None, torch.tensor(0.0), False),
    ],
)
def test_same(got: Any, answer: Any, alike: bool) -> None:
    """Protects the comparison: shapes, kinds and infinities count; rounding does not."""
    assert same(got, answer) is alike


def test_what_is_neither_same_nor_different() -> None:
    """Protects the gap between the two tolerances: answers that nearly agree are no evidence."""
    one, near = torch.tensor([1.0]), torch.tensor([1.0003])
    assert not same(one, near)
    assert not differ(one, near)
    assert all_differ([one, one + 1, one + 2])
    assert not all_differ([one, one + 1, one])


def test_the_evidence_fits_the_cases() -> None:
    """Protects the constants: more cases than evidence is asked for, so that a variant may be right on a few."""
    assert 3 <= EVIDENCE < CASES


def test_there_are_enough_of_them() -> None:
    """Protects the bank's size: sixty names over all tasks; every task of `core` has five."""
    sizes = Counter({task: len(bank.misconceptions) for task, bank in banks().items()})
    assert sum(sizes.values()) >= 60
    tasks = [task for item in load("core").config.auto_items for task in item.tasks]
    assert [task for task in tasks if sizes[task] < 5] == []


def test_each_has_a_wrong_submission_and_each_name_a_misconception() -> None:
    """Protects from names that nothing proves: headers and banks name the same; the audit grades them all."""
    in_headers = {
        (each.task, each.misconception) for each in specimens(load("core"), folder_of("core")) if each.misconception
    }
    tasks = {task for item in load("core").config.auto_items for task in item.tasks}
    in_banks = {(task, each.name) for task in tasks for each in banks()[task].misconceptions}
    assert in_headers == in_banks


@pytest.mark.parametrize("slug", [slug for slug in available() if slug != "core"])
def test_names_of_real_homeworks_are_known(slug: str) -> None:
    """Protects the tables of bugs from misspelt names: each is one of a bank of the homework's tasks."""
    tasks = [task for item in load(slug).config.auto_items for task in item.tasks]
    known = {each.name for task in tasks if task in banks() for each in banks()[task].misconceptions}
    given = {each.misconception for each in specimens(load(slug), folder_of(slug))} - {""}
    assert given - known == set()
    assert given
