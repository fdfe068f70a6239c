"""The reference rotary embedding against transformers' GPT-J, complex numbers, and loops written from the formula."""

import cmath
import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb, create_sinusoidal_positions

from reference.rope import apply_rope, rope_cache

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)
even = st.integers(1, 8).map(lambda half: 2 * half)
seeds = st.integers(0, 2**32)
FLOAT32 = 1e-7  # the cache is float32: a cosine is at most 2^-25 = 3e-8 off when it is rounded


@contextmanager
def float64_by_default() -> Iterator[None]:
    """Let GPT-J build its table in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def gptj_table(n_positions: int, dim: int) -> tuple[Tensor, Tensor]:
    """GPT-J's cosines and sines, each (n_positions, dim/2) float64."""
    with float64_by_default():
        sin, cos = create_sinusoidal_positions(n_positions, dim).chunk(2, dim=-1)
    assert sin.dtype == torch.float64
    return cos, sin


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def angles(positions: Tensor, dim: int, base: float) -> Tensor:
    """t · base^(−2i/dim) in float64, (…, dim/2)."""
    return positions.double()[..., None] / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)


def float64_cache(n_positions: int, dim: int, base: float = 10000.0) -> Tensor:
    """Like `rope_cache`, not rounded to float32."""
    angle = angles(torch.arange(n_positions), dim, base)
    return torch.stack((angle.cos(), angle.sin()), dim=-1)


@examples
@given(dim=even, n_positions=st.integers(1, 500))
def test_cache_equals_gptj(dim: int, n_positions: int) -> None:
    """Protects the frequencies, the first position and the order cosine, sine: GPT-J's table at float32's precision."""
    cache = rope_cache(dim, n_positions)
    assert (cache.dtype, cache.shape) == (torch.float32, (n_positions, dim // 2, 2))
    torch.testing.assert_close(cache.double(), torch.stack(gptj_table(n_positions, dim), dim=-1), rtol=0, atol=FLOAT32)


@examples
@given(dim=even, n_positions=st.integers(1, 20), base=st.floats(1.5, 1e6))
def test_cache_equals_a_loop_written_from_the_formula(dim: int, n_positions: int, base: float) -> None:
    """Protects equation 15 of Su et al. 2021 for any base: θ_i = base^(−2(i−1)/dim), i from 1."""
    expected = [
        [
            [math.cos(t * base ** (-2 * (i - 1) / dim)), math.sin(t * base ** (-2 * (i - 1) / dim))]
            for i in range(1, dim // 2 + 1)
        ]
        for t in range(n_positions)
    ]
    actual = rope_cache(dim, n_positions, base).double()
    torch.testing.assert_close(actual, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=FLOAT32)


@examples
@given(B=st.integers(1, 3), H=st.integers(1, 3), T=st.integers(1, 9), dim=even, seed=seeds)
def test_rotation_equals_gptj(B: int, H: int, T: int, dim: int, seed: int) -> None:
    """Protects the pairing (2i, 2i + 1) and the sense of rotation: GPT-J rotates alike, with its heads after T."""
    x = normal(B, H, T, dim, seed=seed)
    cos, sin = gptj_table(T, dim)
    expected = apply_rotary_pos_emb(x.transpose(1, 2), sin.expand(B, -1, -1), cos.expand(B, -1, -1)).transpose(1, 2)
    actual = apply_rope(x, torch.stack((cos, sin), dim=-1))
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@examples
@given(
    leading=st.lists(st.integers(1, 3), max_size=3),
    T=st.integers(1, 9),
    dim=even,
    base=st.floats(1.5, 1e6),
    seed=seeds,
)
def test_rotation_equals_complex_multiplication(leading: list[int], T: int, dim: int, base: float, seed: int) -> None:
    """Protects the rotation for any leading axes and base: (x_2i + i·x_2i+1) · e^(itθ), in torch's complex numbers."""
    x = normal(*leading, T, dim, seed=seed)
    angle = angles(torch.arange(T), dim, base)
    turn = torch.polar(torch.ones_like(angle), angle)
    expected = torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * turn).flatten(-2)
    actual = apply_rope(x, float64_cache(T, dim, base))
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@examples
@given(data=st.data(), B=st.integers(1, 3), H=st.integers(1, 3), T=st.integers(1, 6), dim=even, seed=seeds)
def test_explicit_positions_equal_a_loop(data: st.DataObject, B: int, H: int, T: int, dim: int, seed: int) -> None:
    """Protects `positions`: unsorted, repeated, different per sequence; each pair is rotated by itself in a loop."""
    shape = data.draw(st.sampled_from([(T,), (1,), (B, 1, T), (B, H, T), (H, 1)]))
    generator = torch.Generator().manual_seed(seed)
    positions = torch.randint(300, shape, generator=generator)
    x = torch.randn(B, H, T, dim, generator=generator, dtype=torch.float64)
    expected = torch.zeros_like(x)
    per_token = positions.expand(B, H, T)
    for b in range(B):
        for h in range(H):
            for t in range(T):
                for i in range(dim // 2):
                    first, second = x[b, h, t, 2 * i : 2 * i + 2].tolist()
                    angle = int(per_token[b, h, t]) * 10000 ** (-2 * i / dim)
                    rotated = complex(first, second) * cmath.exp(1j * angle)
                    expected[b, h, t, 2 * i], expected[b, h, t, 2 * i + 1] = rotated.real, rotated.imag
    actual = apply_rope(x, float64_cache(300, dim), positions)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@examples
@given(T=st.integers(1, 9), extra=st.integers(0, 5), dim=even, seed=seeds)
def test_positions_count_from_zero(T: int, extra: int, dim: int, seed: int) -> None:
    """Protects the default positions 0 … T − 1, also with a cache that is longer than needed."""
    x, cache = normal(2, T, dim, seed=seed), rope_cache(dim, T + extra)
    assert torch.equal(apply_rope(x, cache), apply_rope(x, cache, torch.arange(T)))
    assert torch.equal(apply_rope(x, cache), apply_rope(x, rope_cache(dim, T)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_keeps_dtype_and_input(dtype: torch.dtype) -> None:
    """Protects the dtype of `x`, which the float32 cache must not change, and the bytes of `x`."""
    x = normal(2, 3, 4, seed=0).to(dtype)
    before = x.clone()
    assert apply_rope(x, rope_cache(4, 3)).dtype == dtype
    assert torch.equal(before, x)


def test_gradient_passes_gradcheck() -> None:
    """Protects the derivative with respect to `x`."""
    x = normal(2, 3, 4, seed=0).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: apply_rope(x, float64_cache(3, 4)), x)


def test_odd_width_is_refused() -> None:
    """Protects the message for a width without pairs: it names the number."""
    with pytest.raises(ValueError, match="dim=5"):
        rope_cache(5, 3)
