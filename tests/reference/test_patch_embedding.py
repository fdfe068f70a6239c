"""The reference patch embedding against F.unfold, nn.Conv2d, and a loop over patches and pixels."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reference.patch_embedding import PatchEmbedding

examples = settings(derandomize=True, deadline=None, database=None, max_examples=40)
Case = tuple[PatchEmbedding, Tensor]


def build(
    image_size: int | tuple[int, int], patch_size: int, n_channels: int, d_model: int, generator: torch.Generator
) -> PatchEmbedding:
    """Make a float64 module with weights of order 1/√width and biases of order 1."""
    with torch.random.fork_rng(devices=[]):
        module = PatchEmbedding(image_size, patch_size, n_channels, d_model).double()
    for parameter in module.parameters():
        scale = 1.0 if parameter.dim() == 1 else parameter.shape[1] ** -0.5
        parameter.data = scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return module


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a module and images, square or not."""
    rows, columns, P, C, d_model, B = (draw(st.integers(1, n)) for n in (3, 4, 3, 3, 5, 3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    module = build((rows * P, columns * P), P, C, d_model, generator)
    return module, torch.randn(B, C, rows * P, columns * P, generator=generator, dtype=torch.float64)


@examples
@given(case=cases())
def test_equals_unfold(case: Case) -> None:
    """Protects the order of patches and of pixels: F.unfold goes row by row, its columns channel by channel."""
    module, x = case
    before = x.clone()
    P = module.patch_size
    columns = F.unfold(x, P, stride=P).transpose(1, 2)  # (B, n_patches, C·P·P)
    expected = F.linear(columns, module.proj.weight, module.proj.bias)
    torch.testing.assert_close(module(x), expected, rtol=0, atol=1e-12)
    assert module.n_patches == expected.shape[1]
    assert torch.equal(x, before)


@examples
@given(case=cases())
def test_equals_a_convolution(case: Case) -> None:
    """Protects the layout of the weights: those of a Conv2d, flattened, as vision transformers are published."""
    module, x = case
    P = module.patch_size
    kernel = module.proj.weight.unflatten(1, (x.shape[1], P, P))
    expected = F.conv2d(x, kernel, module.proj.bias, stride=P).flatten(2).transpose(1, 2)
    torch.testing.assert_close(module(x), expected, rtol=0, atol=1e-12)


def slow_patch_embedding(case: Case) -> Tensor:
    """Section 3.1 of Dosovitskiy et al. 2021, one image, patch and pixel at a time, in Python's floats."""
    module, x = case
    P = module.patch_size
    result = []
    for image in x.tolist():
        tokens = []
        for top in range(0, x.shape[2], P):
            for left in range(0, x.shape[3], P):
                pixels = [channel[top + i][left + j] for channel in image for i in range(P) for j in range(P)]
                rows = zip(module.proj.weight.tolist(), module.proj.bias.tolist(), strict=True)
                tokens.append([math.fsum(w * p for w, p in zip(row, pixels, strict=True)) + b for row, b in rows])
        result.append(tokens)
    return torch.tensor(result, dtype=torch.float64)


@examples
@given(case=cases())
def test_equals_a_loop_written_from_the_formula(case: Case) -> None:
    """Protects what a patch is: P rows and P columns that no other patch has."""
    torch.testing.assert_close(case[0](case[1]), slow_patch_embedding(case), rtol=0, atol=1e-12)


def test_one_number_means_a_square() -> None:
    """Protects the short form of image_size."""
    generator = torch.Generator().manual_seed(0)
    module = build(6, 2, 3, 4, generator)
    x = torch.randn(2, 3, 6, 6, generator=generator, dtype=torch.float64)
    assert module.n_patches == 9
    torch.testing.assert_close(module(x), slow_patch_embedding((module, x)), rtol=0, atol=1e-12)


def test_non_contiguous_images() -> None:
    """Protects images with the channels last in memory, as files and arrays have them."""
    generator = torch.Generator().manual_seed(0)
    module = build((4, 6), 2, 3, 5, generator)
    x = torch.randn(2, 4, 6, 3, generator=generator, dtype=torch.float64).permute(0, 3, 1, 2)
    torch.testing.assert_close(module(x), module(x.contiguous()), rtol=0, atol=1e-12)


def test_gradients_pass_gradcheck() -> None:
    """Protects the derivative with respect to every pixel, weight and bias."""
    generator = torch.Generator().manual_seed(0)
    module = build((4, 2), 2, 2, 3, generator)
    x = torch.randn(2, 2, 4, 2, generator=generator, dtype=torch.float64, requires_grad=True)

    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(module, {"proj.weight": weight, "proj.bias": bias}, (x,))

    assert torch.autograd.gradcheck(forward, (x, module.proj.weight, module.proj.bias))


def test_state_dict_has_the_frozen_keys() -> None:
    """Protects the keys and shapes by which graders load weights (docs/core.md)."""
    with torch.random.fork_rng(devices=[]):
        state = PatchEmbedding((4, 6), 2, 3, 5).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == {"proj.weight": (5, 12), "proj.bias": (5,)}


@pytest.mark.parametrize("shape", [(6, 4), (4, 4), (6, 6), (5, 6), (4, 7), (8, 12), (3, 8)])
def test_wrong_image_size_is_refused(shape: tuple[int, int]) -> None:
    """Protects against images that are cropped or cut wrongly without a word, even if the number of patches is right."""
    module = build((4, 6), 2, 3, 5, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=rf"must be 4 x 6, got {shape[0]} x {shape[1]}"):
        module(torch.zeros(1, 3, *shape, dtype=torch.float64))


@pytest.mark.parametrize("image_size, sides", [(7, "7 x 7"), ((6, 8), "6 x 8"), ((8, 6), "8 x 6"), (2, "2 x 2")])
def test_patches_must_fill_the_image(image_size: int | tuple[int, int], sides: str) -> None:
    """Protects the message for a patch size that does not divide both sides: it names all three numbers."""
    with pytest.raises(ValueError, match=rf"patch_size must divide .* got 4 and {sides}"):
        PatchEmbedding(image_size, 4, 3, 5)
