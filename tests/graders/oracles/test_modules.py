"""Reference modules with given weights: float64, eval mode, nothing drawn."""

import pytest
import torch
from torch import nn

from graders.oracles.modules import gradients, with_weights


def make() -> nn.Module:
    """A module with dropout and a bias."""
    return nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))


def test_holds_the_weights_in_float64_and_eval_mode() -> None:
    """Protects expected values: the given weights, exactly, and no dropout."""
    weight = torch.tensor([[1.0, 2.0, 3.0], [0.5, 0.25, 0.125]])
    module = with_weights(make, (), {"0.weight": weight, "0.bias": torch.tensor([1.0, -1.0]), "unknown": weight})
    got = module(torch.ones(1, 3, dtype=torch.float64))
    assert got.tolist() == [[7.0, -0.125]]
    assert not module.training
    assert weight.dtype == torch.float32


def test_an_absent_bias_is_zero_and_an_absent_weight_an_error() -> None:
    """Protects modules without optional biases, and the grader from comparing with made-up weights."""
    module = with_weights(make, (), {"0.weight": torch.ones(2, 3)})
    assert module(torch.ones(1, 3, dtype=torch.float64)).tolist() == [[3.0, 3.0]]
    with pytest.raises(KeyError):
        with_weights(make, (), {"0.bias": torch.zeros(2)})


def test_the_global_random_state_is_left_alone() -> None:
    """Protects the judge's process: expected values follow from the case alone."""
    before = torch.get_rng_state()
    with_weights(make, (), {"0.weight": torch.ones(2, 3)})
    assert torch.equal(before, torch.get_rng_state())


def test_gradients_by_hand() -> None:
    """Protects gradients by name, and the input: it requires no gradient afterwards."""
    x = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    weight = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    grad_x, by_name = gradients(with_weights(make, (), {"0.weight": weight}), x, torch.tensor([[10.0, 1.0]]))
    assert grad_x.tolist() == [[10.0, 1.0, 20.0]]
    assert by_name["0.weight"].tolist() == [[10.0, 20.0, 30.0], [1.0, 2.0, 3.0]]
    assert by_name["0.bias"].tolist() == [10.0, 1.0]
    assert not x.requires_grad


def test_kept_modules_hold_the_weights_of_the_last_call() -> None:
    """Protects the cases that follow: nothing of the weights of an earlier case is left, shared ones are apart again."""
    with_weights(make, (), {"0.weight": torch.full((2, 3), 9.0), "0.bias": torch.full((2,), 9.0)})
    module = with_weights(make, (), {"0.weight": torch.ones(2, 3)})
    assert module(torch.ones(1, 3, dtype=torch.float64)).tolist() == [[3.0, 3.0]]
    other = with_weights(nn.Linear, (3, 2), {"weight": torch.zeros(2, 3)})
    assert other is not module
