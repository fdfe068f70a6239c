"""The reference attention against PyTorch's own kernel and against a loop written from the formula."""

import math
from itertools import product
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reference.attention import attention

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)


class Case(NamedTuple):
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None


@st.composite
def cases(draw: st.DrawFn, max_size: int = 7) -> Case:
    """Draw float64 tensors with 0 to 3 leading axes and, half the time, a mask that leaves each query a key."""
    leading = draw(st.lists(st.integers(1, 3), max_size=3))
    T, S, d, d_v = (draw(st.integers(1, max_size)) for _ in range(4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))

    def normal(*shape: int) -> Tensor:
        return torch.randn(*leading, *shape, generator=generator, dtype=torch.float64)

    mask = None
    if draw(st.booleans()):
        mask = torch.rand(*leading, T, S, generator=generator) < 0.5
        mask[..., int(torch.randint(S, (), generator=generator))] = True
    return Case(normal(T, d), normal(S, d), normal(S, d_v), mask)


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@examples
@given(case=cases())
def test_output_equals_scaled_dot_product_attention(case: Case) -> None:
    """Protects the output: softmax, scale, mask polarity and value sum are those of PyTorch's kernel."""
    output, _ = attention(*case)
    assert_equal(output, F.scaled_dot_product_attention(case.query, case.key, case.value, attn_mask=case.mask))


@examples
@given(case=cases())
def test_weights_equal_scaled_dot_product_attention(case: Case) -> None:
    """Protects the weights, which the kernel returns as its output when the values are the unit matrix."""
    _, weights = attention(*case)
    S = case.key.shape[-2]
    unit = torch.eye(S, dtype=torch.float64).expand(*case.key.shape[:-2], S, S)
    assert_equal(weights, F.scaled_dot_product_attention(case.query, case.key, unit, attn_mask=case.mask))


def slow_attention(
    query: list[list[float]], key: list[list[float]], value: list[list[float]], mask: list[list[bool]]
) -> tuple[list[list[float]], list[list[float]]]:
    """Equation 1 of Vaswani et al. 2017 in plain Python: one query, one key, one feature at a time."""
    output, weights = [], []
    for t in range(len(query)):
        exponentials = []
        for s in range(len(key)):
            dot_product = sum(query[t][i] * key[s][i] for i in range(len(key[s])))
            exponentials.append(math.exp(dot_product / len(key[s]) ** 0.5) if mask[t][s] else 0.0)
        weights.append([exponential / sum(exponentials) for exponential in exponentials])
        output.append([sum(weights[t][s] * value[s][j] for s in range(len(key))) for j in range(len(value[0]))])
    return output, weights


@examples
@given(case=cases())
def test_equals_a_loop_written_from_the_formula(case: Case) -> None:
    """Protects against a mistake that torch's kernel and ours could share: the loop uses no tensor operation."""
    output, weights = attention(*case)
    mask = torch.ones_like(weights, dtype=torch.bool) if case.mask is None else case.mask
    for one in product(*map(range, output.shape[:-2])):  # each element of the leading axes
        inputs = (tensor[one].tolist() for tensor in (case.query, case.key, case.value, mask))
        expected_output, expected_weights = slow_attention(*inputs)
        assert_equal(output[one], torch.tensor(expected_output, dtype=torch.float64))
        assert_equal(weights[one], torch.tensor(expected_weights, dtype=torch.float64))


@settings(examples, max_examples=10)
@given(case=cases(max_size=3))
def test_gradients_pass_gradcheck(case: Case) -> None:
    """Protects the derivative of both results with respect to query, key and value, masked or not."""
    inputs = [tensor.requires_grad_() for tensor in (case.query, case.key, case.value)]
    assert torch.autograd.gradcheck(lambda query, key, value: attention(query, key, value, case.mask), inputs)


@pytest.mark.parametrize("mask_shape", [(5,), (1, 5), (4, 1), (4, 5), (3, 1, 5), (2, 1, 4, 5), (2, 3, 4, 5)])
def test_mask_broadcasts(mask_shape: tuple[int, ...]) -> None:
    """Protects the promise that a mask need only be broadcastable to (…, T, S)."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(2, 3, n, d, generator=generator, dtype=torch.float64) for n, d in ((4, 6), (5, 6), (5, 7))
    )
    mask = torch.rand(mask_shape, generator=generator) < 0.5
    mask[..., 0] = True
    for actual, expected in zip(
        attention(query, key, value, mask), attention(query, key, value, mask.expand(2, 3, 4, 5).clone()), strict=False
    ):
        assert_equal(actual, expected)


def test_hidden_keys_get_weight_zero_and_large_scores_stay_finite() -> None:
    """Protects two promises of docs/core.md: exactly 0 where the mask is False, and stability at any scale."""
    query, key = torch.tensor([[1e3, 0.0]]), torch.tensor([[1e3, 0.0], [-1e3, 0.0], [2e3, 0.0]])
    output, weights = attention(query, key, torch.eye(3), torch.tensor([[True, True, False]]))
    assert weights.tolist() == [[1.0, 0.0, 0.0]]
    assert output.tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_keeps_dtype_and_inputs(dtype: torch.dtype) -> None:
    """Protects the dtype of the results and the bytes of the inputs."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, n, 4, generator=generator).to(dtype) for n in (3, 5, 5))
    mask = torch.rand(3, 5, generator=generator) < 0.8
    mask[:, 0] = True
    before = [tensor.clone() for tensor in (query, key, value, mask)]
    output, weights = attention(query, key, value, mask)
    assert (output.dtype, weights.dtype) == (dtype, dtype)
    assert all(torch.equal(old, new) for old, new in zip(before, (query, key, value, mask), strict=False))
