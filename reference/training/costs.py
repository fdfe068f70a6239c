"""What texts cost a language model that is given them: nats for each token and perplexity, with intervals."""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .results import Z

IGNORED = -100  # a target that counts nowhere


@dataclass(frozen=True)
class Cost:
    """The cost of pieces of text, which are taken to be independent of each other.

    Attributes:
        nats: of each piece, all its tokens together.
        tokens: number of tokens that were to be told ahead, of each piece.
    """

    nats: tuple[float, ...]
    tokens: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Nats for each token."""
        return sum(self.nats) / sum(self.tokens)

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `mean`, as for a ratio of two sums.

        Source: Cochran 1977, "Sampling Techniques", section 6.4.

        Raises:
            ValueError: there is one piece only.
        """
        n = len(self.nats)
        if n < 2:
            raise ValueError(f"an interval needs at least 2 pieces of text, there is {n}; take a longer text")
        mean = self.mean
        spread = sum((nats - mean * tokens) ** 2 for nats, tokens in zip(self.nats, self.tokens, strict=True))
        half = Z * math.sqrt(spread * n / (n - 1)) / sum(self.tokens)
        return mean - half, mean + half

    def in_nats(self) -> dict[str, Any]:
        """The mean for a report."""
        low, high = self.interval()
        return {"nats": round(self.mean, 4), "tokens": sum(self.tokens), "95 %": [round(low, 4), round(high, 4)]}

    def as_perplexity(self) -> dict[str, Any]:
        """The exponential of the mean for a report."""
        low, high = self.interval()
        bounds = [float(f"{math.exp(min(bound, 700)):.5g}") for bound in (low, high)]  # exp(710) overflows
        return {
            "perplexity": float(f"{math.exp(min(self.mean, 700)):.5g}"),
            "tokens": sum(self.tokens),
            "95 %": bounds,
        }


@torch.no_grad()
def cost_of(model: nn.Module, inputs: Tensor, targets: Tensor, device: torch.device, batch_size: int = 64) -> Cost:
    """Let a model tell targets ahead, without dropout.

    Args:
        model: called with ids (B, T); returns logits (B, T, V), or a tuple of which they are the first. It is left in
            its mode, train or eval.
        inputs: (N, T) int64, the pieces.
        targets: (N, T) int64; targets[n, t] follows inputs[n, t], `IGNORED` does not count.
        device: where the model is.
        batch_size: pieces at a time.

    Returns:
        The cost of each of the N pieces.
    """
    was_training = model.training
    model.eval()
    nats: list[float] = []
    for some, wanted in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
        output = model(some.to(device))
        logits = (output[0] if isinstance(output, tuple) else output).float()  # (B, T, V)
        of_tokens = F.cross_entropy(logits.mT, wanted.to(device), ignore_index=IGNORED, reduction="none")  # (B, T)
        nats += of_tokens.double().sum(dim=1).tolist()
    model.train(was_training)
    return Cost(tuple(nats), tuple((targets != IGNORED).sum(dim=1).tolist()))
