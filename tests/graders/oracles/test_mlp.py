"""The expected values of mlp against products of matrices and the error function."""

import math

import torch
from hypothesis import given, settings
from torch import Tensor

from graders.oracles.mlp import mlp, mlp_gradients
from graders.strategies import generator
from graders.strategies.mlp import MlpCase, mlp_cases

examples = settings(derandomize=True, deadline=None, database=None, max_examples=25)


def by_hand(w: dict[str, Tensor], x: Tensor, tanh: bool = False) -> Tensor:
    """down(GELU(up(x))) without any layer of torch's."""
    z = torch.einsum("...d,hd->...h", x, w["up.weight"]) + w["up.bias"]
    if tanh:
        hidden = 0.5 * z * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
    else:
        hidden = 0.5 * z * (1 + torch.erf(z / math.sqrt(2)))
    return torch.einsum("...h,dh->...d", hidden, w["down.weight"]) + w["down.bias"]


@examples
@given(case=mlp_cases(any_axes=True, free_width=True))
def test_equals_the_formula(case: MlpCase) -> None:
    """Protects the exact GELU, its approximation for homeworks that have it, and the order of the layers."""
    w = {role: tensor.double() for role, tensor in case.weights.items()}
    got = mlp(case.weights, case.x)
    torch.testing.assert_close(got, by_hand(w, case.x.double()), atol=1e-12, rtol=1e-12)
    approximated = mlp(case.weights, case.x, approximate="tanh")
    torch.testing.assert_close(approximated, by_hand(w, case.x.double(), tanh=True), atol=1e-12, rtol=1e-12)
    assert not got.requires_grad


@examples
@given(case=mlp_cases())
def test_gradients_equal_those_of_the_formula(case: MlpCase) -> None:
    """Protects gradients by role."""
    grad_output = torch.randn(case.x.shape, generator=generator(1))
    grad_x, by_role = mlp_gradients(case.weights, case.x, grad_output)
    leaves = {"x": case.x.double(), **{role: tensor.double() for role, tensor in case.weights.items()}}
    leaves = {name: leaf.requires_grad_() for name, leaf in leaves.items()}
    scalar = (by_hand(leaves, leaves["x"]) * grad_output).sum()
    expected = dict(zip(leaves, torch.autograd.grad(scalar, list(leaves.values())), strict=True))
    for name, value in {"x": grad_x, **by_role}.items():
        torch.testing.assert_close(value, expected[name], atol=1e-11, rtol=1e-11)


def test_an_absent_bias_is_zero() -> None:
    """Protects MLPs without biases."""
    weights = {"up.weight": torch.ones(1, 1), "down.weight": torch.full((1, 1), 2.0)}
    assert abs(float(mlp(weights, torch.ones(1, 1))) - 2 * 0.8413447460685429) < 1e-12  # Φ(1)
