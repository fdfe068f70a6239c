"""Misconceptions of perplexity."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..oracles.perplexity import perplexity as expected
from ..tasks import Perplexity
from ..verdict import Misconception
from .bank import Asked, Bank, Probe


@dataclass(frozen=True)
class Batches:
    """What a text costs, batch by batch.

    Attributes:
        nll: −ln p of each token from the second on, (B, T−1) float64.
        counts: which of them the mask lets count, (B, T−1); at least one in each row.
    """

    nll: list[Tensor]
    counts: list[Tensor]

    @property
    def kept(self) -> list[Tensor]:
        """The losses of the tokens that count, (N,) for each batch."""
        return [nll[counts] for nll, counts in zip(self.nll, self.counts, strict=True)]

    @property
    def mean(self) -> float:
        """Their mean over all batches."""
        return torch.cat(self.kept).mean().item()


def _ask(perplexity: Perplexity, rng: random.Random) -> Asked:
    """Three padded batches of different shapes, one easier than the next; padding is token 0, as are real tokens."""
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    V = rng.choice([5, 6])
    shapes = rng.sample([(2, 4), (3, 6), (1, 5)], 3)
    all_logits, all_ids, masks = [], [], []
    for i, (B, T) in enumerate(shapes):
        all_logits.append((0.6 + 0.5 * i) * torch.randn(B, T, V, generator=generator))
        lengths = torch.tensor([T - 1, *(rng.randint(2, T) for _ in range(B - 1))])
        masks.append(torch.arange(T) < lengths[:, None])  # (B, T)
        all_ids.append(torch.randint(V, (B, T), generator=generator).masked_fill(~masks[-1], 0))
    facts = Batches(
        [
            F.cross_entropy(logits[:, :-1].double().transpose(1, 2), ids[:, 1:], reduction="none")
            for logits, ids in zip(all_logits, all_ids, strict=True)
        ],
        [mask[:, 1:] for mask in masks],
    )
    return Asked(perplexity(all_logits, all_ids, masks), [expected(all_logits, all_ids, masks)], facts)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _weighted_by_sequences(batches: Batches) -> float:
    sizes = [len(nll) for nll in batches.nll]
    losses = [n * kept.mean().item() for n, kept in zip(sizes, batches.kept, strict=True)]
    return math.exp(sum(losses) / sum(sizes))


def _mean_of_sequences(batches: Batches) -> float:
    rows = [
        nll[counts].mean().exp().item()
        for batch, which in zip(batches.nll, batches.counts, strict=True)
        for nll, counts in zip(batch, which, strict=True)
    ]
    return _mean(rows)


def _of_mean(answer: Callable[[float], float]) -> Callable[[Batches], float]:
    """A variant that makes something of its own of the right mean loss."""
    return lambda batches: answer(batches.mean)


BANK = Bank(
    "perplexity",
    (
        Probe(
            _ask,
            {
                Misconception(
                    "no_exponential",
                    "You return the mean loss. Perplexity is the exponential of it, exp(mean loss).",
                    "Work out what a model that gives each of V tokens the probability 1/V must get, and compare.",
                ): _of_mean(lambda mean: mean),
                Misconception(
                    "two_to_the_nats",
                    "You raise 2 to a loss that is measured in nats. With the natural logarithm the base is e.",
                    "Look up which logarithm is in your loss, and which power undoes it.",
                ): _of_mean(lambda mean: 2.0**mean),
                Misconception(
                    "exp_of_the_sum",
                    "You take the exponential of the summed loss. "
                    "It is taken of the mean, the sum divided by the number of tokens.",
                    "Give the same text twice: the perplexity must stay what it is.",
                ): lambda batches: torch.cat(batches.kept).sum().exp().item(),
                Misconception(
                    "mean_of_batch_losses",
                    "You average the losses of the batches, whatever their number of tokens. "
                    "Each token of the whole text has the same weight.",
                    "Look at what you add up in each batch, and at what you count there.",
                ): lambda batches: math.exp(_mean([kept.mean().item() for kept in batches.kept])),
                Misconception(
                    "mean_of_batch_perplexities",
                    "You average the perplexities of the batches. "
                    "The exponential is taken once, at the end, of the mean loss over all tokens.",
                    "Look at where the exponential stands: inside of your loop or after it.",
                ): lambda batches: _mean([kept.mean().exp().item() for kept in batches.kept]),
                Misconception(
                    "mean_of_sequence_perplexities",
                    "You average the perplexities of the single texts. "
                    "The exponential is taken once, at the end, of the mean loss over all tokens.",
                    "Ask what you average over, texts or tokens, and when you take the exponential.",
                ): _mean_of_sequences,
                Misconception(
                    "weighted_by_sequences",
                    "You weigh the mean loss of a batch by its number of texts. Its weight is its number of tokens that count.",
                    "Work out what two texts of ten tokens and two of a hundred weigh in your sum.",
                ): _weighted_by_sequences,
                Misconception(
                    "padding_in_the_denominator",
                    "Your summed loss leaves padding out, but it is divided by the number of all tokens. "
                    "Only tokens whose mask is True are counted.",
                    "Append padding to a batch and see which of your two sums changes.",
                ): lambda batches: math.exp(
                    torch.cat(batches.kept).sum().item() / sum(nll.numel() for nll in batches.nll)
                ),
                Misconception(
                    "padding_counted",
                    "Your perplexity also counts tokens that the mask leaves out, such as padding. "
                    "Only tokens whose mask is True belong in it.",
                    "Append padding to a batch: the result must stay the same.",
                ): lambda batches: torch.cat([nll.flatten() for nll in batches.nll]).mean().exp().item(),
            },
        ),
    ),
)
