"""Checks of the task loss (docs/core.md)."""

import math

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from .check import check
from .compare import assert_agrees, assert_equal, assert_true, describe, require_tensor
from .oracles.loss import loss_gradient
from .strategies import generator, seeds
from .strategies.loss import LossCase, loss_cases
from .tasks import Loss

FEW = torch.tensor([[[0.5, -1.0, 2.0]] * 4] * 2), torch.tensor([[0, 1, 2, 0], [2, 0, 1, 1]])


def scalar(loss: Loss, case: LossCase, what: str = "The loss") -> Tensor:
    """The loss, of shape () and the dtype of the logits."""
    return require_tensor(loss(case.logits, case.ids, case.mask), what, (), case.logits.dtype)


def agrees(got: Tensor, expected: float, what: str, *, tolerance: float = 1e-5, hint: str = "") -> None:
    """Two losses are equal but for rounding; NaN equals nothing."""
    value = float(got)
    digits = 6 if tolerance > 1e-7 else 12
    assert_true(
        abs(value - expected) <= tolerance * (1 + abs(expected)),
        f"{what}: expected {expected:.{digits}g}, got {value:.{digits}g}. {hint}".rstrip(),
    )


def is_right(loss: Loss, case: LossCase, what: str = "The loss in nats", tolerance: float = 1e-5) -> None:
    """The loss is the mean of −ln p over the supervised tokens."""
    got, expected = scalar(loss, case), float(case.expected)
    n = int(case.supervised.sum())
    of_means = "It is the mean of each sequence's mean; all tokens of the batch weigh the same."
    wrong = [
        (-expected, "It has the wrong sign."),
        *((value, of_means) for value in _means_of_means(case)),
        (n * expected, f"It is the sum over the {n} supervised tokens, not their mean."),
        (expected / math.log(2), "It is measured in bits; nats take the natural logarithm."),
        (n * expected / case.supervised.numel(), "The sum is divided by the number of all places, padding included."),
        (n * expected / len(case.ids), "Each sequence's sum is averaged over the sequences, not over the tokens."),
    ]
    near = [hint for value, hint in wrong if math.isclose(value, float(got), rel_tol=1e-4)]
    agrees(got, expected, what, tolerance=tolerance, hint=near[0] if near else f"Supervised tokens: {n}.")


def _means_of_means(case: LossCase) -> list[float]:
    """The mean over the sequences of each one's mean loss: over those that have targets, and over all."""
    means = [float(case.part([i]).expected) for i in range(len(case.ids)) if case.supervised[i].any()]
    return [sum(means) / len(means), sum(means) / len(case.ids)]


@check(task="loss", group="interface")
def test_interface(loss: Loss, rng: object) -> None:
    """The loss can be called with logits (B, T, V), ids (B, T) and a mask (B, T)."""
    logits, ids = FEW
    loss(logits, ids, torch.ones(2, 4, dtype=torch.bool))


@check(task="loss", group="shape", examples=8)
@given(case=loss_cases())
def test_shapes(loss: Loss, case: LossCase) -> None:
    """The loss is one number: a floating-point tensor of shape ()."""
    got = loss(case.logits, case.ids, case.mask)
    assert_true(
        isinstance(got, Tensor) and got.dim() == 0 and got.is_floating_point(),
        f"The loss: expected a floating-point tensor of shape (), got {describe(got)}.",
    )


@check(task="loss", group="agreement", examples=30)
@given(case=loss_cases())
def test_agrees_with_reference(loss: Loss, case: LossCase) -> None:
    """The loss is the mean of −ln p over the batch's supervised tokens; the logits at t predict the id at t+1."""
    is_right(loss, case)


@check(task="loss", group="agreement", requires=("no_mask",), examples=20)
@given(case=loss_cases(masked=False))
def test_no_mask(loss: Loss, case: LossCase) -> None:
    """Without a mask every token from the second on counts, those with id 0 included."""
    is_right(loss, case)


@check(task="loss", group="agreement", examples=20)
@given(case=loss_cases(square=True))
def test_square_trap(loss: Loss, case: LossCase) -> None:
    """The loss is right when batch, tokens and vocabulary have the same size, so that no axis is told by its length."""
    is_right(loss, case)


@check(task="loss", group="property", examples=20)
@given(case=loss_cases(), seed=seeds)
def test_unsupervised_have_no_effect(loss: Loss, case: LossCase, seed: int) -> None:
    """Logits that predict no supervised token do not change the loss, nor do ids that are no targets."""
    rng = generator(seed)
    B, T, V = case.logits.shape
    before = float(scalar(loss, case))
    free = torch.cat([~case.supervised, torch.ones(B, 1, dtype=torch.bool)], dim=1)  # (B, T): logits without a target
    logits = case.logits.masked_fill(free[..., None], 0) + free[..., None] * 1e3 * torch.randn(B, T, V, generator=rng)
    after = scalar(loss, LossCase(logits, case.ids, case.mask))
    agrees(after, before, "The loss after logits without a supervised target were changed")
    others = torch.cat([torch.ones(B, 1, dtype=torch.bool), ~case.supervised], dim=1)  # (B, T): ids that are no target
    ids = torch.where(others, torch.randint(V, (B, T), generator=rng), case.ids)
    after = scalar(loss, LossCase(case.logits, ids, case.mask))
    agrees(after, before, "The loss after ids that are no targets were changed")
    if case.mask is not None:
        mask = case.mask.clone()
        mask[:, 0] = ~mask[:, 0]
        after = scalar(loss, LossCase(case.logits, case.ids, mask))
        agrees(after, before, "The loss after the mask of the first tokens was flipped (nothing predicts them)")


@check(task="loss", group="property", requires=("any_ignored_id",), examples=15)
@given(case=loss_cases(), fill=st.sampled_from([-100, -1, 50_000]))
def test_ignored_ids_may_be_anything(loss: Loss, case: LossCase, fill: int) -> None:
    """Ids that are no targets may lie outside of the vocabulary: -100, -1 or 50000 change nothing."""
    ids = case.ids.clone()
    ids[:, 1:][~case.supervised] = fill
    ids[:, 0] = fill
    is_right(loss, LossCase(case.logits, ids, case.mask), f"The loss with {fill} for the ids that are no targets")


@check(task="loss", group="property", examples=20)
@given(case=loss_cases())
def test_gradient(loss: Loss, case: LossCase) -> None:
    """The gradient at supervised places is (softmax − one-hot)/n, where n counts all of them; elsewhere it is exactly 0."""
    got = loss.gradient(case.logits, case.ids, case.mask)
    assert_true(
        got is not None,
        "No gradient reaches the logits: is something detached, or computed with numpy, argmax or .item()?",
    )
    expected = loss_gradient(case.logits, case.ids, case.mask)
    assert_agrees(got, expected, "the gradient with respect to the logits (batch, token, vocabulary)", atol=1e-6)
    zero = expected == 0
    assert_equal(got[zero], torch.zeros_like(got[zero]), "the gradient where no supervised token is predicted")


@check(task="loss", group="property", requires=("standalone",), examples=12)
@given(case=loss_cases(), shift=st.sampled_from([-30.0, 7.5, 50.0]))
def test_shift_invariance(loss: Loss, case: LossCase, shift: float) -> None:
    """Adding the same number to all logits of a token does not change the loss."""
    before = float(scalar(loss, case))
    after = scalar(loss, LossCase(case.logits + shift, case.ids, case.mask))
    agrees(after, before, f"The loss after {shift:g} was added to all logits", tolerance=5e-5)


@check(task="loss", group="property", requires=("standalone",), examples=12)
@given(case=loss_cases(min_batch=2))
def test_order_and_copies(loss: Loss, case: LossCase) -> None:
    """Neither the order of the sequences in the batch nor giving each of them twice changes the loss."""
    rows = list(range(len(case.ids)))
    before = float(scalar(loss, case))
    agrees(scalar(loss, case.part(rows[::-1])), before, "The loss of the batch in reversed order")
    agrees(scalar(loss, case.part(rows * 2)), before, "The loss of the batch with each sequence twice")


@check(task="loss", group="property", requires=("standalone",), examples=12)
@given(case=loss_cases(), height=st.sampled_from([0.0, -2.0, 3.5]))
def test_uniform_logits(loss: Loss, case: LossCase, height: float) -> None:
    """If all logits are equal, the loss is ln V, whatever the ids are."""
    V = case.logits.shape[-1]
    got = scalar(loss, LossCase(torch.full_like(case.logits, height), case.ids, case.mask))
    agrees(got, math.log(V), f"The loss of equal logits over {V} tokens, ln {V}")


@check(task="loss", group="property", requires=("standalone",), examples=15)
@given(case=loss_cases(every_row=True, min_batch=2, min_tokens=3), cut=st.integers(1, 4))
def test_weighs_tokens_alike(loss: Loss, case: LossCase, cut: int) -> None:
    """Every supervised token weighs the same: the loss is the mean of two half batches' losses, weighted by their tokens."""
    rows = list(range(len(case.ids)))
    cut = min(cut, len(rows) - 1)
    whole = scalar(loss, case)
    parts = [case.part(rows[:cut]), case.part(rows[cut:])]
    numbers = [int(part.supervised.sum()) for part in parts]
    losses = [float(scalar(loss, part)) for part in parts]
    expected = (numbers[0] * losses[0] + numbers[1] * losses[1]) / sum(numbers)
    what = (
        f"The parts of a batch have losses {losses[0]:.5g} and {losses[1]:.5g} over {numbers[0]} and {numbers[1]} "
        "supervised tokens. The loss of the whole batch"
    )
    agrees(whole, expected, what, hint="Is the mean taken of each sequence first, or divided by another number?")


@check(task="loss", group="invariance", examples=10)
@given(case=loss_cases())
def test_leaves_inputs_alone(loss: Loss, case: LossCase) -> None:
    """Logits, ids and mask are the same after the call as before."""
    given_in = [("logits", case.logits), ("ids", case.ids), ("the mask", case.mask)]
    for (name, before), after in zip(given_in, loss.inputs_after(case.logits, case.ids, case.mask), strict=False):
        if before is not None:
            assert_equal(after, before, f"{name} after the call")


@check(task="loss", group="invariance", requires=("any_dtype",), examples=8)
@given(case=loss_cases())
def test_keeps_dtype(loss: Loss, case: LossCase) -> None:
    """The loss of float64 logits is float64, and as exact."""
    precise = LossCase(case.logits.double() / 3, case.ids, case.mask)
    is_right(loss, precise, "The loss of float64 logits", tolerance=1e-9)


@check(task="loss", group="robustness", examples=15)
@given(case=loss_cases(), seed=seeds)
def test_stable_for_large_logits(loss: Loss, case: LossCase, seed: int) -> None:
    """Logits of ±1000 give a finite loss: 0 where the model is certain and right, 2000 where it is certain and wrong."""
    B, T, V = case.logits.shape
    certain = torch.randint(V, (B, T), generator=generator(seed))
    logits = torch.full((B, T, V), -1000.0).scatter_(-1, certain[..., None], 1000.0)
    is_right(loss, LossCase(logits, case.ids, case.mask), "The loss of logits that are −1000 but for one of +1000")
    right = torch.full((B, T, V), -1000.0)
    right[:, :-1].scatter_(-1, case.ids[:, 1:, None], 1000.0)
    is_right(loss, LossCase(right, case.ids, case.mask), "The loss of a model that is certain and always right")


@check(task="loss", group="robustness", examples=10)
@given(case=loss_cases())
def test_non_contiguous_inputs(loss: Loss, case: LossCase) -> None:
    """Logits and ids that are transposed views work."""
    logits = case.logits.transpose(0, 1).contiguous().transpose(0, 1)
    is_right(loss, LossCase(logits, case.ids.T.contiguous().T, case.mask))
