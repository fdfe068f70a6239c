"""Seeds, sampling from a model, and the score of predicted birth places."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
from models import GPT
from torch import Tensor


def set_seed(seed: int) -> None:
    """Seed every source of randomness that the homework uses: random, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def top_k_logits(logits: Tensor, k: int) -> Tensor:
    """Rule out all but the k largest logits.

    Args:
        logits: (B, V) floating point.
        k: from 1 to V.

    Returns:
        (B, V): −inf below the k-th largest logit of its row. Logits equal to the k-th largest stay.
    """
    smallest_kept = logits.topk(k, dim=-1).values[:, -1:]  # (B, 1)
    return logits.masked_fill(logits < smallest_kept, float("-inf"))


@torch.no_grad()
def sample(
    model: GPT, x: Tensor, steps: int, temperature: float = 1.0, sample: bool = False, top_k: int | None = None
) -> Tensor:
    """Continue sequences token by token. The model is put in eval mode.

    Args:
        model: a GPT; it sees at most its last block_size tokens.
        x: (B, T) int64 token ids, T at least 1.
        steps: number of new tokens.
        temperature: divides the logits, above 0.
        sample: draw from the distribution; otherwise take the most likely token (greedy).
        top_k: keep only the k most likely tokens of each step; None keeps all.

    Returns:
        (B, T + steps) int64: x and the new tokens after it.
    """
    model.eval()
    for _ in range(steps):
        logits, _ = model(x[:, -model.get_block_size() :])  # (B, at most block_size, V)
        logits = logits[:, -1] / temperature  # (B, V)
        if top_k is not None:
            logits = top_k_logits(logits, top_k)
        if sample:
            token = torch.multinomial(torch.softmax(logits, dim=-1), num_samples=1)  # (B, 1)
        else:
            token = logits.argmax(dim=-1, keepdim=True)  # (B, 1)
        x = torch.cat((x, token), dim=1)  # one token longer
    return x


def evaluate_places(filepath: str, predicted_places: Sequence[str]) -> tuple[float, float]:
    """Count the predictions that equal the birth place exactly.

    Args:
        filepath: UTF-8, one `question<tab>place` on a line.
        predicted_places: one for each line, in the order of the file.

    Returns:
        total and correct; (0.0, 0.0) if the file holds questions without places.

    Raises:
        ValueError: the number of predictions is not the number of lines.
    """
    with open(filepath, encoding="utf-8") as file:
        fields = [line.rstrip("\n").split("\t") for line in file if line.strip()]
    if not fields or len(fields[0]) == 1:
        return 0.0, 0.0
    if len(predicted_places) != len(fields):
        raise ValueError(f"{filepath} has {len(fields)} lines, got {len(predicted_places)} predictions")
    correct = sum(place == predicted for (_, place), predicted in zip(fields, predicted_places, strict=True))
    return float(len(fields)), float(correct)
