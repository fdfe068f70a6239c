"""The expected values of layer_norm against torch's own function and the formula with torch's unbiased deviation."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings

from graders.oracles.layer_norm import layer_norm
from graders.strategies.layer_norm import NormCase, norm_cases

examples = settings(derandomize=True, deadline=None, database=None, max_examples=25)


@examples
@given(case=norm_cases(any_axes=True, small=True, other_eps=True))
def test_equals_torchs(case: NormCase) -> None:
    """Protects the biased variance and the place of eps; nothing requires a gradient that did not before."""
    x, gain, bias = case.x.double(), case.gain.double(), case.bias.double()
    got = layer_norm(case.x, case.gain, case.bias, case.eps)
    torch.testing.assert_close(got, F.layer_norm(x, x.shape[-1:], gain, bias, case.eps), atol=1e-12, rtol=1e-12)
    assert not got.requires_grad


@examples
@given(case=norm_cases(other_eps=True))
def test_unbiased_variance(case: NormCase) -> None:
    """Protects handouts that divide the sum of squares by d − 1."""
    x, gain, bias = case.x.double(), case.gain.double(), case.bias.double()
    variance, mean = torch.var_mean(x, dim=-1, keepdim=True)
    expected = (x - mean) / (variance + case.eps).sqrt() * gain + bias
    got = layer_norm(case.x, case.gain, case.bias, case.eps, unbiased=True)
    torch.testing.assert_close(got, expected, atol=1e-12, rtol=1e-12)


@examples
@given(case=norm_cases())
def test_gradients_reach_all_three(case: NormCase) -> None:
    """Protects the check of gradients, which differentiates the expected value."""
    ours, theirs = ([t.double().requires_grad_() for t in (case.x, case.gain, case.bias)] for _ in range(2))
    weight = torch.cos(torch.arange(case.x.numel(), dtype=torch.float64)).view(case.x.shape)
    got = torch.autograd.grad((layer_norm(*ours) * weight).sum(), ours)
    d = case.x.shape[-1:]
    expected = torch.autograd.grad((F.layer_norm(theirs[0], d, theirs[1], theirs[2]) * weight).sum(), theirs)
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-11, rtol=1e-11)
