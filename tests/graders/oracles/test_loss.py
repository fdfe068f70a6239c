"""The expected loss against cross-entropy written out in Python floats."""

import math

import torch
from hypothesis import given, settings

from graders.oracles.loss import loss_gradient, next_token_loss
from graders.strategies.loss import LossCase, loss_cases

examples = settings(derandomize=True, deadline=None, database=None, max_examples=40)


def terms(case: LossCase) -> list[float]:
    """−ln p of each supervised token, from the definition of the softmax."""
    found = []
    for b, row in enumerate(case.ids.tolist()):
        for t in range(1, len(row)):
            if case.mask is None or case.mask[b, t]:
                scores = case.logits[b, t - 1].double().tolist()
                found.append(math.log(math.fsum(math.exp(score) for score in scores)) - scores[row[t]])
    return found


@examples
@given(masked=loss_cases(), unmasked=loss_cases(masked=False), square=loss_cases(square=True))
def test_is_the_mean_over_supervised_tokens(masked: LossCase, unmasked: LossCase, square: LossCase) -> None:
    """Protects every check of the loss: the expected value is the mean of −ln p, float64, for all kinds of cases."""
    for case in (masked, unmasked, square):
        expected = terms(case)
        assert len(expected) == int(case.supervised.sum()) > 0
        assert case.expected.dtype is torch.float64
        assert math.isclose(float(case.expected), math.fsum(expected) / len(expected), rel_tol=1e-12, abs_tol=1e-12)


@examples
@given(case=loss_cases())
def test_gradient_is_softmax_minus_one_hot(case: LossCase) -> None:
    """Protects the gradient check: (softmax − one-hot)/n at supervised places, exactly 0 elsewhere."""
    n, V = int(case.supervised.sum()), case.logits.shape[-1]
    difference = case.logits[:, :-1].double().softmax(-1) - torch.eye(V, dtype=torch.float64)[case.ids[:, 1:]]
    expected = torch.zeros_like(case.logits, dtype=torch.float64)
    expected[:, :-1] = difference * case.supervised[..., None] / n
    got = loss_gradient(case.logits, case.ids, case.mask)
    torch.testing.assert_close(got, expected, atol=1e-14, rtol=1e-12)
    assert torch.equal(got[expected == 0], torch.zeros_like(got[expected == 0]))


def test_large_logits() -> None:
    """Protects the stability check: a wrong certainty of ±1000 costs 2000 nats, a right one nothing."""
    logits = torch.tensor([[[1000.0, -1000.0], [0.0, 0.0]]])
    assert float(next_token_loss(logits, torch.tensor([[0, 0]]))) == 0
    assert float(next_token_loss(logits, torch.tensor([[0, 1]]))) == 2000
