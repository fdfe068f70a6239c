"""Misconceptions of patch embedding."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..module_checks import ready
from ..strategies import generator
from ..strategies.patch_embedding import patch_weights
from ..tasks import PatchEmbedding, PatchSizes
from ..verdict import Misconception
from .bank import Asked, Bank, Probe


@dataclass(frozen=True)
class Images:
    """The images (B, C, height, width), float64, the side of a patch, and the weights that have arrived, by role."""

    x: Tensor
    P: int
    weights: Mapping[str, Tensor]

    @property
    def grid(self) -> Tensor:
        """(B, C, row, y, column, x): the images cut in patches."""
        B, C, height, width = self.x.shape
        return self.x.reshape(B, C, height // self.P, self.P, width // self.P, self.P)

    @property
    def n_pixels(self) -> int:
        """Numbers in a patch, of all channels."""
        return self.x.shape[1] * self.P**2

    def proj(self, patches: Tensor) -> Tensor:
        """The projection of patches (B, n_patches, C · P²)."""
        bias = self.weights.get("proj.bias")
        return F.linear(patches, self.weights["proj.weight"].double(), None if bias is None else bias.double())


def _asked(patch_embedding: PatchEmbedding, rng: random.Random, rows: int, columns: int) -> Asked:
    noise = generator(rng.getrandbits(32))
    P, n_channels, d_model = rng.choice([(2, 3, 5), (3, 2, 5), (2, 3, 7)])
    sizes = PatchSizes(rows * P, columns * P, P, n_channels, d_model)
    x = torch.randn(2, n_channels, sizes.height, sizes.width, generator=noise)
    module = ready(patch_embedding.build(sizes), patch_weights(sizes, noise))
    return Asked(module(x), list(module.expected(x)), Images(x.double(), P, module.loaded()))


def _ask(patch_embedding: PatchEmbedding, rng: random.Random) -> Asked:
    """Square images of 16 patches."""
    return _asked(patch_embedding, rng, 4, 4)


def _ask_rectangular(patch_embedding: PatchEmbedding, rng: random.Random) -> Asked:
    """Images that are not square."""
    return _asked(patch_embedding, rng, *rng.choice([(2, 3), (3, 2), (4, 2)]))


def _reading(*axes: int) -> Callable[[Images], Tensor]:
    """The patches that come out when the grid's axes are put in an order, the first three of them batch and patches."""
    return lambda images: images.proj(images.grid.permute(0, *axes).reshape(len(images.x), -1, images.n_pixels))


def _strided(images: Images) -> Tensor:
    B, C, height, width = images.x.shape
    P = images.P
    grid = images.x.reshape(B, C, P, height // P, P, width // P)
    return images.proj(grid.permute(0, 3, 5, 1, 2, 4).reshape(B, -1, images.n_pixels))


def _unfold_reshaped(images: Images) -> Tensor:
    unfolded = F.unfold(images.x, images.P, stride=images.P)  # (B, C · P², n_patches)
    return images.proj(unfolded.reshape(len(images.x), -1, images.n_pixels))


def _maps_reshaped(images: Images) -> Tensor:
    tokens = _reading(2, 4, 1, 3, 5)(images)  # (B, n_patches, d_model)
    return tokens.mT.reshape(tokens.shape)


def _sides_exchanged(images: Images) -> Tensor:
    B, C, height, width = images.x.shape
    return _reading(2, 4, 1, 3, 5)(Images(images.x.reshape(B, C, width, height), images.P, images.weights))


BANK = Bank(
    "patch_embedding",
    (
        Probe(
            _ask,
            {
                Misconception(
                    "reshape_without_permute",
                    "You reshape the image to (B, n_patches, C · P²) as it lies in memory; a patch's pixels do not lie there "
                    "side by side, so your patches are strips of rows.",
                    "Give your code an image whose pixels are numbered, and look at the first patch.",
                ): lambda images: images.proj(images.x.reshape(len(images.x), -1, images.n_pixels)),
                Misconception(
                    "channels_left_in_front",
                    "Your channel axis still stands before the patches when you flatten, so that a token holds pieces of one "
                    "channel; each patch needs all C channels.",
                    "Write the shape behind each step, with names, and see which three axes come last.",
                ): _reading(1, 2, 4, 3, 5),
                Misconception(
                    "unfold_not_transposed",
                    "unfold returns (B, C · P², n_patches), and you reshape that to (B, n_patches, C · P²); the two axes must "
                    "be exchanged, not relabelled.",
                    "A reshape never moves a number. Look for the step that has to.",
                ): _unfold_reshaped,
                Misconception(
                    "maps_not_transposed",
                    "Your convolution's output is (B, d_model, n_patches), and you reshape it to (B, n_patches, d_model); the "
                    "two axes must be exchanged, not relabelled.",
                    "A reshape never moves a number. Look for the step that has to.",
                ): _maps_reshaped,
                Misconception(
                    "column_major_patches",
                    "Your patches are counted from top to bottom first; reading order is left to right, then top to bottom.",
                    "Give your code an image that is 0 but for the second patch of the first row, and see which token "
                    "differs.",
                ): _reading(4, 2, 1, 3, 5),
                Misconception(
                    "transposed_pixels",
                    "Within a patch you read the pixels column by column; proj reads each channel row by row.",
                    "Write the shape behind each step, with names, and see which of a patch's two sides comes last.",
                ): _reading(2, 4, 1, 5, 3),
                Misconception(
                    "channels_last_pixels",
                    "You flatten a patch pixel by pixel, with the C channels of each together; proj reads it channel by "
                    "channel.",
                    "See which axis of a patch comes first when you flatten it, and which one varies fastest.",
                ): _reading(2, 4, 3, 5, 1),
                Misconception(
                    "strided_patches",
                    "Each of your patches holds pixels from all over the image, one every height / P rows; a patch is P × P "
                    "pixels side by side.",
                    "When an axis is split in two, see which of the two numbers is the patches' and which is P.",
                ): _strided,
            },
        ),
        Probe(
            _ask_rectangular,
            {
                Misconception(
                    "height_and_width_exchanged",
                    "You take the number of rows of patches from the width, and that of columns from the height; it is "
                    "height / P rows and width / P columns.",
                    "Try an image that is wider than high, and see which side is which at every step.",
                ): _sides_exchanged,
            },
            requires=frozenset({"rectangular"}),
        ),
    ),
)
