"""The time of a run, shared out among its questions: what one does not use is left to the others."""

import math

import pytest

from graders.deadline import Deadline

QUESTIONS = {"a1": "1", "a2": "1", "b1": "2", "c1": "3", "c2": "3"}
ALL = list(QUESTIONS)
pytestmark = pytest.mark.torch_free


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    """At 1,000 seconds."""
    return Clock()


def test_each_question_has_its_share(clock: Clock) -> None:
    """Protects the last question from the first one's hangs: of 30 seconds each of three questions has ten."""
    deadline = Deadline(30, QUESTIONS, clock)
    assert deadline.until("a1", ALL) == 1010
    clock.time = 1008
    assert deadline.until("a2", ALL[1:]) == 1010  # the checks of a question share what it has
    clock.time = 1010
    assert deadline.until("b1", ALL[2:]) == 1020


def test_unused_time_is_handed_on(clock: Clock) -> None:
    """Protects slow questions behind quick ones: what was not used is shared out anew."""
    deadline = Deadline(30, QUESTIONS, clock)
    deadline.until("a1", ALL)
    clock.time = 1001
    assert deadline.until("b1", ALL[2:]) == 1001 + 29 / 2
    clock.time = 1002
    assert deadline.until("c1", ALL[3:]) == 1030


def test_what_comes_again_has_another_share(clock: Clock) -> None:
    """Protects checks that were cut short: at the end they get what is left, even of the question that came last."""
    deadline = Deadline(30, QUESTIONS, clock)
    for place, check in enumerate(ALL):
        deadline.until(check, ALL[place:])
    clock.time = 1012
    assert not deadline.is_final
    deadline.begin_again()
    assert deadline.is_final
    assert deadline.until("c2", ["c2"]) == 1030


def test_the_end(clock: Clock) -> None:
    """Protects the limit: nothing has time after it, and no share lies beyond it."""
    deadline = Deadline(30, QUESTIONS, clock)
    assert not deadline.is_over
    clock.time = 1031
    assert deadline.is_over
    assert deadline.until("a1", ALL) <= 1031


def test_checks_without_a_question_count_as_one_each(clock: Clock) -> None:
    """Protects advice that belongs to no question."""
    deadline = Deadline(30, {}, clock)
    assert deadline.until("x", ["x", "y"]) == 1015


def test_without_a_limit(clock: Clock) -> None:
    """Protects audits, which have all the time there is."""
    assert Deadline(math.inf, QUESTIONS, clock).until("a1", ALL) == math.inf
