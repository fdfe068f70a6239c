"""The cases themselves: what they promise holds for every draw, and each trap that they are for occurs."""

import math
import random
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, find, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import DataObject, SearchStrategy
from torch import Tensor

from graders import oracles
from graders.strategies import (
    AttentionCase,
    HeadCase,
    IdsCase,
    RopeCase,
    attention_cases,
    distinct,
    document,
    generator,
    head_cases,
    head_weights,
    ids_cases,
    random_mask,
    rope_cases,
    seeds,
)

examples = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)


def occurs(strategy: SearchStrategy[Any], predicate: Callable[[Any], bool]) -> bool:
    """Whether a case with some property is drawn within 1,000."""
    try:
        find(strategy, predicate, settings=settings(examples, max_examples=1000), random=random.Random(0))
    except NoSuchExample:
        return False
    return True


def minimal(strategy: SearchStrategy[Any]) -> Any:
    """The case at which shrinking ends when every case fails."""
    return find(strategy, lambda case: True, settings=examples, random=random.Random(0))


# ---------------------------------------------------------------------------------------------------- building blocks


@examples
@given(data=st.data())
def test_distinct_sizes_are_distinct_and_in_range(data: DataObject) -> None:
    """Protects from equal axes, which hide a transposition."""
    ranges = [(1, 3), (1, 3), (2, 4), (1, 5)]
    sizes = distinct(data.draw, *ranges)  # type: ignore[arg-type]
    assert len(set(sizes)) == 4
    assert [size for size, (low, high) in zip(sizes, ranges, strict=True) if not low <= size <= high] == []


@pytest.mark.parametrize(("low", "high"), [(0, 0), (2**32 - 1, 2**32 - 1)])
def test_seeds_fit_every_generator(low: int, high: int) -> None:
    """Protects `generator`: each seed that can be drawn is one that torch and numpy take."""
    assert occurs(seeds, lambda seed: 0 <= seed < 2**32)
    assert torch.equal(torch.rand(3, generator=generator(low)), torch.rand(3, generator=generator(high)))


@examples
@given(lead=st.lists(st.integers(1, 4), max_size=3), n_keys=st.integers(1, 6), seed=seeds)
def test_random_masks_allow_and_forbid(lead: list[int], n_keys: int, seed: int) -> None:
    """Protects from rows without a result and from masks without an effect: each row allows a key and forbids one."""
    mask = random_mask((*lead, n_keys), generator(seed))
    assert ((*lead, n_keys), torch.bool) == (tuple(mask.shape), mask.dtype)
    assert mask.any(-1).all()
    assert n_keys == 1 or (~mask).any(-1).all()


def test_random_masks_vary() -> None:
    """Protects from a mask that is causal, or the same in each row, by construction."""
    mask = random_mask((50, 6, 6), generator(1))
    assert len({tuple(m.flatten().tolist()) for m in mask}) == 50
    assert mask.triu(1).any()
    assert 0.3 < float(mask.double().mean()) < 0.7


@examples
@given(seed=seeds, d_model=st.integers(4, 24))
def test_head_weights(seed: int, d_model: int) -> None:
    """Protects sensitivity: weights of each role in every part, biases that are not zero, activations O(1)."""
    weights = head_weights(d_model, generator(seed))
    assert {f"{role}.{part}" for role in ("query", "key", "value", "proj") for part in ("weight", "bias")} == set(
        weights
    )
    for name, tensor in weights.items():
        assert ((d_model,) * (1 if name.endswith("bias") else 2), torch.float32) == (tuple(tensor.shape), tensor.dtype)
        assert (tensor != 0).all()
    spread = weights["query.weight"].std() * d_model**0.5
    assert 0.5 < spread < 3


def test_documents() -> None:
    """Protects the text of span corruption: the length that is asked for, no reserved character, no line break."""
    assert [len(document(random.Random(1), n)) for n in (0, 1, 200)] == [0, 1, 200]
    text = document(random.Random(2), 5000)
    assert set() == set(text) & set("\u2047\u25a1\n\t")
    assert len(set(text)) > 30
    assert text == document(random.Random(2), 5000)


# ---------------------------------------------------------------------------------------------------- attention


def check_attention(case: AttentionCase) -> None:
    *leads, T, d = case.query.shape
    S, d_v = case.value.shape[-2:]
    assert (*leads, S, d) == tuple(case.key.shape)
    assert tuple(leads) == tuple(case.value.shape[:-2])
    sizes = [T, S, d, d_v, *leads]
    assert len(sizes) == len(set(sizes)), sizes
    permit = case.permit()
    assert (*leads, T, S) == tuple(permit.shape)
    assert permit.any(-1).all()
    if case.mask is not None:
        assert torch.bool == case.mask.dtype
        assert S == 1 or (~permit).any(-1).all()
    output, weights = case.expected
    assert ((*leads, T, d_v), (*leads, T, S)) == (tuple(output.shape), tuple(weights.shape))
    assert (torch.float64, torch.float64) == (output.dtype, weights.dtype)
    assert torch.isfinite(output).all()


@examples
@given(case=attention_cases())
def test_attention_cases(case: AttentionCase) -> None:
    """Protects the kill rate: axes pairwise distinct, every row of a mask allows a key and forbids one of two."""
    check_attention(case)


@examples
@given(case=attention_cases(masked=True, min_keys=2, min_leads=1, scale=30.0))
def test_attention_cases_obey_their_options(case: AttentionCase) -> None:
    """Protects checks that need a mask, two keys or a batch."""
    check_attention(case)
    assert case.mask is not None
    assert case.query.dim() >= 3
    assert case.key.shape[-2] >= 2


@examples
@given(case=attention_cases(masked=False))
def test_attention_cases_without_mask(case: AttentionCase) -> None:
    """Protects checks of plain attention: no mask, and all is permitted."""
    assert case.mask is None
    assert case.permit().all()


def test_attention_scale_is_used() -> None:
    """Protects the check of large scores: query and key are scaled, values are not."""
    plain, scaled = (minimal(attention_cases(masked=False, scale=scale)) for scale in (1.0, 30.0))
    torch.testing.assert_close(scaled.query, 30 * plain.query)
    torch.testing.assert_close(scaled.key, 30 * plain.key)
    assert torch.equal(plain.value, scaled.value)


def kind_of_mask(case: AttentionCase) -> tuple[bool, ...] | None:
    """Which leading axes of a mask are full (True) or broadcast (False); None without a mask."""
    if case.mask is None:
        return None
    return tuple(m == q != 1 for m, q in zip(case.mask.shape[:-2], case.query.shape[:-2], strict=True))


@pytest.mark.parametrize(
    "kind",
    [None, (), (True,), (False,), (True, True), (True, False), (False, True), (False, False)],
    ids=str,
)
def test_every_kind_of_mask_occurs(kind: tuple[bool, ...] | None) -> None:
    """Protects from a mask that is only ever full, or only ever shared: each pattern of broadcast axes is drawn."""
    assert occurs(attention_cases(), lambda case: kind_of_mask(case) == kind)


@pytest.mark.parametrize("axis", ["T", "S", "d", "d_v"])
def test_axes_of_size_one_occur(axis: str) -> None:
    """Protects from `squeeze`: each axis may have size 1."""
    sizes: dict[str, Callable[[AttentionCase], int]] = {
        "T": lambda case: case.query.shape[-2],
        "S": lambda case: case.key.shape[-2],
        "d": lambda case: case.query.shape[-1],
        "d_v": lambda case: case.value.shape[-1],
    }
    assert occurs(attention_cases(), lambda case: sizes[axis](case) == 1)


# ---------------------------------------------------------------------------------------------------- mask


def check_ids(case: IdsCase) -> None:
    B, T = case.ids.shape
    assert torch.int64 == case.ids.dtype
    is_pad = case.ids == case.pad_id
    assert is_pad.any(-1).all()
    assert (~is_pad).any(-1).all()
    assert ((B, 1, T, T), torch.bool) == (tuple(case.expected.shape), case.expected.dtype)


@examples
@given(case=ids_cases(pad_ids=st.sampled_from([0, 5, 8, 9, -1, 12])))
def test_ids_cases(case: IdsCase) -> None:
    """Protects the kill rate: B ≠ T, and each row has padding and something else, whatever the padding's id."""
    check_ids(case)
    B, T = case.ids.shape
    assert B != T
    assert ((case.ids >= 0) & (case.ids <= 9) | (case.ids == case.pad_id)).all()


@examples
@given(case=ids_cases(square=True))
def test_square_ids_cases(case: IdsCase) -> None:
    """Protects the broadcast trap: B = T, and the rows' paddings differ."""
    check_ids(case)
    B, T = case.ids.shape
    assert B == T
    assert torch.equal(torch.zeros(B, dtype=torch.int64), case.ids.diagonal())


@examples
@given(case=ids_cases(max_tokens=4))
def test_ids_are_as_short_as_asked_for(case: IdsCase) -> None:
    """Protects the option max_tokens; padding id 0 is the default."""
    assert case.ids.shape[1] <= 4
    assert case.pad_id == 0


@pytest.mark.parametrize("place", ["first", "last", "inside"])
def test_padding_stands_anywhere(place: str) -> None:
    """Protects from masks that stop at the first padding, or know it at the end only."""

    def stands(case: IdsCase) -> bool:
        row = (case.ids == case.pad_id)[0].tolist()
        if place == "inside":
            return any(row[i] and not row[i - 1] and not row[i + 1] for i in range(1, len(row) - 1))
        return bool(row[0] if place == "first" else row[-1])

    assert occurs(ids_cases(), stands)


# ---------------------------------------------------------------------------------------------------- multi_head


def check_heads(case: HeadCase) -> None:
    B, T, d_model = case.x.shape
    n_heads = case.sizes.n_heads
    assert case.sizes.d_model == d_model
    assert d_model % n_heads == 0
    sizes = [B, T, d_model, n_heads, d_model // n_heads]
    assert len(sizes) == len(set(sizes)), sizes
    assert case.sizes.max_tokens >= T
    assert (case.weights["query.bias"] != 0).all()
    if case.mask is not None:
        assert torch.broadcast_shapes(case.mask.shape, (B, n_heads, T, T)) == (B, n_heads, T, T)
        assert case.mask.any(-1).all()
        assert T == 1 or (~case.mask).any(-1).all()
    expected = oracles.multi_head(case.weights, n_heads, case.x, case.mask)
    assert ((B, T, d_model), torch.float64) == (tuple(expected.shape), expected.dtype)
    assert torch.isfinite(expected).all()


@examples
@given(case=head_cases(max_tokens=24))
def test_head_cases(case: HeadCase) -> None:
    """Protects the kill rate: B, T, d_model, n_heads and d_head are pairwise distinct."""
    check_heads(case)
    assert case.mask is None
    assert case.sizes.dropout == 0.0


@examples
@given(case=head_cases(masked=True, min_tokens=3, max_tokens=5, dropout=0.4, even_heads=True))
def test_head_cases_obey_their_options(case: HeadCase) -> None:
    """Protects checks that need a mask, some tokens, dropout, or an even width per head."""
    check_heads(case)
    assert case.mask is not None
    assert 3 <= case.x.shape[1] <= 5
    assert case.sizes.dropout == 0.4
    assert case.sizes.d_model // case.sizes.n_heads % 2 == 0


@pytest.mark.parametrize("dim", [2, 4])
def test_every_kind_of_head_mask_occurs(dim: int) -> None:
    """Protects from masks of one shape only: (T, T), one for each sequence, one for each head."""
    assert occurs(head_cases(masked=True), lambda case: case.mask.dim() == dim)
    if dim == 4:
        assert occurs(head_cases(masked=True), lambda case: case.mask.dim() == 4 and case.mask.shape[1] == 1)
        assert occurs(head_cases(mask_per_head=True), lambda case: case.mask.shape[1] == case.sizes.n_heads)


def test_head_masks_are_not_causal() -> None:
    """Protects `a given mask stands alone`: masks allow later keys."""
    assert occurs(head_cases(masked=True, min_tokens=3), lambda case: bool(case.mask.triu(1).any()))


# ---------------------------------------------------------------------------------------------------- rope


@examples
@given(case=rope_cases())
def test_rope_cases(case: RopeCase) -> None:
    """Protects the kill rate: axes pairwise distinct, an even width, a cache that is long enough."""
    assert case.x.dim() == 4
    assert len(set(case.x.shape)) == 4
    T, dim = case.x.shape[-2:]
    assert dim % 2 == 0
    assert case.n_positions >= T
    assert ((case.n_positions, dim // 2, 2), torch.float32) == (tuple(case.cache.shape), case.cache.dtype)
    assert (case.x.shape, torch.float64) == (case.expected.shape, case.expected.dtype)
    assert case.positions is None


@examples
@given(case=rope_cases(any_axes=True, positioned=True, min_tokens=2, max_tokens=3))
def test_rope_cases_obey_their_options(case: RopeCase) -> None:
    """Protects explicit positions: int64, within the cache, of a shape that broadcasts to x without its features."""
    assert case.positions is not None
    assert torch.int64 == case.positions.dtype
    assert (case.positions >= 0).all()
    assert (case.positions < case.n_positions).all()
    assert case.x.shape[:-1] == torch.broadcast_shapes(case.positions.shape, case.x.shape[:-1])
    assert 2 <= case.x.shape[-2] <= 3
    assert case.expected.shape == case.x.shape


@pytest.mark.parametrize(
    ("name", "predicate"),
    [
        ("two axes", lambda case: case.x.dim() == 2),
        ("three axes", lambda case: case.x.dim() == 3),
        ("shared by the batch", lambda case: case.x.dim() == 4 and case.positions.dim() == 1),
        ("one row each", lambda case: case.positions.dim() == 3),
        ("repeated", lambda case: len(case.positions.unique()) < case.positions.numel()),
        ("unsorted", lambda case: bool((case.positions.diff() < 0).any())),
        ("far", lambda case: int(case.positions.max()) > 200),
    ],
)
def test_every_kind_of_position_occurs(name: str, predicate: Callable[[RopeCase], bool]) -> None:
    """Protects explicit positions: sorted ones from 0 on would equal none at all."""
    assert occurs(rope_cases(any_axes=True, positioned=True), predicate), name


def test_caches_longer_than_needed_occur() -> None:
    """Protects `the cache may be longer than needed`, and as long as needed too."""
    assert occurs(rope_cases(), lambda case: case.n_positions > case.x.shape[-2])
    assert occurs(rope_cases(), lambda case: case.n_positions == case.x.shape[-2])


def test_the_cache_is_the_formulas() -> None:
    """Protects what is handed to apply_rope: cos and sin of t · base^(−2i/dim)."""
    case = RopeCase(torch.zeros(1, 1, 3, 4), 5, base=100.0)
    for t in range(5):
        for i in range(2):
            expected = [math.cos(t * 100.0 ** (-i / 2)), math.sin(t * 100.0 ** (-i / 2))]
            assert expected == pytest.approx(case.exact_cache[t, i].tolist(), abs=1e-12)


# ---------------------------------------------------------------------------------------------------- all of them

ALL = {
    "attention": attention_cases(),
    "ids": ids_cases(),
    "heads": head_cases(masked=True),
    "rope": rope_cases(any_axes=True, positioned=True),
}


def tensors_of(case: Any) -> list[Tensor]:
    """Every tensor of a case, and of what is expected."""
    found = [value for value in vars(case).values() if isinstance(value, Tensor)]
    found += [value for values in vars(case).values() if isinstance(values, dict) for value in values.values()]
    expected = getattr(case, "expected", ())
    return [*found, *(expected if isinstance(expected, tuple) else [expected])]


def drawn(strategy: SearchStrategy[Any], seed: int) -> list[Any]:
    """Ten cases, as a check with a seed would draw them."""
    found: list[Any] = []

    @settings(examples, max_examples=10)
    @given(case=strategy)
    def collect(case: Any) -> None:
        found.append(case)

    seeded(seed)(collect)()
    return found[:10]


@pytest.mark.parametrize("name", ALL)
def test_the_same_draw_gives_the_same_tensors(name: str) -> None:
    """Protects `the same files give the same verdicts`: cases follow from the seed, and from nothing else."""
    first = drawn(ALL[name], 5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)  # whatever the global state is
        second = drawn(ALL[name], 5)
    other = drawn(ALL[name], 6)
    same = [
        torch.equal(a, b)
        for one, two in zip(first, second, strict=True)
        for a, b in zip(tensors_of(one), tensors_of(two), strict=True)
    ]
    assert all(same)
    assert repr(first) != repr(other)


@pytest.mark.parametrize("name", ALL)
def test_the_global_random_states_are_left_alone(name: str) -> None:
    """Protects everything else in the process: drawing a case and its expectation touches no global generator."""
    before, state = torch.get_rng_state(), random.getstate()
    for case in drawn(ALL[name], 7):
        tensors_of(case)
    assert torch.equal(before, torch.get_rng_state())
    assert state == random.getstate()


@pytest.mark.parametrize("name", ALL)
def test_values_are_of_order_one(name: str) -> None:
    """Protects absolute tolerances: neither inputs nor what is expected are huge."""
    for case in drawn(ALL[name], 8):
        for tensor in tensors_of(case):
            if tensor.is_floating_point():
                assert float(tensor.abs().max()) < 30


def test_shrinking_ends_at_small_cases() -> None:
    """Protects the smallest case shown: it has the smallest sizes that the strategy allows."""
    attention = minimal(attention_cases())
    assert sum(tensor.numel() for tensor in (attention.query, attention.key, attention.value)) < 40
    assert attention.mask is None
    ids = minimal(ids_cases())
    assert ids.ids.numel() <= 8
    heads = minimal(head_cases())
    assert tuple(heads.x.shape) == (4, 1, 6)
    rope = minimal(rope_cases())
    assert rope.x.numel() < 25
