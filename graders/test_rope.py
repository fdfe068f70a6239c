"""Checks of the task rope (docs/core.md), interleaved pairs."""

import math

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from . import oracles
from .check import check
from .compare import assert_agrees, assert_equal, assert_true, describe, require_tensor
from .strategies import HeadCase, RopeCase, generator, head_cases, rope_cases, seeds
from .tasks import Rope
from .verdict import CheckFailed

dims = st.sampled_from([2, 4, 8, 16, 24])


def angle_tolerance(n_positions: int) -> Tensor:
    """What float32 allows for cos and sin of tθ: an angle of t radians is known to about t · 1.2e-7. (n_positions, 1, 1)"""
    return 1e-5 + 3e-7 * torch.arange(n_positions, dtype=torch.float64)[:, None, None]


GROWING = ((4, 3), (8, 5), (16, 4))  # sizes at which a known mistake shows


def own_cache(rope: Rope, dim: int, n_positions: int) -> Tensor:
    """The student's cache, of the right shape and dtype."""
    cache = rope.cache(dim, n_positions)
    return require_tensor(cache, f"the cache for dim={dim}", (n_positions, dim // 2, 2), torch.float32)


def growing_caches() -> list[Tensor]:
    """Caches of 1/10000^(−2i/dim): this is the right formula with the base 1/10000."""
    return [oracles.rope_cache(dim, n_positions, 1e-4) for dim, n_positions in GROWING]


def growing_angles(rope: Rope, growing: list[Tensor]) -> str:
    """A hint for the double negative 1/10000^(−2i/dim), which stands in widely copied starter code; "" if it is not that.

    It is named only if several caches equal it in which it differs from the right one.
    """
    for (dim, n_positions), wrong in zip(GROWING, growing, strict=True):
        try:
            assert_agrees(rope.cache(dim, n_positions), wrong, atol=0.05)
        except CheckFailed:
            return ""
    return (
        "\nThe angles grow with i: this is 1/10000^(−2(i−1)/d), with the sign twice, as a docstring in circulation has it. "
        "The handout’s formula is θᵢ = 10000^(−2(i−1)/d): 1 for the first pair, then smaller and smaller."
    )


def rotated(rope: Rope, x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Tensor:
    """The student's rotation of x, of the right shape and dtype."""
    return require_tensor(rope.apply(x, cache, positions), "the rotated x", tuple(x.shape), x.dtype)


@check(task="rope", group="interface")
def test_interface(rope: Rope, rng: object) -> None:
    """The cache of angles can be made, and applied to a tensor of shape (B, H, T, dim)."""
    rope.cache(4, 3)
    rope.apply(torch.ones(1, 2, 3, 4), oracles.rope_cache(4, 3).float())


@check(task="rope", group="shape", examples=10)
@given(case=rope_cases(), dim=dims, n_positions=st.integers(1, 20))
def test_shapes(rope: Rope, case: RopeCase, dim: int, n_positions: int) -> None:
    """The cache has shape (positions, dim/2, 2), the rotated tensor that of x; both are float32 for float32."""
    own_cache(rope, dim, n_positions)
    rotated(rope, case.x, case.cache)


@check(task="rope", group="agreement", examples=20)
@given(dim=dims, n_positions=st.sampled_from([1, 2, 3, 17, 100, 301]))
def test_cache_agrees(rope: Rope, dim: int, n_positions: int) -> None:
    """The cache holds the cosine and the sine of tθᵢ, θᵢ = 10000^(−2i/dim), positions t and pairs i counted from 0."""
    expected, growing = oracles.rope_cache(dim, n_positions), growing_caches()
    try:
        assert_agrees(rope.cache(dim, n_positions), expected, "the cache", atol=angle_tolerance(n_positions), rtol=0)
    except CheckFailed as failure:
        raise CheckFailed(f"{failure}{growing_angles(rope, growing)}") from None


@check(task="rope", group="agreement", examples=40)
@given(case=rope_cases())
def test_agrees_with_reference(rope: Rope, case: RopeCase) -> None:
    """Each pair (x₂ᵢ, x₂ᵢ₊₁) of the token at position t is rotated by the angle tθᵢ."""
    assert_agrees(rope.apply(case.x, case.cache), case.expected, "the rotated x")


@check(task="rope", group="agreement", requires=("any_axes",), examples=30)
@given(case=rope_cases(any_axes=True))
def test_any_leading_axes(rope: Rope, case: RopeCase) -> None:
    """Any leading axes are allowed: (T, dim), (B, T, dim) and (B, H, T, dim)."""
    assert_agrees(rope.apply(case.x, case.cache), case.expected, "the rotated x")


@check(task="rope", group="agreement", requires=("positions",), examples=40)
@given(case=rope_cases(any_axes=True, positioned=True))
def test_explicit_positions(rope: Rope, case: RopeCase) -> None:
    """With explicit positions each token is rotated by its own: unsorted, repeated, or different in each sequence."""
    assert_agrees(rope.apply(case.x, case.cache, case.positions), case.expected, "the rotated x")


@check(task="rope", group="agreement", requires=("base",), examples=15)
@given(dim=dims, bases=st.permutations([100.0, 500.0, 10000.0]), n_positions=st.integers(2, 60))
def test_base_is_used(rope: Rope, dim: int, bases: list[float], n_positions: int) -> None:
    """The base is the one that is given, also when it changes between calls."""
    for base in bases:
        expected = oracles.rope_cache(dim, n_positions, base)
        got = rope.cache(dim, n_positions, base)
        assert_agrees(got, expected, f"the cache for base {base:g}", atol=angle_tolerance(n_positions), rtol=0)


@check(task="rope", group="agreement", requires=("inside_attention",), examples=15, weight=3)
@given(case=head_cases(min_tokens=3, even_heads=True))
def test_agrees_inside_attention(rope: Rope, case: HeadCase) -> None:
    """Attention with RoPE rotates queries and keys, not values, and is otherwise unchanged."""
    got, loaded = rope.attend(case.sizes, case.weights, case.x)
    plain, _ = rope.attend(case.sizes, case.weights, case.x, rope=False)
    try:
        assert_agrees(plain, oracles.multi_head(loaded, case.sizes.n_heads, case.x), atol=1e-4)
    except CheckFailed:
        # a mistake costs once: where the attention itself is wrong, its own checks say so, and RoPE inside it cannot be
        # told right from wrong; it must only be there
        plain = require_tensor(plain, "the output without RoPE", tuple(case.x.shape), case.x.dtype)
        got = require_tensor(got, "the output with RoPE", tuple(case.x.shape), case.x.dtype)
        assert_true(not torch.equal(got, plain), "The output with RoPE is the output without it.")
        return
    expected = oracles.rope_attention(loaded, case.sizes.n_heads, case.x)
    assert_agrees(got, expected, "the output of the attention with RoPE", atol=2e-5)


@check(task="rope", group="property")
@given(case=rope_cases())
def test_keeps_norms(rope: Rope, case: RopeCase) -> None:
    """A rotation keeps the length of each vector, and of each pair in it."""
    cache = own_cache(rope, case.x.shape[-1], case.n_positions)
    got = rotated(rope, case.x, cache).double()
    before, after = (tensor.double().unflatten(-1, (-1, 2)).norm(dim=-1) for tensor in (case.x, got))
    assert_agrees(got.norm(dim=-1), case.x.double().norm(dim=-1), "the lengths of the vectors", dtype=torch.float64)
    assert_agrees(after, before, "the lengths of the pairs", dtype=torch.float64)


@check(task="rope", group="property", examples=15)
@given(dim=dims, seed=seeds)
def test_scores_depend_on_distance(rope: Rope, dim: int, seed: int) -> None:
    """The score of a query and a key depends on the distance of their positions only, and does change with it."""
    T, H = 7, 3
    rng = generator(seed)
    query, key = (torch.randn(dim, generator=rng) for _ in range(2))
    cache = own_cache(rope, dim, T)
    turned = [rotated(rope, v.expand(1, H, T, dim).contiguous(), cache).double()[0] for v in (query, key)]
    scores = turned[0] @ turned[1].transpose(-2, -1)  # (H, T, T)
    distance = torch.arange(T)[:, None] - torch.arange(T)[None, :]
    exact = [oracles.rope(v.expand(T, dim), oracles.rope_cache(dim, T)) for v in (query, key)]
    for head in range(H):
        for d in range(-T + 1, T):
            same = scores[head][distance == d]
            assert_agrees(same, same[:1].expand(len(same)), f"scores at distance {d}", atol=1e-4, dtype=torch.float64)
    expected = exact[0] @ exact[1].T
    spread = float(scores.std())
    assert_true(
        spread > 0.05 * float(expected.std()),
        "The scores are the same at all distances: positions have no effect.",
    )


@check(task="rope", group="property")
@given(case=rope_cases())
def test_position_zero_is_identity(rope: Rope, case: RopeCase) -> None:
    """The token at position 0 is not changed."""
    cache = own_cache(rope, case.x.shape[-1], case.n_positions)
    got = rotated(rope, case.x, cache)
    assert_agrees(got[..., 0, :], case.x[..., 0, :], "the token at position 0")


@check(task="rope", group="property")
def test_unit_vector(rope: Rope, rng: object) -> None:
    """For dim 2, the vector (1, 0) at position 1 becomes (cos 1, sin 1)."""
    x = torch.tensor([1.0, 0.0]).expand(1, 1, 3, 2).contiguous()
    got = rotated(rope, x, own_cache(rope, 2, 3))
    expected = torch.tensor([[math.cos(t), math.sin(t)] for t in range(3)], dtype=torch.float64)
    assert_agrees(got[0, 0], expected, "(1, 0) at positions 0, 1, 2")


@check(task="rope", group="property", examples=10)
@given(dim=dims)
def test_frequencies(rope: Rope, dim: int) -> None:
    """At position 1 the angles are 10000^(−2i/dim): 1 for the first pair, then smaller and smaller."""
    x = torch.tensor([1.0, 0.0]).repeat(dim // 2).expand(1, 2, 2, dim).contiguous()
    got = rotated(rope, x, own_cache(rope, dim, 2))[0, 0, 1].double().unflatten(-1, (-1, 2))  # (dim/2, 2)
    angles = torch.atan2(got[:, 1], got[:, 0])
    expected = 10000.0 ** (-2 * torch.arange(dim // 2, dtype=torch.float64) / dim)
    assert_agrees(angles, expected, "the angles at position 1", dtype=torch.float64)


@check(task="rope", group="property", examples=15)
@given(case=rope_cases(), seed=seeds)
def test_linear(rope: Rope, case: RopeCase, seed: int) -> None:
    """The rotation is linear: rotating a sum gives the sum of the rotated."""
    other = torch.randn(case.x.shape, generator=generator(seed))
    got = [rotated(rope, x, case.cache).double() for x in (case.x, other, case.x + 2 * other)]
    assert_agrees(got[2], got[0] + 2 * got[1], "the rotation of x + 2y", atol=2e-5, dtype=torch.float64)


@check(task="rope", group="property", examples=15)
@given(case=rope_cases(min_tokens=3), seed=seeds)
def test_heads_are_independent(rope: Rope, case: RopeCase, seed: int) -> None:
    """Every head and every sequence gets the same rotation, and does not feel the others."""
    one = case.x[:1, :1].expand_as(case.x).contiguous()
    got = rotated(rope, one, case.cache)
    assert_agrees(got, got[:1, :1].double().expand_as(got), "equal heads and sequences, rotated")
    changed = case.x.clone()
    changed[1:] = torch.randn(changed[1:].shape, generator=generator(seed))
    changed[:, 1:] = torch.randn(changed[:, 1:].shape, generator=generator(seed + 1))
    first = rotated(rope, case.x, case.cache)[:1, :1]
    again = rotated(rope, changed, case.cache)[:1, :1]
    assert_agrees(again, first.double(), "the first head of the first sequence, after the others have changed")


@check(task="rope", group="property", requires=("positions",), examples=15)
@given(case=rope_cases(positioned=True), seed=seeds)
def test_rotations_compose(rope: Rope, case: RopeCase, seed: int) -> None:
    """Rotating by position a and then by b is rotating by a + b."""
    T, dim = case.x.shape[-2:]
    rng = generator(seed)
    a, b = (torch.randint(0, 20, (T,), generator=rng) for _ in range(2))
    cache = oracles.rope_cache(dim, 40).float()
    twice = rotated(rope, rotated(rope, case.x, cache, a), cache, b)
    assert_agrees(
        twice, oracles.rope(case.x, oracles.rope_cache(dim, 40), a + b), "x rotated by a, then by b", atol=2e-5
    )


@check(task="rope", group="property", examples=15)
@given(case=rope_cases(), seed=seeds)
def test_gradients(rope: Rope, case: RopeCase, seed: int) -> None:
    """The gradient with respect to x is the incoming one rotated back."""
    grad_output = torch.randn(case.x.shape, generator=generator(seed))
    got = rope.gradient(case.x, case.cache, grad_output)
    assert_true(got is not None, "No gradient reaches x: is something detached, or computed with numpy or .item()?")
    back = case.exact_cache * torch.tensor([1.0, -1.0], dtype=torch.float64)  # the inverse rotation: sin → −sin
    assert_agrees(got, oracles.rope(grad_output, back), "the gradient with respect to x")


@check(task="rope", group="invariance", examples=10)
@given(case=rope_cases())
def test_leaves_input_alone(rope: Rope, case: RopeCase) -> None:
    """x and the cache are the same after the call as before."""
    after = rope.inputs_after(case.x, case.cache)
    assert_equal(after[0], case.x, "x after the call")
    assert_equal(after[1], case.cache, "the cache after the call")


@check(task="rope", group="invariance", examples=10)
@given(case=rope_cases(), dtype=st.sampled_from([torch.float64, torch.bfloat16]))
def test_keeps_dtype(rope: Rope, case: RopeCase, dtype: torch.dtype) -> None:
    """The rotated tensor has the dtype of x (float64 and bfloat16 are tried)."""
    got = rope.apply(case.x.to(dtype), case.cache)
    assert_true(
        isinstance(got, Tensor) and got.dtype is dtype, f"For x of dtype {dtype} the result is {describe(got)}."
    )


@check(task="rope", group="robustness", examples=10)
@given(dims=st.lists(dims, min_size=2, max_size=2, unique=True), seed=seeds)
def test_call_order_is_irrelevant(rope: Rope, dims: list[int], seed: int) -> None:
    """Results do not depend on earlier calls with other lengths, widths or positions."""
    rng = generator(seed)
    for dim, T in ((dims[0], 3), (dims[1], 3), (dims[0], 12), (dims[1], 12), (dims[0], 3)):
        cache = own_cache(rope, dim, T)
        exact = oracles.rope_cache(dim, T)
        assert_agrees(cache, exact, f"the cache for dim={dim}, {T} positions", atol=angle_tolerance(T), rtol=0)
        x = torch.randn(2, 3, T, dim, generator=rng)
        assert_agrees(rope.apply(x, cache), oracles.rope(x, exact), f"the rotated x for dim={dim}, T={T}", atol=2e-5)
