"""Misconceptions of nucleus sampling as a function that continues a text."""

import random
from dataclasses import dataclass

import torch

from sandbox.text_model import WORDS

from ..tasks import TextModelSpec, TextSampling
from ..verdict import Misconception
from .bank import Asked, Bank, NoAnswer, Probe

# sums: 0.25, 0.45, 0.62, 0.76, 0.86, 0.94, 1; from the other end 0.06, 0.14, 0.24, 0.38, 0.55, …
_SHARES = (0.25, 0.2, 0.17, 0.14, 0.1, 0.08, 0.06)
_SIZES = {0.52: 3, 0.9: 6}  # of the nucleus, by p; no sum comes near to p
_DRAWS = 120  # a token of the nucleus is missing among them with a probability below 1e-4


@dataclass(frozen=True)
class Case:
    """The tokens from the most to the least probable one, and p."""

    order: list[int]
    p: float

    def first(self, n: int) -> list[int]:
        """The n most probable tokens."""
        return sorted(self.order[:n])


def _ask(sampling: TextSampling, rng: random.Random) -> Asked:
    """The tokens that occur among many; all of them where others than those of the nucleus do beside it."""
    order = rng.sample(range(len(WORDS)), len(WORDS))
    rows = torch.empty(1, len(WORDS))
    rows[0, order] = torch.tensor(_SHARES).log() + 2
    case = Case(order, 0.52 if sampling.takes_p else 0.9)
    got = set(sampling(TextModelSpec(rows=rows), [0, 1], _DRAWS, 1.0, case.p))
    nucleus = case.first(_SIZES[case.p])
    if got > set(nucleus):
        got = set(order)  # rare tokens may be missing
    return Asked(sorted(got), [nucleus], case)


def _everything(case: Case) -> list[int]:
    if case.p == 0.9:  # the same comes of other mistakes
        raise NoAnswer
    return case.first(len(case.order))


def _ascending(case: Case) -> list[int]:
    if case.p == 0.9:
        raise NoAnswer
    return sorted(case.order[-5:])


BANK = Bank(
    "nucleus_sampling",
    (
        Probe(
            _ask,
            {
                Misconception(
                    "drops_the_boundary_token",
                    "You drop the token with which the sum of probabilities reaches p. "
                    "The nucleus is the fewest tokens whose sum is at least p, so that token belongs to it.",
                    "Add up the probabilities that you keep and compare their sum with p.",
                ): lambda case: case.first(_SIZES[case.p] - 1),
                Misconception(
                    "no_filter",
                    "Tokens outside of the nucleus are drawn, too. "
                    "Only the fewest most probable tokens whose probabilities sum to at least p can be drawn.",
                    "Set p to a small number and count which tokens come.",
                ): _everything,
                Misconception(
                    "sorts_ascending",
                    "Your nucleus collects tokens from the least probable one on. It is made of the most probable ones.",
                    "Print the sorted probabilities and look at which end the sum begins.",
                ): _ascending,
                Misconception(
                    "always_the_likeliest",
                    "You always take the most probable token. "
                    "Each token is drawn from the nucleus, with its probability there.",
                    "Continue the same start twice: the two texts should differ.",
                ): lambda case: case.first(1),
            },
            cases=4,
        ),
    ),
)
