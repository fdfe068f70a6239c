"""The reference loss and perplexity against F.cross_entropy with ignore_index and against loops from the formula."""

import math
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reference.loss import next_token_loss, perplexity

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)


class Case(NamedTuple):
    logits: Tensor
    ids: Tensor
    mask: Tensor | None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw logits, ids (all values occur, 0 too) and no mask or a random one with a supervised token; T = V occurs."""
    B, T, V = draw(st.integers(1, 4)), draw(st.integers(2, 6)), draw(st.integers(1, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    logits = 3 * torch.randn(B, T, V, generator=generator, dtype=torch.float64)
    ids = torch.randint(V, (B, T), generator=generator)
    mask = None
    if draw(st.booleans()):
        mask = torch.rand(B, T, generator=generator) < 0.5
        mask[int(torch.randint(B, (), generator=generator)), 1 + int(torch.randint(T - 1, (), generator=generator))] = (
            True
        )
    return Case(logits, ids, mask)


def shifted_targets(case: Case) -> Tensor:
    """Give (B, T) targets: the id one place later; −100 where there is none or it is not supervised."""
    targets = torch.full_like(case.ids, -100)
    targets[:, :-1] = case.ids[:, 1:]
    if case.mask is not None:
        targets[:, :-1][~case.mask[:, 1:]] = -100
    return targets


@examples
@given(case=cases())
def test_equals_pytorchs_cross_entropy(case: Case) -> None:
    """Protects the shift, the mask and the mean over tokens: there, ignored targets have an index."""
    expected = F.cross_entropy(case.logits.movedim(-1, 1), shifted_targets(case), ignore_index=-100)
    torch.testing.assert_close(next_token_loss(*case), expected, rtol=0, atol=1e-12)


def slow_losses(case: Case) -> list[float]:
    """−log p(next token) for each supervised token: plain Python, one position at a time."""
    logits, ids = case.logits.tolist(), case.ids.tolist()
    losses = []
    for b, row in enumerate(ids):
        for t in range(1, len(row)):
            if case.mask is None or bool(case.mask[b, t]):
                scores = logits[b][t - 1]
                losses.append(math.log(math.fsum(map(math.exp, scores))) - scores[row[t]])
    return losses


@examples
@given(case=cases())
def test_equals_a_loop_written_from_the_formula(case: Case) -> None:
    """Protects which logits predict which token, without any of PyTorch's losses."""
    losses = slow_losses(case)
    assert float(next_token_loss(*case)) == pytest.approx(math.fsum(losses) / len(losses), rel=0, abs=1e-12)


@examples
@given(case=cases())
def test_gradient_is_softmax_minus_one_hot(case: Case) -> None:
    """Protects the derivative: (softmax − one-hot) / n at supervised places, exactly 0 at all others."""
    targets, logits = shifted_targets(case), case.logits.clone().requires_grad_()
    next_token_loss(logits, case.ids, case.mask).backward()
    supervised = targets != -100
    one_hot = F.one_hot(targets.clamp(min=0), case.logits.shape[-1])
    expected = (case.logits.softmax(-1) - one_hot) / supervised.sum()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad[supervised], expected[supervised], rtol=0, atol=1e-12)
    assert not logits.grad[~supervised].any()


def test_what_is_not_supervised_has_no_effect() -> None:
    """Protects against padding that leaks: any id and any logits, NaN too, may stand where nothing is supervised."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 5, generator=generator, dtype=torch.float64)
    ids = torch.tensor([[-100, 1, 0, -100], [3, 4, -100, -100]])
    mask = torch.tensor([[True, True, True, False], [False, True, False, False]])
    expected = -(logits[0, 0].log_softmax(0)[1] + logits[0, 1].log_softmax(0)[0] + logits[1, 0].log_softmax(0)[4]) / 3
    logits[0, 2:], logits[1, 1:] = math.nan, 1e9
    logits.requires_grad_()
    loss = next_token_loss(logits, ids, mask)
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-12)
    loss.backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_stable_keeps_dtype_and_leaves_inputs_alone() -> None:
    """Protects logits of ±1000 (0 and 2000 nats in float32), the scalar's dtype, and the inputs."""
    logits = torch.tensor([[[1000.0, -1000.0], [-1000.0, 1000.0], [0.0, 0.0]]])
    for ids, expected in [(torch.tensor([[0, 0, 1]]), 0.0), (torch.tensor([[0, 1, 0]]), 2000.0)]:
        mask = torch.ones_like(ids, dtype=torch.bool)
        before = [tensor.clone() for tensor in (logits, ids, mask)]
        loss = next_token_loss(logits, ids, mask)
        assert loss.shape == () and loss.dtype == torch.float32 and float(loss) == expected
        assert all(torch.equal(*pair) for pair in zip(before, (logits, ids, mask), strict=True))


@settings(examples, max_examples=25)
@given(batches=st.lists(cases(), min_size=1, max_size=4))
def test_perplexity_weighs_every_token_alike(batches: list[Case]) -> None:
    """Protects against averages of averages: batches of different sizes and masks, all tokens in one list."""
    losses = [loss for case in batches for loss in slow_losses(case)]
    expected = math.exp(math.fsum(losses) / len(losses))
    logits, ids, masks = zip(*batches, strict=True)
    assert perplexity(logits, ids, masks) == pytest.approx(expected, rel=1e-12)


def test_perplexity_of_a_uniform_model_is_the_vocabularys_size() -> None:
    """Protects the base, e, and long texts: float32 logits, 4,000 tokens, no overflow and float64 digits."""
    logits = [torch.zeros(1, 4000, 7), torch.full((2, 3, 7), 5.0)]
    ids = [torch.zeros(1, 4000, dtype=torch.int64), torch.ones(2, 3, dtype=torch.int64)]
    assert perplexity(logits, ids) == pytest.approx(7, rel=1e-12)


def test_perplexity_takes_batches_without_supervised_tokens() -> None:
    """Protects against NaN from a batch of padding; no token at all has no perplexity, and the message says so."""
    logits, ids = torch.zeros(1, 3, 5), torch.zeros(1, 3, dtype=torch.int64)
    nothing = torch.zeros(1, 3, dtype=torch.bool)
    assert perplexity([logits, logits, logits[:, :1]], [ids, ids, ids[:, :1]], [nothing, None, None]) == pytest.approx(
        5
    )
    with pytest.raises(ValueError, match="no token is supervised in 1 batches"):
        perplexity([logits], [ids], [nothing])
    with pytest.raises(ValueError, match="no token is supervised in 0 batches"):
        perplexity([], [])


def test_faulty_shapes_are_named() -> None:
    """Protects the messages for shapes that do not belong together: each names what was found."""
    logits, ids = torch.zeros(2, 3, 5), torch.zeros(2, 3, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"got \(2, 3, 5\) and \(2, 2\)"):
        next_token_loss(logits, ids[:, 1:])
    with pytest.raises(ValueError, match=r"got \(3, 5\) and \(3,\)"):
        next_token_loss(logits[0], ids[0])
    with pytest.raises(ValueError, match=r"the shape of ids, \(2, 3\), got \(2, 2\)"):
        next_token_loss(logits, ids, torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="got 2, 1 and 1"):
        perplexity([logits, logits], [ids])
