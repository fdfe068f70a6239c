"""From measured pairs to one of three outcomes: fast enough, too slow, cannot tell. Nothing here measures."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from .median import Interval, interval_of_median

ERROR_RATE = 1e-3  # of a verdict, all of its looks at the data together
LOOKS = (13, 40, 120)  # pairs after which it is decided; 13 is the least number with which anything can be said
SPREAD = 1.25  # half of the reference's pairs must agree with each other so far, or nothing is said to be slow
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
    def is_quiet(self) -> bool:
        """Whether the reference agrees with itself, by the clock that a busy machine disturbs least."""
        return self.clocks[0].spread <= SPREAD

    @property
    def speed(self) -> Speed:
        """Too slow only if every clock says so while the reference agrees with itself; fast enough if one clock does.

        The first clock decides at the stated error rate. Of a second one, the median must be beyond the gate as well: its
        interval would be of use on a machine of one's own only.
        """
        if any(clock.ratio.high < self.gate for clock in self.clocks):
            return Speed.FAST_ENOUGH
        beyond = all(clock.ratio.median > self.gate for clock in self.clocks)
        if self.is_quiet and beyond and self.clocks[0].ratio.low > self.gate:
            return Speed.TOO_SLOW
        return Speed.CANNOT_TELL


def compare(pairs: Sequence[Pair], gate: float) -> Comparison:
    """Compare a submission's costs with the reference's, by each clock.

    Args:
        pairs: in any order.
        gate: the ratio that is allowed.
    """
    error = ERROR_RATE / len(LOOKS)

    def clock(name: str, costs: Sequence[tuple[float, float, float]]) -> Clock:
        ratio = interval_of_median([student / reference for student, reference, _ in costs], error)
        spread = statistics.median(max(again / reference, reference / again) for _, reference, again in costs)
        return Clock(name, ratio, spread)

    clocks = [clock("wall time", [(pair.student.wall, pair.reference.wall, pair.again.wall) for pair in pairs])]
    by_cpu = [
        (pair.student.cpu, pair.reference.cpu, pair.again.cpu)
        for pair in pairs
        if pair.student.cpu is not None and pair.reference.cpu is not None and pair.again.cpu is not None
    ]
    if len(by_cpu) == len(pairs):
        clocks.insert(0, clock("processor time", by_cpu))
    return Comparison(tuple(clocks), len(pairs), gate)
