"""The expected values of patch_embedding against a strided convolution."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import Tensor

from graders.oracles.patch_embedding import patch_embedding, patch_embedding_gradients
from graders.strategies import generator
from graders.strategies.patch_embedding import PatchCase, patch_cases

examples = settings(derandomize=True, deadline=None, database=None, max_examples=20)


def convolution(case: PatchCase, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same by a convolution whose stride is its kernel's side."""
    P = case.sizes.patch_size
    return F.conv2d(x, weight.view(len(weight), -1, P, P), bias, stride=P).flatten(2).transpose(1, 2)


@examples
@given(case=patch_cases(rectangular=True))
def test_equals_a_convolution(case: PatchCase) -> None:
    """Protects the order of patches and of pixels within them, for images that are not square too."""
    weight, bias = case.weights["proj.weight"].double(), case.weights["proj.bias"].double()
    got = patch_embedding(case.weights, case.sizes.patch_size, case.x)
    torch.testing.assert_close(got, convolution(case, case.x.double(), weight, bias), atol=1e-12, rtol=1e-12)
    assert not got.requires_grad


@examples
@given(case=patch_cases())
def test_gradients_equal_those_of_a_convolution(case: PatchCase) -> None:
    """Protects gradients of pixels and parameters."""
    grad_output = torch.randn(len(case.x), case.rows * case.columns, case.sizes.d_model, generator=generator(1))
    grad_x, by_role = patch_embedding_gradients(case.weights, case.sizes.patch_size, case.x, grad_output)
    leaves = [t.double().requires_grad_() for t in (case.x, case.weights["proj.weight"], case.weights["proj.bias"])]
    expected = torch.autograd.grad((convolution(case, *leaves) * grad_output).sum(), leaves)
    for got, wanted in zip((grad_x, by_role["proj.weight"], by_role["proj.bias"]), expected, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-11, rtol=1e-11)
