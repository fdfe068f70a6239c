"""The vision transformer of `mit_dialoguegpt`: on CIFAR-10, or on real digits and generated shapes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..cifar import read_cifar10
from ..corpora.images import Images, digits, make_shapes
from .results import accuracy
from .setting import Setting
from .stages import made, trained
from .workshop import Training, cosine, epochs_of

FOLDER = "cifar-10-batches-bin"  # in the folder of the real data
N_DIGITS_HELD_OUT = 360  # of 1,797


@dataclass(frozen=True)
class Sizes:
    """What a preset stands for; the notebook's names where it has them."""

    dim: int
    attn_dim: int
    mlp_dim: int
    num_heads: int
    num_layers: int
    batch_size: int
    learning_rate: float
    epochs: int  # through CIFAR-10
    epochs_shapes: int
    epochs_digits: int
    n_shapes: int = 4000  # generated ones to train on; a fifth of that is held out
    n_digits_held_out: int = N_DIGITS_HELD_OUT
    n_real: int | None = None  # images of CIFAR-10, at most; None = all


PRESETS = {
    "tiny": Sizes(64, 16, 128, 4, 2, 50, 2e-3, 3, epochs_shapes=8, epochs_digits=20, n_shapes=3000, n_real=5000),
    "handout": Sizes(128, 64, 256, 4, 6, 128, 5e-4, 15, epochs_shapes=15, epochs_digits=60, n_shapes=20_000),
}


def train(setting: Setting, notebook: Any, cifar: Path | None, sizes: Sizes) -> None:
    """Train vision transformers, and add them to the report.

    Args:
        setting: the run.
        notebook: the homework's definitions.
        cifar: the unpacked folder of CIFAR-10; None = digits and shapes.
        sizes: of the models and the data.

    Raises:
        ValueError: a file of CIFAR-10 is missing or looks different, or scikit-learn, which has the digits, is missing.
    """
    if cifar is not None:
        data = {
            "cifar10": (
                read_cifar10(cifar, "train", sizes.n_real),
                read_cifar10(cifar, "test", sizes.n_real and max(1, sizes.n_real // 5)),
            )
        }
    else:
        derived = setting.workshop.derived
        data = {
            "digits": digits().split(sizes.n_digits_held_out, derived("digits held out")),
            "shapes": (
                make_shapes(derived("shapes"), sizes.n_shapes),
                make_shapes(derived("held-out shapes"), max(10, sizes.n_shapes // 5)),
            ),
        }
    epochs = {"cifar10": sizes.epochs, "digits": sizes.epochs_digits, "shapes": sizes.epochs_shapes}
    for called, (training, held_out) in data.items():
        figures = _one_model(setting, sizes, notebook, called, training, held_out, epochs[called])
        setting.report.rows.append(
            {
                "model": f"ViT, {called}",
                "training loss": figures["last loss"],
                "validation accuracy": figures["validation accuracy"],
            }
        )


def _one_model(
    setting: Setting, sizes: Sizes, notebook: Any, called: str, training: Images, held_out: Images, epochs: int
) -> dict[str, Any]:
    """Train a vision transformer, and count what it gets right."""
    name = f"vit_{called}"
    _, n_channels, side, _ = training.pixels.shape
    model = made(
        setting,
        name,
        lambda: notebook.VisionTransformer(
            n_channels=n_channels,
            nout=len(training.class_names),
            img_size=side,
            patch_size=side // 8 if side >= 32 else 2,  # 64 patches of 32 × 32 as in the notebook, 16 of the digits
            dim=sizes.dim,
            attn_dim=sizes.attn_dim,
            mlp_dim=sizes.mlp_dim,
            num_heads=sizes.num_heads,
            num_layers=sizes.num_layers,
        ),
    )
    items = epochs_of(len(training), sizes.batch_size, setting.workshop.derived(f"{name}, order"))
    n_steps = epochs * -(-len(training) // sizes.batch_size)

    def batch(step: int) -> tuple[Tensor, Tensor]:
        chosen = torch.tensor(items(step))
        return _scaled(training.pixels[chosen]), training.labels[chosen]

    def measure() -> dict[str, Any]:
        right = _n_right(model, held_out, setting.workshop.device)
        return {"classes": list(held_out.class_names), "validation accuracy": accuracy(right, len(held_out))}

    return trained(
        setting,
        Training(name, model, n_steps, batch, _loss, cosine(sizes.learning_rate, n_steps // 20, n_steps)),
        measure,
    )


def _scaled(pixels: Tensor) -> Tensor:
    """Pixels from −1 to 1, as the notebook feeds them."""
    return 2 * pixels - 1


def _loss(model: Callable[[Tensor], Any], images: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(model(images)[0], labels)


@torch.no_grad()
def _n_right(model: Any, images: Images, device: torch.device, batch_size: int = 200) -> int:
    right = 0
    for pixels, labels in zip(images.pixels.split(batch_size), images.labels.split(batch_size), strict=True):
        right += int((model(_scaled(pixels).to(device))[0].argmax(dim=-1).cpu() == labels).sum())
    return right
