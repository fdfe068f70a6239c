"""The data sets: questions about birth places, and span corruption of a text for pretraining.

Source of span corruption: Raffel et al. 2020, "Exploring the Limits of Transfer Learning" (T5), section 3.1.4,
simplified to one span; the handout's question 2(e).

    python src/dataset.py namedata             four examples of NameDataset
    python src/dataset.py charcorruption       four examples of CharCorruptionDataset
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

MASK_CHAR = "\u2047"  # ⁇
PAD_CHAR = "\u25a1"  # □


class CharCorruptionDataset(Dataset[tuple[Tensor, Tensor]]):
    """Documents with one span of characters hidden. A line of the text is a document.

    Args:
        data: the text. Its characters are the vocabulary; ⁇ and □ are not among them.
        block_size: length of x and y.

    Attributes:
        data: the documents.
        stoi, itos: id of each character and back: □ (padding) is 0, ⁇ is 1, then the sorted characters of the text.
        vocab_size: number of ids.
    """

    MASK_CHAR = MASK_CHAR
    PAD_CHAR = PAD_CHAR

    def __init__(self, data: str, block_size: int) -> None:
        text_chars = sorted(set(data))
        for reserved in (MASK_CHAR, PAD_CHAR):
            if reserved in text_chars:
                raise ValueError(f"the text holds the reserved character {reserved}")
        chars = [PAD_CHAR, MASK_CHAR, *text_chars]
        self.stoi = {char: id for id, char in enumerate(chars)}
        self.itos = dict(enumerate(chars))
        self.vocab_size = len(chars)
        self.block_size = block_size
        self.data = data.split("\n")

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.data)

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        """Corrupt document `idx` anew: prefix ⁇ suffix ⁇ masked content □…□.

        Returns:
            x and y, int64 of shape (block_size,); y is x one step ahead.
        """
        # [part e] The steps; self.data must stay as it is:
        # 0. Take document number idx of self.data.
        # 1. Keep its first characters: a random number of them, from 4 to int(self.block_size * 7 / 8), both ends
        #    included and every number possible. A shorter document is kept whole.
        # 2. Split what is kept: prefix + masked content + suffix. The content's place and its length are random;
        #    its length is on average a quarter of what is kept (how it varies is up to you).
        # 3. Rearrange: prefix, MASK_CHAR, suffix, MASK_CHAR, masked content, then as many PAD_CHAR as it takes to
        #    make self.block_size + 1 characters. There are exactly two MASK_CHAR.
        # 4. x is all but the last character of this, y is all but the first.
        # 5. Encode both with self.stoi as torch.long tensors and return them.
        raise NotImplementedError("part e: corrupt a span in CharCorruptionDataset.__getitem__")


class NameDataset(Dataset[tuple[Tensor, Tensor]]):
    """Questions and birth places: question ⁇ place ⁇ □…□. Only what follows the question is to be predicted.

    Args:
        pretraining_dataset: its vocabulary and its block_size are used.
        data: one `question<tab>place` on a line. Characters outside ASCII are dropped, and so are empty lines.
    """

    def __init__(self, pretraining_dataset: CharCorruptionDataset, data: str) -> None:
        self.stoi = pretraining_dataset.stoi
        self.itos = pretraining_dataset.itos
        self.block_size = pretraining_dataset.block_size
        self.data = [line for line in data.encode("ascii", errors="ignore").decode("ascii").split("\n") if line]

    def __len__(self) -> int:
        """Number of questions."""
        return len(self.data)

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        """Encode question and place `idx`.

        Returns:
            x and y, int64 of shape (block_size − 1,); y is x one step ahead, with padding where x is still inside the
            question, so that the loss ignores it.
        """
        question, place = self.data[idx].split("\t")
        text = (question + MASK_CHAR + place + MASK_CHAR).ljust(self.block_size, PAD_CHAR)  # block_size characters
        target = text[len(question) :].rjust(self.block_size - 1, PAD_CHAR)  # block_size − 1 characters
        x = torch.tensor([self.stoi[char] for char in text[:-1]], dtype=torch.long)  # (block_size − 1,)
        y = torch.tensor([self.stoi[char] for char in target], dtype=torch.long)  # (block_size − 1,)
        return x, y


def main(arguments: Sequence[str] | None = None) -> None:
    """Print four examples of a data set, made of wiki.txt and birth_places_train.tsv in the working directory."""
    parser = argparse.ArgumentParser(description="Print four examples of a data set.")
    parser.add_argument("dataset_type", choices=["namedata", "charcorruption"])
    kind = parser.parse_args(arguments).dataset_type
    corruption = CharCorruptionDataset(Path("wiki.txt").read_text(encoding="utf-8"), block_size=128)
    dataset: CharCorruptionDataset | NameDataset = corruption
    if kind == "namedata":
        dataset = NameDataset(corruption, Path("birth_places_train.tsv").read_text(encoding="utf-8"))
    for idx in range(min(4, len(dataset))):
        x, y = dataset[idx]
        print("x:", "".join(corruption.itos[id] for id in x.tolist()))
        print("y:", "".join(corruption.itos[id] for id in y.tolist()))


if __name__ == "__main__":
    main()
