"""Chains of dependent steps, and what they return."""

import torch

from sandbox import chain


def test_each_step_gets_the_one_before() -> None:
    """Protects the dependence: the inputs of a step are the output before it plus the rolled first input."""
    start = torch.arange(6.0).view(3, 2)
    seen = []

    def function(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return x * 0.5 + other

    other = torch.ones(3, 2)
    outputs, facts = chain.run(function, [start, other], [1, 2, 1], "cpu")
    x = start
    for step, shift in enumerate([1, 2, 1]):
        assert torch.equal(seen[step], x)
        assert torch.equal(outputs[step], x * 0.5 + other)
        x = outputs[step] + start.roll(shift, -2)
    assert len(seen) == 3
    assert set(facts) == {"seconds"}


def test_the_first_of_several_values_counts() -> None:
    """Protects functions that return weights, too."""
    start = torch.zeros(2, 2)
    outputs, _ = chain.run(lambda x: (x + 1, "weights"), [start], [1], "cpu")
    assert torch.equal(outputs, torch.ones(1, 2, 2))
