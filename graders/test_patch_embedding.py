"""Checks of the task patch_embedding (docs/core.md)."""

import hypothesis.strategies as st
import torch
from hypothesis import given

from sandbox.errors import StudentError

from .check import check
from .compare import assert_agrees, assert_agrees_with_one, assert_equal, assert_true, describe
from .module_checks import ATOL, gradients_are_right, is_right, output, ready, samples_are_independent
from .oracles.patch_embedding import patch_embedding_gradients
from .strategies import generator, seeds
from .strategies.patch_embedding import PatchCase, patch_cases, patch_weights
from .tasks import PatchEmbedding, PatchModule, PatchSizes
from .verdict import CheckFailed


def built(patch_embedding: PatchEmbedding, case: PatchCase) -> PatchModule:
    """The student's module with the case's weights, in eval mode."""
    return ready(patch_embedding.build(case.sizes), case.weights)


def shape(case: PatchCase) -> tuple[int, ...]:
    """The shape of the output."""
    return (len(case.x), case.rows * case.columns, case.sizes.d_model)


def has_right_count(module: PatchModule, case: PatchCase) -> None:
    """n_patches is the number of patches of an image."""
    got, expected = module.n_patches(), case.rows * case.columns
    s = case.sizes
    assert_true(
        type(got) is int and got == expected,
        f"n_patches must be the int {expected} for images of height {s.height} and width {s.width}, "
        f"with a patch_size of {s.patch_size}; it is {describe(got)}.",
    )


@check(task="patch_embedding", group="interface")
def test_interface(patch_embedding: PatchEmbedding, rng: object) -> None:
    """The patch embedding can be built, given weights, and called with images of shape (B, C, height, width)."""
    sizes = PatchSizes(8, 8, 4, 3, 5)
    ready(patch_embedding.build(sizes), patch_weights(sizes, generator(0)))(torch.zeros(2, 3, 8, 8))


@check(task="patch_embedding", group="shape", examples=10)
@given(case=patch_cases())
def test_shapes(patch_embedding: PatchEmbedding, case: PatchCase) -> None:
    """The output has the shape (B, n_patches, d_model), and n_patches is the number of patches."""
    module = built(patch_embedding, case)
    output(module, case.x, shape(case))
    has_right_count(module, case)


@check(task="patch_embedding", group="agreement", examples=25)
@given(case=patch_cases())
def test_agrees_with_reference(patch_embedding: PatchEmbedding, case: PatchCase) -> None:
    """Tokens are the projected patches in reading order; the projection reads a patch channel by channel."""
    is_right(built(patch_embedding, case), case.x)


@check(task="patch_embedding", group="agreement", requires=("rectangular",), examples=20)
@given(case=patch_cases(rectangular=True))
def test_rectangular_images(patch_embedding: PatchEmbedding, case: PatchCase) -> None:
    """Images may be wider than high, or higher than wide: image_size is (height, width) then."""
    module = built(patch_embedding, case)
    has_right_count(module, case)
    is_right(module, case.x)


@check(task="patch_embedding", group="property", examples=10)
@given(case=patch_cases(), seed=seeds)
def test_patches_are_local(patch_embedding: PatchEmbedding, case: PatchCase, seed: int) -> None:
    """Changing the pixels of the patch in row i and column j changes token i · columns + j, and no other."""
    P, rng = case.sizes.patch_size, generator(seed)
    row, column = (int(torch.randint(n, (), generator=rng)) for n in (case.rows, case.columns))
    changed = case.x.clone()
    pixels = (..., slice(row * P, (row + 1) * P), slice(column * P, (column + 1) * P))
    changed[pixels] += torch.randn(changed[pixels].shape, generator=rng)
    module = built(patch_embedding, case)
    before, after = (output(module, x, shape(case)) for x in (case.x, changed))
    expected = (torch.arange(shape(case)[1]) == row * case.columns + column).expand(shape(case)[:2])
    moved = (after - before).abs().amax(-1) > 1e-5  # (B, n_patches)
    what = f"which tokens change with the patch in row {row}, column {column} of {case.rows} x {case.columns} (batch, token)"
    assert_equal(moved, expected, what)


@check(task="patch_embedding", group="property", examples=10)
@given(case=patch_cases(), seed=seeds)
def test_patch_order_is_kept(patch_embedding: PatchEmbedding, case: PatchCase, seed: int) -> None:
    """Exchanging patches of an image exchanges its tokens in the same way."""
    P, rows, columns = case.sizes.patch_size, case.rows, case.columns
    order = torch.randperm(rows * columns, generator=generator(seed))
    grid = case.x.unflatten(3, (columns, P)).unflatten(2, (rows, P))  # (B, C, row, y, column, x)
    patches = grid.transpose(3, 4).flatten(2, 3)  # (B, C, n_patches, y, x)
    shuffled = patches[:, :, order].unflatten(2, (rows, columns)).transpose(3, 4).flatten(4, 5).flatten(2, 3)
    module = built(patch_embedding, case)
    before = output(module, case.x, shape(case))
    after = output(module, shuffled.contiguous(), shape(case))
    assert_agrees(after, before[:, order].double(), "the tokens of the image with its patches exchanged", atol=ATOL)


@check(task="patch_embedding", group="property", examples=8)
@given(case=patch_cases())
def test_black_image_gives_the_bias(patch_embedding: PatchEmbedding, case: PatchCase) -> None:
    """An image of zeros gives the projection's bias in every token."""
    module = built(patch_embedding, case)
    black = torch.zeros_like(case.x)
    assert_agrees_with_one(module(black), module.expected(black), "the output for an image of zeros", atol=1e-6)


@check(task="patch_embedding", group="property", examples=12)
@given(case=patch_cases(), seed=seeds)
def test_one_pixel(patch_embedding: PatchEmbedding, case: PatchCase, seed: int) -> None:
    """A single pixel of 1 adds one column of the weight to one token: that of its channel, row and column in the patch."""
    P, rng = case.sizes.patch_size, generator(seed)
    size = (case.sizes.n_channels, case.sizes.height, case.sizes.width)
    channel, y, x = (int(torch.randint(n, (), generator=rng)) for n in size)
    image = torch.zeros(1, *size)
    module = built(patch_embedding, case)
    dark = output(module, image, (1, *shape(case)[1:])).double()
    image[0, channel, y, x] = 1.0
    lit = output(module, image, (1, *shape(case)[1:])).double()
    token, pixel = (y // P) * case.columns + x // P, (channel * P + y % P) * P + x % P
    expected = torch.zeros_like(lit)
    expected[0, token] = module.loaded()["proj.weight"][:, pixel].double()
    assert_agrees(
        (lit - dark).float(),
        expected,
        f"what the pixel at channel {channel}, row {y}, column {x} of the image adds (batch, token, feature)",
    )


@check(task="patch_embedding", group="property", examples=12)
@given(case=patch_cases(), seed=seeds)
def test_gradients(patch_embedding: PatchEmbedding, case: PatchCase, seed: int) -> None:
    """Gradients reach every pixel and every parameter, and are the right ones."""
    grad_output = torch.randn(shape(case), generator=generator(seed))
    module = built(patch_embedding, case)
    expected = patch_embedding_gradients(module.loaded(), case.sizes.patch_size, case.x, grad_output)
    gradients_are_right(module, case.x, grad_output, expected)


@check(task="patch_embedding", group="property", examples=8)
@given(case=patch_cases())
def test_batch_independence(patch_embedding: PatchEmbedding, case: PatchCase) -> None:
    """Each image of a batch is computed as if it stood alone."""
    samples_are_independent(built(patch_embedding, case), case.x, shape(case), "image")


def refuses(module: PatchModule, x: torch.Tensor, why: str) -> None:
    """The call, or the construction before it, raises."""
    try:
        got = module(x)
    except StudentError:
        return
    raise CheckFailed(f"{why}: an error must be raised; the call returned {describe(got)}.")


@check(task="patch_embedding", group="property", requires=("refuses",), examples=8)
@given(case=patch_cases(), too=st.sampled_from([(1, 1), (0, 1), (-1, 0)]))
def test_other_sizes_are_refused(patch_embedding: PatchEmbedding, case: PatchCase, too: tuple[int, int]) -> None:
    """Images of another size than image_size, and patches that do not fit into it, raise an error."""
    module, s = built(patch_embedding, case), case.sizes
    output(module, case.x, shape(case))  # the right size is no error
    for unit in (s.patch_size, 1):
        height, width = s.height + too[0] * unit, s.width + too[1] * unit
        other = torch.zeros(1, s.n_channels, height, width)
        refuses(module, other, f"An image of {height} x {width} for an image_size of {s.height} x {s.width}")
    side = s.height + 1
    odd = ready(patch_embedding.build(PatchSizes(side, side, s.patch_size, s.n_channels, s.d_model)), case.weights)
    why = f"An image_size of {side} x {side} for patches of {s.patch_size} x {s.patch_size}"
    refuses(odd, torch.zeros(1, s.n_channels, side, side), why)


@check(task="patch_embedding", group="invariance", examples=8)
@given(case=patch_cases())
def test_leaves_input_alone(patch_embedding: PatchEmbedding, case: PatchCase) -> None:
    """The images are the same after the call as before."""
    assert_equal(built(patch_embedding, case).inputs_after(case.x)[0], case.x, "x after the call")


@check(task="patch_embedding", group="invariance", examples=8)
@given(case=patch_cases())
def test_keeps_dtype(patch_embedding: PatchEmbedding, case: PatchCase) -> None:
    """A patch embedding converted to float64 takes and returns float64."""
    module = built(patch_embedding, case)
    module.to_dtype("double")
    output(module, case.x.double(), shape(case))


@check(task="patch_embedding", group="robustness", examples=8)
@given(case=patch_cases())
def test_non_contiguous_input(patch_embedding: PatchEmbedding, case: PatchCase) -> None:
    """Images with channels last in memory, as image files are read, work."""
    is_right(built(patch_embedding, case), case.x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2))


@check(task="patch_embedding", group="robustness", examples=8)
@given(first=patch_cases(), second=patch_cases())
def test_modules_are_independent(patch_embedding: PatchEmbedding, first: PatchCase, second: PatchCase) -> None:
    """Two patch embeddings of different sizes, used in turn, do not disturb each other."""
    modules = [built(patch_embedding, case) for case in (first, second)]
    for i in (0, 1, 0, 1):
        is_right(modules[i], (first, second)[i].x, f"the output of module {i + 1}")
