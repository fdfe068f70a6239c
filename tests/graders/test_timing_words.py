"""The figures of a verdict on time, as students read them."""

from graders.timing_verdict import LOOKS, Cost, Pair, compare
from graders.timing_words import of_comparison
from graders.workloads import WORKLOADS


def test_wall_time_alone_is_said() -> None:
    """Protects who reads a verdict from macOS: the message says that only one clock was there."""
    pairs = [Pair(Cost(5e-3, None), Cost(1e-3, None), Cost(1e-3, None))] * LOOKS[0]
    told = of_comparison(compare(pairs, 2.0), WORKLOADS["attention_is_fast"], 128)
    assert told.splitlines() == [
        f"Measured were {LOOKS[0]} calls beside the reference's, 128 tokens of 128 features.",
        "  wall time: 5.00 (5.00 to 5.00) times the reference's; allowed is 2",
        "  this system has no clock of what another process computes: only wall time was taken",
    ]


def test_a_reference_that_differs_from_itself_is_shown() -> None:
    """Protects who asks why nothing was said: the factor stands in the message."""
    pairs = [Pair(Cost(5e-3, 5e-3), Cost(1e-3, 1e-3), Cost(2e-3, 2e-3))] * LOOKS[0]
    told = of_comparison(compare(pairs, 2.0), WORKLOADS["attention_is_fast"], 128)
    assert told.splitlines()[-2:] == [
        f"  by {clock} the reference differs from itself by a factor of 2.00; expected is 1.25 at most"
        for clock in ("processor time", "wall time")
    ]
