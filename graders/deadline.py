"""The time of a whole run, shared out among the questions of a homework.

The platform kills a run at its limit and throws its results away, so a run ends by itself before. Each question may use
its share of what is left when its first check starts; what it does not use is left to the others. A check that its share
cuts short comes again at the end, with the time that was left over.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping


class Deadline:
    """When a run and each of its questions must have ended.

    Args:
        seconds: of the whole run, from now on.
        question_of: the question of each check.
        now: the clock, in seconds; it never goes back.
    """

    def __init__(
        self, seconds: float, question_of: Mapping[str, str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._ends = now() + seconds
        self._question_of = question_of
        self._question = ""
        self._question_ends = -math.inf
        self._final = False

    @property
    def is_over(self) -> bool:
        """Whether the time of the run is over."""
        return self._now() >= self._ends

    @property
    def is_final(self) -> bool:
        """Whether checks have come again: what is cut short now stays so."""
        return self._final

    def begin_again(self) -> None:
        """From now on checks come again that had been cut short: each question has another share."""
        self._final = True
        self._question = ""

    def until(self, check: str, waiting: Iterable[str]) -> float:
        """When a check must have ended, by the clock.

        Args:
            check: its id.
            waiting: the ids of all checks that are still to be judged in this round; this one may be among them.
        """
        question = self._question_of.get(check, check)
        if question != self._question:
            left = {self._question_of.get(each, each) for each in waiting} | {question}
            self._question = question
            self._question_ends = self._now() + max(0.0, self._ends - self._now()) / len(left)
        return min(self._ends, self._question_ends)
