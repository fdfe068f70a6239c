"""Misconceptions of attention masks."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import oracles
from ..strategies import generator
from ..tasks import Mask
from ..verdict import Misconception
from .bank import Asked, Bank, Probe


@dataclass(frozen=True)
class Ids:
    """Token ids (B, T) with padding among them."""

    ids: Tensor
    pad_id: int

    @property
    def right(self) -> Tensor:
        """(B, 1, T, T)."""
        return oracles.attention_mask(self.ids, self.pad_id)

    @property
    def causal(self) -> Tensor:
        """(T, T)."""
        return oracles.causal_mask(self.ids.shape[1])

    @property
    def real(self) -> Tensor:
        """True where a token is not padding, (B, 1, 1, T)."""
        return (self.ids != self.pad_id)[:, None, None, :]


def _ask_causal(mask: Mask, rng: random.Random) -> Asked:
    """The causal mask of a few tokens."""
    T = rng.randint(3, 9)
    return Asked(mask.causal(T), [oracles.causal_mask(T)], T)


def _ask_padded(mask: Mask, rng: random.Random) -> Asked:
    """The attention mask of ids with padding, another place in each row; behind it real tokens, zeros among them."""
    B, T, pad_id = 3, rng.choice([5, 6, 7]), rng.choice([3, 4, 5])
    draws, place = generator(rng.getrandbits(32)), rng.randrange(T)
    ids = torch.randint(0, 10, (B, T), generator=draws)
    ids[torch.rand(B, T, generator=draws) < 0.2] = pad_id
    row = torch.arange(B)
    ids[row, 1 + (row + place) % (T - 2)] = pad_id
    ids[row, 1 + (row + place + 1) % (T - 2)] = 0
    ids[:, -1] = 9
    case = Ids(ids, pad_id)
    return Asked(mask.padded(ids, pad_id), [case.right], case)


def _square(n_tokens: int) -> Tensor:
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool)


# another triangle in the place of the causal one
TRIANGLES: dict[Misconception, Callable[[int], Tensor]] = {
    Misconception(
        "upper_triangle",
        "You keep the upper triangle: a token sees itself and what comes after it. It may see itself and what comes "
        "before.",
        "Rows are queries, columns are keys: print the mask for three tokens, and read what the first of them may see.",
    ): lambda n_tokens: _square(n_tokens).triu(),
    Misconception(
        "does_not_see_itself",
        "Your triangle leaves the diagonal out, so that no token sees itself. Token t may see the tokens 0 … t.",
        "Print the mask for three tokens, and read what the first row allows.",
    ): lambda n_tokens: _square(n_tokens).tril(-1),
    Misconception(
        "sees_next_token",
        "Your triangle is one diagonal too large: each token also sees the next one. Token t may see 0 … t and no other.",
        "Print the mask for three tokens and count what the first row allows.",
    ): lambda n_tokens: _square(n_tokens).tril(1),
}
# the right mask, written down in another way
FORMS: dict[Misconception, Callable[[Tensor], Tensor]] = {
    Misconception(
        "polarity_inverted",
        "In your masks True stands for hidden keys. The task has it the other way round: True = may attend.",
        "Read once more what True means in the task; libraries do not agree about it.",
    ): torch.logical_not,
    Misconception(
        "additive_mask",
        "Your masks hold 0 and −∞, to be added to scores. The task asks for booleans: True = may attend.",
        "Print the dtype of what you return.",
    ): lambda right: torch.zeros(right.shape).masked_fill(~right, -math.inf),
    Misconception(
        "float_mask",
        "Your masks hold the numbers 0 and 1. The task asks for booleans: True = may attend.",
        "Print the dtype of what you return.",
    ): lambda right: right.double(),
}
PADDED: dict[Misconception, Callable[[Ids], Tensor]] = {
    Misconception(
        "pads_queries",
        "You hide the rows of padded tokens, their queries. Padding must not be seen by others: its keys, the columns, are "
        "hidden.",
        "Say which of the last two axes belongs to the token that looks, and which to the one that is looked at.",
    ): lambda case: case.causal & case.real.mT,
    Misconception(
        "or_in_place_of_and",
        "A key that meets one of the two conditions is allowed. It must meet both: not after the query, and no padding.",
        "Say the rule in a sentence, with the word that joins its two halves.",
    ): lambda case: case.causal | case.real,
    Misconception(
        "padding_ignored",
        "Your mask is the causal one, repeated for each sequence: padding may be seen. Keys that are padding must be hidden.",
        "Look for the part of your result that depends on pad_id.",
    ): lambda case: case.causal.expand(len(case.ids), 1, -1, -1),
    Misconception(
        "causality_ignored",
        "You hide padding only, so that each token sees those after it. The mask must be causal as well.",
        "Print the mask of a sequence without padding, and read what its first row allows.",
    ): lambda case: case.real.expand(-1, -1, case.ids.shape[1], -1),
    Misconception(
        "pad_id_is_0",
        "Your mask takes the id 0 for padding, whatever pad_id is. The padding id is the argument pad_id.",
        "Try ids in which 0 is an ordinary token and padding has another id.",
    ): lambda case: oracles.attention_mask(case.ids, 0),
    Misconception(
        "ids_above_pad_id",
        "You take the ids above pad_id for real tokens. Every id other than pad_id is one, smaller ones too.",
        "Try a padding id that is not the smallest of all ids.",
    ): lambda case: case.causal & (case.ids > case.pad_id)[:, None, None, :],
    Misconception(
        "stops_at_first_padding",
        "Your mask hides every key from the first padding on. Padding may stand anywhere; real tokens behind it may be seen.",
        "Try a sequence with padding in its middle.",
    ): lambda case: case.causal & case.real.cumprod(-1).bool(),
    Misconception(
        "padding_sees_itself",
        "Your mask always allows the diagonal, so that padding may be seen by itself. Padding is hidden from every query.",
        "Look at the diagonal of the mask where the token is padding.",
    ): lambda case: case.right | torch.eye(case.ids.shape[1], dtype=torch.bool),
    Misconception(
        "no_head_axis",
        "Your mask is (B, T, T). The task asks for (B, 1, T, T), with an axis of 1 along which it serves all heads.",
        "Compare the shape of your result with that in the task.",
    ): lambda case: case.right[:, 0],
}


def _of_triangle(triangle: Callable[[int], Tensor]) -> Callable[[Ids], Tensor]:
    return lambda case: triangle(case.ids.shape[1]) & case.real


def _of_causal(form: Callable[[Tensor], Tensor]) -> Callable[[int], Tensor]:
    return lambda n_tokens: form(oracles.causal_mask(n_tokens))


def _of_padded(form: Callable[[Tensor], Tensor]) -> Callable[[Ids], Tensor]:
    return lambda case: form(case.right)


BANK = Bank(
    "mask",
    (
        Probe(_ask_causal, TRIANGLES | {each: _of_causal(form) for each, form in FORMS.items()}),
        Probe(
            _ask_padded,
            PADDED
            | {each: _of_triangle(triangle) for each, triangle in TRIANGLES.items()}
            | {each: _of_padded(form) for each, form in FORMS.items()},
        ),
    ),
)
