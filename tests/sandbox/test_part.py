"""The stand-in for a part of a model: what judge and student both compute with it."""

import torch

from sandbox.part import first_output, mixed, part_class


def test_it_mixes_earlier_tokens_into_later_ones() -> None:
    """Protects the questions about a whole: its axes cannot be confused, and no token sees a later one."""
    weight, x = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[[1.0, 1.0], [3.0, 0.0]]])
    # features (2, 1) and (6, 0); their means so far (2, 1) and (4, 0.5)
    assert torch.equal(torch.tensor([[[4.0, 2.0], [10.0, 0.5]]]), mixed(weight, x, residual=False))
    assert torch.equal(torch.tensor([[[5.0, 3.0], [13.0, 0.5]]]), mixed(weight, x, residual=True))


def test_a_weight_of_zero_is_the_identity() -> None:
    """Protects checks that silence blocks."""
    x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(x, mixed(torch.zeros(3, 3), x, residual=True))


def test_it_takes_any_arguments() -> None:
    """Protects right solutions: whatever a student's class is made and called with, the stand-in is too."""
    kind = part_class(3, 2, "weight_of_ours", as_pair=True)
    with torch.random.fork_rng(devices=[]):
        part = kind(7, config=None)
    x = torch.ones(1, 4, 3)
    output, nothing = part(x, None, mask=None)
    assert (tuple(output.shape), nothing) == ((1, 4, 2), None)
    assert [name for name, _ in part.named_parameters()] == ["weight_of_ours"]
    assert torch.equal(mixed(part.weight_of_ours, x, residual=False), output)


def test_the_first_output_alone() -> None:
    """Protects modules that return more than the model around them takes: parameters and arguments stay."""
    kind = first_output(part_class(3, 2, "weight", as_pair=True))
    with torch.random.fork_rng(devices=[]):
        part = kind()
    x = torch.ones(1, 4, 3)
    assert torch.equal(mixed(part.weight, x, residual=False), part(x))
