"""The vision transformer: what it is trained on, and how it is measured."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reference.corpora.images import Images
from reference.training import vision
from tests.reference.training.conftest import Finished
from tests.reference.training.recipes import SMALL, VISION, random_states_kept, run, setting_in


def write_cifar(folder: Path, n: int = 12) -> None:
    """Write files of CIFAR-10's binary version with random images."""
    images = folder / vision.FOLDER
    images.mkdir()
    generator = torch.Generator().manual_seed(4)
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        records = torch.randint(256, (n, 3073), generator=generator, dtype=torch.uint8)
        records[:, 0] %= 10
        (images / name).write_bytes(bytes(records.flatten().tolist()))


class Brightness(torch.nn.Module):
    """Takes an image for class 1 where its mean is above 0, and counts its calls."""

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, None]:
        mean = images.mean(dim=(1, 2, 3))
        return torch.stack((-mean, mean), dim=1), None


def test_right_answers_are_counted_over_all_batches() -> None:
    """Protects the accuracy: pixels go from −1 to 1, and the last, smaller batch counts too."""
    pixels = torch.cat((torch.full((7, 1, 4, 4), 0.6), torch.full((4, 1, 4, 4), 0.4)))
    labels = torch.tensor([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1])
    assert vision._n_right(Brightness(), Images(pixels, labels, ("dark", "bright")), torch.device("cpu"), 3) == 8


def test_the_accuracy_is_on_images_that_are_held_out(finished: Finished) -> None:
    """Protects the figure: of the digits the ones that were dealt out, of the shapes a fifth as many as in training."""
    stages = finished("mit_dialoguegpt")[1]["stages"]
    assert stages["vit_digits"]["validation accuracy"]["of"] == 1700
    assert stages["vit_shapes"]["validation accuracy"]["of"] == 10
    assert stages["vit_shapes"]["classes"][0] == "disc"


def test_cifar_is_limited_in_the_tiny_preset_alone(tmp_path: Path) -> None:
    """Protects the handout's figure: there all 60,000 images count."""
    write_cifar(tmp_path)
    stages = run(setting_in(tmp_path / "out", "mit_dialoguegpt", data=tmp_path))["stages"]
    assert stages["vit_cifar10"]["validation accuracy"]["of"] == VISION.n_real // 5
    assert stages["vit_cifar10"]["classes"][0] == "airplane"
    assert vision.PRESETS["handout"].n_real is None
    train, sizes = SMALL["mit_dialoguegpt"]
    setting = setting_in(tmp_path / "all", "mit_dialoguegpt", data=tmp_path)
    with random_states_kept():
        train(setting, replace(sizes, images=replace(VISION, n_real=None)))
    assert setting.report.stages["vit_cifar10"]["validation accuracy"]["of"] == 12


def test_a_damaged_file_of_cifar_is_named(tmp_path: Path) -> None:
    """Protects instructors: the file is named before a model is trained on it."""
    write_cifar(tmp_path)
    (tmp_path / vision.FOLDER / "data_batch_1.bin").write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match=r"data_batch_1.bin: found 100 bytes, not whole records"):
        run(setting_in(tmp_path / "out", "mit_dialoguegpt", data=tmp_path))
