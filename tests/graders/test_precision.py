"""Precision is recognised from errors alone, on results that were rounded on the CPU as a GPU's units round them."""

import pytest
import torch
from torch import Tensor

from graders.oracles.attention import attention
from graders.precision import MANTISSA, Precision, columns, recognise, rounded
from graders.strategies import generator


def case(seed: int, n_tokens: int = 48, d: int = 36) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key, and a value whose columns have adversarial magnitudes."""
    rng = generator(seed)
    query, key, value = (torch.randn(2, n_tokens, d, generator=rng) for _ in range(3))
    return query, key, (value * columns(d)).float()


def attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention in the dtype of its inputs."""
    return torch.softmax(query @ key.mT / query.shape[-1] ** 0.5, -1) @ value


def expected(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same in float64."""
    return attention(query, key, value, None)[0]


def by_unit(query: Tensor, key: Tensor, value: Tensor, mantissa: int) -> Tensor:
    """Attention whose two products read rounded factors and sum in float32, as tensor cores do."""
    scores = rounded(query, mantissa) @ rounded(key, mantissa).mT / query.shape[-1] ** 0.5
    return rounded(torch.softmax(scores, -1), mantissa) @ rounded(value, mantissa)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n_tokens", [8, 48, 256])
def test_each_format_is_recognised(seed: int, n_tokens: int) -> None:
    """Protects the verdict: float32 is never taken for less, and each coarser format is named as what it is."""
    inputs = case(seed, n_tokens)
    right = expected(*inputs)
    assert recognise(attended(*inputs), right) is Precision.FLOAT32
    assert recognise(by_unit(*inputs, MANTISSA["TF32"]), right) is Precision.TF32
    assert recognise(by_unit(*inputs, MANTISSA["bfloat16"]), right) is Precision.BFLOAT16


@pytest.mark.parametrize(("dtype", "found"), [(torch.float16, Precision.FLOAT16), (torch.bfloat16, Precision.BFLOAT16)])
def test_whole_computations_in_half_precision(dtype: torch.dtype, found: Precision) -> None:
    """Protects from `half()` and autocast: inputs, weights and outputs in sixteen bits."""
    inputs = case(1)
    query, key, value = (tensor.to(dtype) for tensor in inputs)
    assert recognise(attended(query, key, value).float(), expected(*inputs)) is found


def test_float16_that_only_underflows() -> None:
    """Protects from a half-precision result whose large columns were saved: the small ones have become 0."""
    query, key, value = case(2)
    small = columns(36) < 1
    half = attended(query, key, torch.where(small, value.half().float(), value))
    assert recognise(half, expected(query, key, value)) is Precision.FLOAT16


def test_other_coarse_results_are_unknown() -> None:
    """Protects from a wrong name: what is off by per cents is called coarse, and nothing else."""
    inputs = case(3)
    noise = 1 + 0.05 * torch.randn(2, 48, 36, generator=generator(4))
    assert recognise(attended(*inputs) * noise, expected(*inputs)) is Precision.UNKNOWN


def test_another_order_of_summing_is_float32() -> None:
    """Protects right code: sums in another order, and a softmax written out, differ in the last digits only."""
    query, key, value = case(5, 256)
    scores = (query / query.shape[-1] ** 0.5).flip(-1) @ key.flip(-1).mT
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    assert recognise(weights.flip(-1) @ value.flip(-2), expected(query, key, value)) is Precision.FLOAT32


@pytest.mark.parametrize("mantissa", [7, 10])
def test_rounding_is_to_the_nearest(mantissa: int) -> None:
    """Protects the simulation: with 7 bits it is torch's own bfloat16, with 10 it is float16 where that has the range."""
    numbers = torch.randn(10_000, generator=generator(6))
    dtype = torch.bfloat16 if mantissa == 7 else torch.float16
    numbers = numbers[numbers.abs() > 1e-4] if mantissa == 10 else numbers
    assert torch.equal(rounded(numbers, mantissa), numbers.to(dtype).float())
