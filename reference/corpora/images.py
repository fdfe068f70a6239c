"""Images to classify: generated shapes in colour, and scikit-learn's handwritten digits, which are real.

Letters: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SHAPES = (
    "disc", "ring", "square", "frame", "diamond", "plus", "cross", "rows", "columns", "chessboard",
)  # fmt: skip
NOISE = 0.05


@dataclass(frozen=True)
class Images:
    """Images with their classes.

    Attributes:
        pixels: (N, C, H, W) float32, from 0 to 1.
        labels: (N,) int64.
        class_names: the name of each label.
    """

    pixels: Tensor
    labels: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    def split(self, n_validation: int, seed: int) -> tuple[Images, Images]:
        """Deal the images out in random order.

        Args:
            n_validation: number of images of the second part.
            seed: the same seed gives the same parts.

        Returns:
            Training images and validation images.

        Raises:
            ValueError: one of the parts would be empty.
        """
        if not 0 < n_validation < len(self):
            raise ValueError(f"n_validation must be from 1 to {len(self) - 1}, got {n_validation}")
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        training, validation = order[n_validation:], order[:n_validation]
        return self._only(training), self._only(validation)

    def _only(self, chosen: Tensor) -> Images:
        return Images(self.pixels[chosen], self.labels[chosen], self.class_names)


def make_shapes(seed: int, n: int = 2000, side: int = 32) -> Images:
    """Draw bright figures on dark ground, in the format of CIFAR-10.

    Colours, place and size are drawn at random, and there is noise, so that what tells the classes apart is where bright
    and dark lie relative to each other.

    Args:
        seed: the same seed gives the same images. For validation take another one.
        n: number of images, N; the classes take turns.
        side: height and width, H and W.

    Returns:
        Images with C = 3 and the ten classes `SHAPES`.

    Raises:
        ValueError: there would be no image, or too few pixels to tell the shapes apart.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if side < 16:
        raise ValueError(f"side must be at least 16, got {side}")
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator)

    labels = torch.arange(n) % len(SHAPES)
    radius = side * uniform(0.28, 0.4, n, 1, 1)
    row, column = (side * uniform(0.42, 0.58, 2, n, 1, 1)).unbind()  # the figures' centres
    places = torch.arange(side) + 0.5
    down, right = torch.broadcast_tensors((places[:, None] - row) / radius, (places - column) / radius)  # (N, H, W)
    figures = torch.stack(_figures(down, right))  # (classes, N, H, W)
    figure = figures[labels, torch.arange(n), None]  # (N, 1, H, W)
    bright, dark = uniform(0.55, 1.0, n, 3, 1, 1), uniform(0.0, 0.45, n, 3, 1, 1)
    pixels = torch.where(figure, bright, dark) + NOISE * torch.randn(n, 3, side, side, generator=generator)
    return Images(pixels.clamp(0, 1), labels, SHAPES)


def digits() -> Images:
    """Give the handwritten digits of scikit-learn's package: 1,797 images with C = 1 and H = W = 8.

    Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, its
    test set.

    Raises:
        ValueError: scikit-learn is not installed; the message says how to get it.
    """
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise ValueError("the digits need scikit-learn: pip install -e '.[training]' in the checkout") from None
    found = load_digits()
    pixels = torch.tensor(found.images, dtype=torch.float32)[:, None] / 16  # (N, 1, 8, 8); grey has the levels 0 to 16
    labels = torch.tensor(found.target, dtype=torch.int64)
    return Images(pixels, labels, tuple(str(digit) for digit in range(10)))


def _figures(down: Tensor, right: Tensor) -> tuple[Tensor, ...]:
    """Say of each shape which pixels are bright; `down` and `right` are 0 at the centre and 1 at the radius."""
    distance = torch.hypot(down, right)
    along, across = down.abs(), right.abs()
    larger, smaller = torch.maximum(along, across), torch.minimum(along, across)
    box = larger < 0.9
    odd_row, odd_column = (down / 0.45).floor() % 2 == 0, (right / 0.45).floor() % 2 == 0
    diagonal = torch.minimum((down - right).abs(), (down + right).abs())
    return (
        distance < 1,
        (distance < 1) & (distance > 0.6),
        box,
        box & (larger > 0.55),
        along + across < 1,
        (larger < 1) & (smaller < 0.3),
        box & (diagonal < 0.4),
        box & odd_row,
        box & odd_column,
        box & (odd_row ^ odd_column),
    )
