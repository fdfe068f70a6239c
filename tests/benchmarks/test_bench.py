"""`make bench`: the same checks on the same solution, isolated and not, so that their times can be compared."""

import torch

from benchmarks.bench import CHECKS, examples_per_second


def test_every_check_runs_both_ways() -> None:
    """Protects the comparison: each of its checks passes through the worker and in process, and takes some time."""
    with torch.random.fork_rng():  # modules that are built here draw their weights
        rates = examples_per_second(rounds=1)
    assert set(rates) == set(CHECKS)
    assert all(len(values) == 1 and values[0] > 0 for kinds in rates.values() for values in kinds.values())
