"""The reader of CIFAR-10's binary version, on a few records of its form."""

from pathlib import Path

import numpy as np
import pytest
import torch

from reference.cifar import CLASSES, LOOK, RECORD, read_cifar10

PER_FILE = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six files of three records; pixel i of record r is (7 r + i) modulo 251, the label of record r is r modulo 10."""
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    record = np.arange(PER_FILE * len(names))
    pixels = (7 * record[:, None] + np.arange(RECORD - 1)) % 251
    records = np.concatenate([record[:, None] % 10, pixels], axis=1).astype(np.uint8)
    for number, name in enumerate(names):
        records[number * PER_FILE : (number + 1) * PER_FILE].tofile(tmp_path / name)
    return tmp_path


def message_of(folder: Path, part: str = "train", limit: int | None = None) -> str:
    with pytest.raises(ValueError) as caught:
        read_cifar10(folder, part, limit)
    return str(caught.value)


def test_every_pixel_has_its_place(folder: Path) -> None:
    """Protects the axes: channel by channel, each channel row by row, and the files in their order."""
    images = read_cifar10(folder)
    assert images.pixels.shape == (5 * PER_FILE, 3, 32, 32)
    assert images.labels.tolist() == [record % 10 for record in range(5 * PER_FILE)]
    assert (images.pixels.dtype, images.labels.dtype) == (torch.float32, torch.int64)
    for record, channel, row, column in ((0, 0, 0, 0), (4, 1, 2, 3), (14, 2, 31, 30)):
        value = (7 * record + 1024 * channel + 32 * row + column) % 251
        assert images.pixels[record, channel, row, column].item() == pytest.approx(value / 255)
    assert images.class_names == CLASSES


def test_the_test_part_is_another_file(folder: Path) -> None:
    """Protects validation from training images."""
    assert read_cifar10(folder, "test").labels.tolist() == [5, 6, 7]


@pytest.mark.parametrize("limit", [1, 3, 4, 100])
def test_a_limit_reads_the_first_images(folder: Path, limit: int) -> None:
    """Protects short trainings: the first images, and no file beyond the one that holds the last of them."""
    everything = read_cifar10(folder)
    if limit <= 2 * PER_FILE:
        (folder / "data_batch_3.bin").unlink()
    images = read_cifar10(folder, limit=limit)
    assert len(images) == min(limit, 5 * PER_FILE)
    assert torch.equal(images.pixels, everything.pixels[:limit])


@pytest.mark.parametrize("size", [0, RECORD - 1, 2 * RECORD + 5])
def test_a_cut_off_file_is_named(folder: Path, size: int) -> None:
    """Protects against shifted records: the file, its size, and what it should be."""
    path = folder / "data_batch_2.bin"
    path.write_bytes(b"\1" * size)
    expected = f"{path}: found {size:,} bytes, not whole records; expected {LOOK}. Copy it again."
    assert message_of(folder) == expected


def test_another_file_is_told_by_its_labels(folder: Path) -> None:
    """Protects against CIFAR-100 or other bytes of the right length: labels end at 9."""
    path = folder / "test_batch.bin"
    path.write_bytes(b"\x0a" * RECORD)
    assert message_of(folder, "test") == f"{path}: found a label 10, but labels are from 0 to 9; expected {LOOK}."


def test_what_is_there_instead_is_told(folder: Path, tmp_path: Path) -> None:
    """Protects who has the other version, an archive, a folder too high, or nothing."""

    def found(place: Path) -> str:
        message = message_of(place)
        assert message.startswith(f"{place / 'data_batch_1.bin'}: found ")
        assert message.endswith(f"; expected {LOOK}.")
        return message.partition("found ")[2].partition(";")[0]

    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "data_batch_1").write_bytes(b"x")
    (tmp_path / "above").mkdir()
    (tmp_path / "above" / "cifar-10-batches-bin").mkdir()
    (tmp_path / "above" / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "archive.tar.gz").write_bytes(b"x")
    assert found(tmp_path / "python") == "the Python version"
    assert found(tmp_path / "above") == "the data one folder further down, in cifar-10-batches-bin"
    assert found(tmp_path / "empty") == "no such file"
    assert found(tmp_path / "missing") == "no such folder"
    expected = "an archive or another file in the folder's place (unpack it first)"
    assert found(tmp_path / "archive.tar.gz") == expected


def test_impossible_wishes_are_refused(folder: Path) -> None:
    """Protects the caller: what was asked for and what is possible."""
    assert message_of(folder, "dev") == "part must be one of train, test, got 'dev'"
    assert message_of(folder, limit=0) == "limit must be at least 1, got 0"
