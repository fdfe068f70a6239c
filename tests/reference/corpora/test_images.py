"""Images to classify: generated shapes, and the digits of scikit-learn's package."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from reference.corpora.images import SHAPES, Images, digits, make_shapes

TRAINING, VALIDATION = make_shapes(0, 1000), make_shapes(1, 300)


def nearest_neighbour_accuracy(features: Tensor, unseen: Tensor) -> float:
    """How often the most similar training image, (N, features), has the class of an unseen one."""
    nearest = torch.cdist(unseen, features).argmin(dim=1)
    return (TRAINING.labels[nearest] == VALIDATION.labels).double().mean().item()


def test_shapes_have_the_format_of_cifar() -> None:
    """Protects a ViT's input: axes, dtypes, range, and as many images of each class."""
    assert TRAINING.pixels.shape == (1000, 3, 32, 32)
    assert (TRAINING.pixels.dtype, TRAINING.labels.dtype) == (torch.float32, torch.int64)
    assert TRAINING.pixels.min() >= 0
    assert TRAINING.pixels.max() <= 1
    assert TRAINING.labels.bincount().tolist() == [100] * 10
    assert len(TRAINING) == 1000
    assert len(TRAINING.class_names) == 10


def test_the_seed_decides() -> None:
    """Protects repeatability, and that validation images are others; torch's own random state stays out of it."""
    again = make_shapes(0, 1000)
    assert torch.equal(again.pixels, TRAINING.pixels)
    assert torch.equal(again.labels, TRAINING.labels)
    assert not torch.equal(make_shapes(1, 1000).pixels, TRAINING.pixels)


def test_shapes_can_be_told_apart() -> None:
    """Protects learnability: comparing pixels with 1,000 examples is right for more than 8 in 10 unseen images."""
    assert nearest_neighbour_accuracy(TRAINING.pixels.flatten(1), VALIDATION.pixels.flatten(1)) > 0.8


def test_shapes_cannot_be_told_by_their_colours() -> None:
    """Protects against a shortcut past the patches: comparing mean colours is right for fewer than 1 in 4."""
    assert nearest_neighbour_accuracy(TRAINING.pixels.mean((2, 3)), VALIDATION.pixels.mean((2, 3))) < 0.25


def test_shapes_lie_inside_the_image() -> None:
    """Protects the figures from being cut off: the outermost pixels differ by noise alone."""
    pixels = TRAINING.pixels.mean(dim=1)  # (N, H, W)
    edges = (pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1])
    inside = torch.cat(edges, dim=1)  # (N, 4 W)
    assert (inside.amax(dim=1) - inside.amin(dim=1)).max() < 0.35  # figures are brighter by a half on average
    assert (inside.std(dim=1) < 0.05).all()


@pytest.mark.parametrize("side", [16, 40])
def test_other_sides(side: int) -> None:
    """Protects other image sizes: every shape is drawn, and differs from every other."""
    images = make_shapes(0, len(SHAPES), side)
    assert images.pixels.shape == (10, 3, side, side)
    bright = images.pixels.mean(dim=1) > images.pixels.mean(dim=(1, 2, 3))[:, None, None]  # (10, H, W)
    shares = bright.flatten(1).double().mean(dim=1)
    assert ((shares > 0.05) & (shares < 0.7)).all()


@pytest.mark.parametrize(
    ("n", "side", "message"), [(0, 32, "n must be at least 1, got 0"), (3, 15, "side must be at least 16, got 15")]
)
def test_impossible_sizes_are_refused(n: int, side: int, message: str) -> None:
    """Protects the caller: what was asked for and what is possible."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        make_shapes(0, n, side)


# ------------------------------------------------------------------------------------------------------------- split


def test_split_deals_out_all_images() -> None:
    """Protects validation: no image in both parts, none lost, each with its own label, in an order that the seed sets."""
    images = Images(torch.arange(10.0).reshape(10, 1, 1, 1), torch.arange(10), tuple("abcdefghij"))
    training, validation = images.split(3, seed=0)
    assert (len(training), len(validation)) == (7, 3)
    assert sorted([*training.labels.tolist(), *validation.labels.tolist()]) == list(range(10))
    for part in (training, validation):
        assert part.pixels.flatten().tolist() == part.labels.tolist()
        assert part.class_names == images.class_names
    assert torch.equal(images.split(3, seed=0)[1].labels, validation.labels)
    assert not torch.equal(images.split(3, seed=1)[1].labels, validation.labels)


@pytest.mark.parametrize("n_validation", [0, 300, -1])
def test_an_empty_part_is_refused(n_validation: int) -> None:
    """Protects against an accuracy of nothing."""
    with pytest.raises(ValueError, match=f"^n_validation must be from 1 to 299, got {n_validation}$"):
        VALIDATION.split(n_validation, seed=0)


# ------------------------------------------------------------------------------------------------------------ digits


def test_digits_are_turned_into_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects what becomes of scikit-learn's arrays, by a stand-in with their form: grey from 0 to 16, float64."""
    grey = np.arange(2 * 8 * 8, dtype=np.float64).reshape(2, 8, 8) % 17
    datasets = ModuleType("sklearn.datasets")
    datasets.load_digits = lambda: SimpleNamespace(images=grey, target=np.array([7, 0]))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sklearn", ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", datasets)
    images = digits()
    assert images.pixels.shape == (2, 1, 8, 8)
    assert images.pixels.dtype == torch.float32
    assert torch.equal(images.pixels[:, 0] * 16, torch.from_numpy(grey).float())
    assert images.labels.tolist() == [7, 0]
    assert images.labels.dtype == torch.int64
    assert images.class_names == tuple("0123456789")


def test_without_scikit_learn_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who has installed no extras: the command that installs them is told."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(
        ValueError, match=r"^the digits need scikit-learn: pip install -e '\.\[training\]' in the checkout$"
    ):
        digits()
