"""Checks of the task perplexity (docs/core.md)."""

import math
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from .check import check
from .compare import assert_true, describe, number
from .strategies import generator, seeds
from .strategies.perplexity import TextCase, text_cases
from .tasks import Perplexity
from .verdict import CheckFailed

RTOL = 1e-5  # room for models' own float32; a result in float64 is a check of its own


def as_number(got: Any) -> float:
    """The perplexity as a number; a tensor with one element counts here, its type is another check's matter.

    Raises:
        CheckFailed: it is nothing of the kind.
    """
    if isinstance(got, Tensor) and got.numel() == 1 and not got.is_complex():
        return float(got)
    if isinstance(got, bool) or not isinstance(got, (int, float)):
        raise CheckFailed(f"The perplexity: expected a float, got {describe(got)}.")
    return float(got)


def is_right(perplexity: Perplexity, case: TextCase, what: str = "The perplexity", rtol: float = RTOL) -> None:
    """The perplexity is exp of the mean over all supervised tokens of all batches."""
    got = as_number(perplexity(case.logits, case.ids, case.masks))
    loss = math.log(case.expected)
    wrong = {
        loss: "It is the mean loss; its exponential is missing.",
        2**loss: "It is 2 to a loss in nats: exp belongs to the natural logarithm.",
        loss * sum(case.supervised_tokens): "It is the sum of the losses; their mean's exponential is asked for.",
    }
    near = [hint for value, hint in wrong.items() if math.isclose(value, got, rel_tol=1e-4)]
    agrees(got, case.expected, what, rtol, near[0] if near else "")


def agrees(got: float, expected: float, what: str, rtol: float = RTOL, hint: str = "") -> None:
    """Two perplexities are equal but for rounding; NaN equals nothing."""
    digits = 6 if rtol > 1e-7 else 12
    assert_true(
        abs(got - expected) <= rtol * expected,
        f"{what}: expected {expected:.{digits}g}, got {got:.{digits}g}. {hint}".rstrip(),
    )


@check(task="perplexity", group="interface")
def test_interface(perplexity: Perplexity, rng: object) -> None:
    """The perplexity can be called with lists of logits, of ids and of masks."""
    ids = torch.tensor([[0, 1, 2, 0], [2, 0, 1, 1]])
    mask = torch.ones(2, 4, dtype=torch.bool)
    perplexity([torch.zeros(2, 4, 3), torch.zeros(1, 3, 3)], [ids, ids[:1, :3]], [mask, mask[:1, :3]])


@check(task="perplexity", group="shape", examples=8)
@given(case=text_cases())
def test_shapes(perplexity: Perplexity, case: TextCase) -> None:
    """One number comes back, however many batches there are and whatever their shapes."""
    as_number(perplexity(case.logits, case.ids, case.masks))


@check(task="perplexity", group="agreement", examples=30)
@given(case=text_cases())
def test_agrees_with_reference(perplexity: Perplexity, case: TextCase) -> None:
    """The perplexity is exp of the mean of −ln p over the supervised tokens of all batches, each token weighing the same."""
    is_right(perplexity, case)


@check(task="perplexity", group="agreement", requires=("no_mask",), examples=15)
@given(case=text_cases(masked=False))
def test_no_masks(perplexity: Perplexity, case: TextCase) -> None:
    """Without masks all tokens from the second of each sequence on count."""
    is_right(perplexity, case)


@check(task="perplexity", group="agreement", requires=("no_mask",), examples=12)
@given(case=text_cases(), without=st.integers(0, 2))
def test_some_masks(perplexity: Perplexity, case: TextCase, without: int) -> None:
    """In the list of masks None counts all tokens of its batch."""
    assert case.masks is not None
    masks = [None if i == without % len(case.masks) else mask for i, mask in enumerate(case.masks)]
    is_right(
        perplexity, TextCase(case.logits, case.ids, masks), f"The perplexity with masks[{without % len(masks)}] None"
    )


@check(task="perplexity", group="property", requires=("standalone",), examples=15)
@given(case=text_cases(max_batches=2))
def test_batching_is_irrelevant(perplexity: Perplexity, case: TextCase) -> None:
    """The same sequences give the same perplexity, whether they come in large batches or one by one."""
    assert case.masks is not None
    together = as_number(perplexity(case.logits, case.ids, case.masks))
    batches = zip(case.logits, case.ids, case.masks, strict=True)
    rows = [
        (logits[i : i + 1], ids[i : i + 1], mask[i : i + 1])
        for logits, ids, mask in batches
        if mask is not None
        for i in range(len(ids))
        if mask[i, 1:].any()
    ]
    logits, ids, masks = (list(part) for part in zip(*rows, strict=True))
    got = as_number(perplexity(logits, ids, masks))
    agrees(got, together, f"The perplexity of the same text as {len(rows)} batches of one sequence each")


@check(task="perplexity", group="property", examples=12)
@given(case=text_cases(), seed=seeds, n_more=st.integers(1, 4))
def test_padding_changes_nothing(perplexity: Perplexity, case: TextCase, seed: int, n_more: int) -> None:
    """Padding that is appended to the sequences and masked out does not change the perplexity."""
    assert case.masks is not None
    rng = generator(seed)
    logits, ids, masks = [], [], []
    for scores, tokens, mask in zip(case.logits, case.ids, case.masks, strict=True):
        B, _, V = scores.shape
        logits.append(torch.cat([scores, 5 * torch.randn(B, n_more, V, generator=rng)], dim=1))
        ids.append(torch.cat([tokens, torch.zeros(B, n_more, dtype=torch.int64)], dim=1))
        assert mask is not None
        masks.append(torch.cat([mask, torch.zeros(B, n_more, dtype=torch.bool)], dim=1))
    got = as_number(perplexity(logits, ids, masks))
    agrees(got, case.expected, f"The perplexity with masked tokens at the end of each sequence ({n_more} more)")


@check(task="perplexity", group="property", requires=("empty_batch",), examples=10)
@given(case=text_cases(), place=st.integers(0, 3))
def test_empty_batch(perplexity: Perplexity, case: TextCase, place: int) -> None:
    """A batch without any supervised token changes nothing, wherever it stands."""
    assert case.masks is not None
    place = min(place, len(case.ids))
    B, T, V = 2, 3, case.logits[0].shape[-1]
    logits, ids, masks = list(case.logits), list(case.ids), list(case.masks)
    logits.insert(place, torch.ones(B, T, V))
    ids.insert(place, torch.zeros(B, T, dtype=torch.int64))
    masks.insert(place, torch.tensor([[True] + [False] * (T - 1)] * B))
    got = as_number(perplexity(logits, ids, masks))
    agrees(got, case.expected, f"The perplexity with a batch without supervised tokens at place {place}")


@check(task="perplexity", group="property", requires=("standalone",), examples=10)
@given(case=text_cases(), height=st.sampled_from([0.0, -2.0, 3.5]))
def test_uniform_model(perplexity: Perplexity, case: TextCase, height: float) -> None:
    """A model that holds all V tokens equally likely has perplexity V."""
    V = case.logits[0].shape[-1]
    logits = [torch.full_like(scores, height) for scores in case.logits]
    agrees(
        as_number(perplexity(logits, case.ids, case.masks)),
        float(V),
        f"The perplexity of a uniform model over {V} tokens",
    )


@check(task="perplexity", group="property", requires=("float64",), examples=10)
@given(case=text_cases())
def test_computed_in_float64(perplexity: Perplexity, case: TextCase) -> None:
    """The perplexity is computed in float64: it is exact to nine digits for float32 logits too."""
    is_right(perplexity, case, "The perplexity to nine digits", rtol=1e-9)


@check(task="perplexity", group="invariance", examples=5)
@given(case=text_cases())
def test_returns_a_float(perplexity: Perplexity, case: TextCase) -> None:
    """The perplexity is a Python float, no tensor."""
    got = perplexity(case.logits, case.ids, case.masks)
    assert_true(type(got) is float, f"The perplexity: expected a float, got {describe(got)}.")


@check(task="perplexity", group="robustness", examples=4)
@given(seed=seeds, n_batches=st.integers(1, 3))
def test_long_text(perplexity: Perplexity, seed: int, n_batches: int) -> None:
    """The perplexity of a text of some 4000 tokens is finite and right."""
    rng = generator(seed)
    logits = [2 * torch.randn(10, 4000 // (10 * n_batches) + i, 5, generator=rng) for i in range(n_batches)]
    ids = [torch.randint(5, scores.shape[:2], generator=rng) for scores in logits]
    masks: list[Tensor | None] = [torch.ones_like(tokens, dtype=torch.bool) for tokens in ids]
    case = TextCase(logits, ids, masks)
    is_right(perplexity, case, f"The perplexity of {sum(case.supervised_tokens)} tokens")


@check(task="perplexity", group="robustness", examples=8)
@given(case=text_cases(), wrong=st.floats(2.0, 30.0))
def test_stable_for_large_logits(perplexity: Perplexity, case: TextCase, wrong: float) -> None:
    """Logits of ±1000 give a finite perplexity, 1 for a model that is certain and right."""
    assert case.masks is not None
    logits = [torch.full_like(scores, -1000.0) for scores in case.logits]
    for scores, ids in zip(logits, case.ids, strict=True):
        scores[:, :-1].scatter_(-1, ids[:, 1:, None], 1000.0)
    got = as_number(perplexity(logits, case.ids, case.masks))
    agrees(got, 1.0, "The perplexity of a model that is certain and right")
    for scores, ids in zip(logits, case.ids, strict=True):
        scores[:, :-1].scatter_(-1, (ids[:, 1:, None] + 1) % scores.shape[-1], 1000.0 + wrong)
    what = (
        f"The perplexity of a model that holds a wrong token exp({number(wrong)}) times more likely than the right one"
    )
    is_right(perplexity, TextCase(logits, case.ids, case.masks), what)
