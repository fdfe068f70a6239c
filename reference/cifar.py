"""CIFAR-10 in its binary version, read from the folder that an instructor has unpacked.

Source of the format: Krizhevsky's page on CIFAR-10, "Binary version": each record is one byte for the label and 3,072 for
the pixels, the red channel first, each channel row by row.
"""

from pathlib import Path

import torch

from .corpora.images import Images

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILES = {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)}
SIDE = 32
RECORD = 1 + 3 * SIDE**2
LOOK = (
    "the binary version of CIFAR-10: a folder cifar-10-batches-bin with data_batch_1.bin to data_batch_5.bin and "
    f"test_batch.bin, each of 10,000 records of {RECORD:,} bytes"
)


def read_cifar10(folder: Path, part: str = "train", limit: int | None = None) -> Images:
    """Read images of CIFAR-10.

    Args:
        folder: the unpacked folder.
        part: "train" or "test".
        limit: read the first images only, this number of them; None reads all, which takes 0.6 GB for "train".

    Returns:
        Images with C = 3 and H = W = 32, in the order of the files.

    Raises:
        ValueError: no such part; a file is missing, cut off, or holds a label that is not from 0 to 9.
    """
    if part not in FILES:
        raise ValueError(f"part must be one of {', '.join(FILES)}, got {part!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    content = bytearray()
    for name in FILES[part]:
        if limit is None or len(content) < limit * RECORD:
            content += _records(folder, name)
    records = torch.frombuffer(content, dtype=torch.uint8).reshape(-1, RECORD)[:limit]
    pixels = records[:, 1:].reshape(-1, 3, SIDE, SIDE).float() / 255  # (N, 3, 32, 32)
    return Images(pixels, records[:, 0].long(), CLASSES)


def _records(folder: Path, name: str) -> bytes:
    """Read one file and look whether it can be what it should be.

    Raises:
        ValueError: it is missing, cut off, or another file.
    """
    path = folder / name
    if not path.is_file():
        raise ValueError(f"{path}: found {_what_is_there(folder)}; expected {LOOK}.")
    content = path.read_bytes()
    if not content or len(content) % RECORD:
        raise ValueError(f"{path}: found {len(content):,} bytes, not whole records; expected {LOOK}. Copy it again.")
    label = max(content[::RECORD])
    if label >= len(CLASSES):
        raise ValueError(f"{path}: found a label {label}, but labels are from 0 to 9; expected {LOOK}.")
    return content


def _what_is_there(folder: Path) -> str:
    """Say what is there in the file's place; other versions and a folder too high are recognised."""
    if not folder.exists():
        return "no such folder"
    if folder.is_file():
        return "an archive or another file in the folder's place (unpack it first)"
    if (folder / "data_batch_1").exists():
        return "the Python version"
    inside = [path.name for path in sorted(folder.iterdir()) if (path / "test_batch.bin").is_file()]
    if inside:
        return f"the data one folder further down, in {inside[0]}"
    return "no such file"
