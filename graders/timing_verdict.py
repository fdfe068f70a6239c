"""From measured pairs to one of three outcomes: fast enough, too slow, cannot tell. Nothing here measures."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from .median import Interval, interval_of_median

ERROR_RATE = 1e-3  # of a verdict, all of its looks at the data together
LOOKS = (14, 42, 126)  # pairs after which it is decided; 14 is the least number with which anything can be said
SPREAD = 1.25  # half of the reference's pairs must agree with each other so far, or the clock calls nothing slow
WALL, CPU = "wall time", "processor time"  # what the clocks are called in messages
STEEPNESS = 0.25  # an exponent must be larger than the reference's by so much


class Speed(Enum):
    """What was measured."""

    FAST_ENOUGH = "fast enough"
    TOO_SLOW = "too slow"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Cost:
    """What one call took, in seconds.

    Attributes:
        wall: from the last byte of the request to the last byte of the reply, by the judge's clock.
        cpu: of the worker's process, all threads, read by the judge; None where the system has no such clock (macOS).
    """

    wall: float
    cpu: float | None

    def less(self, other: "Cost") -> "Cost":
        """What is left without another cost; a twentieth at least, so that there is always something to compare."""

        def left(whole: float, part: float) -> float:
            return max(whole - part, whole / 20)

        cpu = None if self.cpu is None or other.cpu is None else left(self.cpu, other.cpu)
        return Cost(left(self.wall, other.wall), cpu)


@dataclass(frozen=True)
class Pair:
    """The costs of one submission's call and of two calls of the reference, on the same inputs."""

    student: Cost
    reference: Cost
    again: Cost

    def less(self, echo: Cost) -> "Pair":
        """The same without what a request costs in which nothing is computed."""
        return Pair(self.student.less(echo), self.reference.less(echo), self.again.less(echo))


@dataclass(frozen=True)
class Clock:
    """The ratios by one clock.

    Attributes:
        name: what the message calls it.
        ratio: of the submission's cost to the reference's.
        spread: the factor by which the reference's cost differs from its own, in the median.
    """

    name: str
    ratio: Interval
    spread: float

    @property
    def is_quiet(self) -> bool:
        """Whether the reference agrees with itself."""
        return self.spread <= SPREAD


@dataclass(frozen=True)
class Comparison:
    """What pairs of calls say.

    Attributes:
        clocks: one for each clock that there is; that of processor time first.
        n_pairs: how many were measured.
        gate: the ratio that is allowed.
    """

    clocks: tuple[Clock, ...]
    n_pairs: int
    gate: float

    @property
    def speed(self) -> Speed:
        """What the clocks say together."""
        return together(
            [
                Sign(
                    slow=clock.ratio.low > self.gate and clock.is_quiet,
                    fast=clock.ratio.high < self.gate,
                    seems_fast=clock.ratio.median < self.gate,
                )
                for clock in self.clocks
            ]
        )

    @property
    def seems_slow(self) -> bool:
        """Whether by every clock the median is beyond the gate."""
        return all(clock.ratio.median > self.gate for clock in self.clocks)


@dataclass(frozen=True)
class Sign:
    """What one clock says.

    Attributes:
        slow: too slow, at the stated error rate.
        fast: fast enough, at the stated error rate.
        seems_fast: fast enough by the median.
    """

    slow: bool
    fast: bool
    seems_fast: bool


def together(signs: Sequence[Sign]) -> Speed:
    """One outcome of what the clocks say.

    Each clock can call code too slow: who sleeps uses no processor, and who computes in many threads, or before the judge's
    clock has started, takes no time. Fast enough is what one clock is sure of while no other has it beyond the gate in the
    median: of wall time a busy machine makes more than that impossible.
    """
    if any(sign.slow for sign in signs):
        return Speed.TOO_SLOW
    if any(sign.fast for sign in signs) and all(sign.seems_fast for sign in signs):
        return Speed.FAST_ENOUGH
    return Speed.CANNOT_TELL


def compare(pairs: Sequence[Pair], gate: float) -> Comparison:
    """Compare a submission's costs with the reference's, by each clock.

    Args:
        pairs: in any order.
        gate: the ratio that is allowed.
    """

    def clock(name: str, costs: Sequence[tuple[float, float, float]]) -> Clock:
        ratio = interval_of_median([student / reference for student, reference, _ in costs], error)
        spread = statistics.median(max(again / reference, reference / again) for _, reference, again in costs)
        return Clock(name, ratio, spread)

    by_cpu = [
        (pair.student.cpu, pair.reference.cpu, pair.again.cpu)
        for pair in pairs
        if pair.student.cpu is not None and pair.reference.cpu is not None and pair.again.cpu is not None
    ]
    has_cpu = len(by_cpu) == len(pairs)
    error = ERROR_RATE / len(LOOKS) / (2 if has_cpu else 1)
    clocks = [clock(CPU, by_cpu)] if has_cpu else []
    clocks.append(clock(WALL, [(pair.student.wall, pair.reference.wall, pair.again.wall) for pair in pairs]))
    return Comparison(tuple(clocks), len(pairs), gate)
