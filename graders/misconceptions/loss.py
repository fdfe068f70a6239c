"""Misconceptions of the next-token loss."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..oracles.loss import next_token_loss
from ..tasks import Loss
from ..verdict import Misconception
from .bank import Asked, Bank, Probe


@dataclass(frozen=True)
class Inputs:
    """Arguments of the loss, the logits in float64; the mask is boolean, True = counts as a target."""

    logits: Tensor
    ids: Tensor
    mask: Tensor


def _ask(loss: Loss, rng: random.Random) -> Asked:
    """The loss of padded texts of different lengths; padding is token 0, which also stands in the texts."""
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    T, V = rng.choice([6, 7]), rng.choice([4, 5])
    lengths = rng.sample(range(4, T + 1), 3)
    logits = 2 * torch.randn(3, T, V, generator=generator)
    ids = torch.randint(V, (3, T), generator=generator)
    ids[:, 2] = torch.tensor(rng.sample([0, 1, 2], 3))  # 0 is a real token too
    mask = torch.arange(T) < torch.tensor(lengths)[:, None]  # (3, T)
    ids = ids.masked_fill(~mask, 0)
    right = next_token_loss(logits, ids, mask)
    return Asked(loss(logits, ids, mask), [right.item()], Inputs(logits.double(), ids, mask))


def _each(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """−ln p of each token from the second on, and whether it counts, both (B, T−1)."""
    return _nll(inputs.logits[:, :-1], inputs.ids[:, 1:]), inputs.mask[:, 1:]


def _nll(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")


def _mean(nll: Tensor, counts: Tensor) -> float:
    return nll[counts].mean().item()


def _does_not_shift(inputs: Inputs) -> float:
    return _mean(_nll(inputs.logits, inputs.ids), inputs.mask)


def _shifts_twice(inputs: Inputs) -> float:
    return _mean(_nll(inputs.logits[:, :-2], inputs.ids[:, 2:]), inputs.mask[:, 2:])


def _softmax_twice(inputs: Inputs) -> float:
    return _mean(_nll(inputs.logits[:, :-1].softmax(-1), inputs.ids[:, 1:]), inputs.mask[:, 1:])


def _of_each(reduce: Callable[[Tensor, Tensor, Inputs], Tensor]) -> Callable[[Inputs], float]:
    """A variant that reduces the tokens' losses (B, T−1) in a way of its own, given which of them count."""
    return lambda inputs: reduce(*_each(inputs), inputs).item()


BANK = Bank(
    "loss",
    (
        Probe(
            _ask,
            {
                Misconception(
                    "does_not_shift",
                    "Your loss asks each position for the very token that it was given. "
                    "The logits at t predict the token at t+1.",
                    "Say for one short text which token the logits at position 0 are to predict, then look at what you pair.",
                ): _does_not_shift,
                Misconception(
                    "shifts_twice",
                    "Your loss holds the logits at t against the token at t+2: the shift is made twice. "
                    "The logits at t predict the token at t+1.",
                    "Count the places in your code where logits or ids lose their first or last position.",
                ): _shifts_twice,
                Misconception(
                    "padding_counted",
                    "Your mean also counts tokens that the mask leaves out, such as padding. "
                    "Only tokens whose mask is True belong in it.",
                    "Change a token that the mask leaves out and see whether your loss changes.",
                ): _of_each(lambda nll, counts, _: nll.mean()),
                Misconception(
                    "mask_not_shifted",
                    "Your mask is read at the position that predicts, t. "
                    "It says of the token to be predicted, the one at t+1, whether it counts.",
                    "The mask belongs to the ids: whatever is cut off from one is cut off from the other.",
                ): _of_each(lambda nll, _, inputs: nll[inputs.mask[:, :-1]].mean()),
                Misconception(
                    "mask_inverted",
                    "Your loss counts the tokens whose mask is False and leaves the others out. "
                    "True marks the tokens that count.",
                    "Look up what True means in this mask; libraries differ there.",
                ): _of_each(lambda nll, counts, _: nll[~counts].mean()),
                Misconception(
                    "token_0_ignored",
                    "Your loss leaves out every target that is token 0, real ones too. "
                    "The mask says which tokens count, not the id.",
                    "Look for an id that your code treats in a way of its own.",
                ): _of_each(lambda nll, counts, inputs: nll[counts & (inputs.ids[:, 1:] != 0)].mean()),
                Misconception(
                    "divides_by_all_tokens",
                    "Your sum leaves padding out, but it is divided by the number of all tokens. "
                    "The mean is over the tokens that count.",
                    "Compare the tokens that your sum runs over with those that your denominator counts.",
                ): _of_each(lambda nll, counts, _: (nll * counts).mean()),
                Misconception(
                    "sum_instead_of_mean",
                    "Your loss is the sum over the tokens. It is their mean, so that it does not grow with the batch.",
                    "Give each text twice and see whether your loss changes.",
                ): _of_each(lambda nll, counts, _: nll[counts].sum()),
                Misconception(
                    "mean_of_sequence_means",
                    "Your loss takes the mean of each text first, so that tokens of short texts weigh more. "
                    "Each token of the batch has the same weight.",
                    "Imagine a text of one token beside a text of a hundred, and ask what each token weighs.",
                ): _of_each(lambda nll, counts, _: ((nll * counts).sum(1) / counts.sum(1)).mean()),
                Misconception(
                    "softmax_twice",
                    "Your loss gets the softmax of the logits and takes the softmax of that once more. "
                    "Cross-entropy is −ln softmax(logits), with one softmax.",
                    "Look up what your loss function expects: logits, probabilities or their logarithms.",
                ): _softmax_twice,
            },
        ),
    ),
)
