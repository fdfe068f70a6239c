"""The reference layer normalisation against F.layer_norm and against a loop written from the formula."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reference.layer_norm import layer_norm

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)
Case = tuple[Tensor, Tensor, Tensor, float]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw tokens of any leading shape, away from mean 0 and variance 1, with gain, bias and eps."""
    shape = (*draw(st.lists(st.integers(1, 4), max_size=3)), draw(st.integers(2, 8)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    x, gain, bias = (torch.randn(s, generator=generator, dtype=torch.float64) for s in (shape, shape[-1], shape[-1]))
    spread, shift = draw(st.sampled_from([0.1, 1.0, 3.0])), draw(st.sampled_from([0.0, -2.0, 5.0]))
    return spread * x + shift, gain, bias, draw(st.sampled_from([1e-5, 1e-2, 1.0]))


@examples
@given(case=cases())
def test_equals_pytorchs_function(case: Case) -> None:
    """Protects the whole computation, for any leading axes and any eps."""
    x, gain, bias, eps = case
    before = x.clone()
    expected = F.layer_norm(x, x.shape[-1:], gain, bias, eps)
    torch.testing.assert_close(layer_norm(x, gain, bias, eps), expected, rtol=0, atol=1e-12)
    assert torch.equal(x, before)


def slow_layer_norm(case: Case) -> Tensor:
    """Equations 3 and 4 of Ba et al. 2016, one token and feature at a time, in Python's floats."""
    x, gain, bias, eps = case
    d = x.shape[-1]
    rows = []
    for token in x.reshape(-1, d).tolist():
        mean = math.fsum(token) / d
        variance = math.fsum((feature - mean) ** 2 for feature in token) / d
        rows.append([(token[i] - mean) / math.sqrt(variance + eps) * float(gain[i]) + float(bias[i]) for i in range(d)])
    return torch.tensor(rows, dtype=torch.float64).reshape(x.shape)


@examples
@given(case=cases())
def test_equals_a_loop_written_from_the_formula(case: Case) -> None:
    """Protects the biased variance and the place of eps: inside of the root."""
    torch.testing.assert_close(layer_norm(*case), slow_layer_norm(case), rtol=0, atol=1e-12)


def test_eps_is_that_of_pytorch_by_default() -> None:
    """Protects the default, 1e-5, on tokens whose variance is of that size."""
    x = 1e-3 * torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one, zero = torch.ones(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    torch.testing.assert_close(layer_norm(x, one, zero), F.layer_norm(x, (4,)), rtol=0, atol=1e-12)


def test_constant_token_gives_the_bias() -> None:
    """Protects against a division by zero where a token has no variance."""
    gain, bias = torch.tensor([2.0, 3.0]), torch.tensor([-1.0, 4.0])
    assert torch.equal(layer_norm(torch.full((3, 2), 7.0), gain, bias), bias.expand(3, 2))


def test_gradients_pass_gradcheck() -> None:
    """Protects the derivative with respect to tokens, gain and bias: mean and variance depend on the token."""
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in ((2, 3, 5), 5, 5)]
    assert torch.autograd.gradcheck(layer_norm, inputs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_keeps_dtype(dtype: torch.dtype) -> None:
    """Protects the promise that the result has the dtype of the input."""
    gain, bias = torch.ones(2, dtype=dtype), torch.zeros(2, dtype=dtype)
    assert layer_norm(torch.tensor([[1, 2]], dtype=dtype), gain, bias).dtype == dtype
