"""Misconceptions of the samplers: of temperature, top-k and top-p alone, and of the draw."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..oracles import samplers as oracle
from ..strategies.samplers import clear_p, spread_logits
from ..tasks import Samplers
from ..verdict import Misconception
from .bank import Asked, Bank, Probe


@dataclass(frozen=True)
class Filtered:
    """Logits (B, V) in float64, and the option: tau, k or p."""

    logits: Tensor
    option: float


@dataclass(frozen=True)
class Drawn:
    """Logits (V,) in float64."""

    logits: Tensor

    def support(self, tau: float, p: float | None = None) -> list[int]:
        """The tokens that can be drawn after temperature and top-p."""
        return oracle.distribution(self.logits, tau, None, p).nonzero().flatten().tolist()


def _generator(rng: random.Random) -> torch.Generator:
    return torch.Generator().manual_seed(rng.getrandbits(32))


def _ask_temperature(samplers: Samplers, rng: random.Random) -> Asked:
    logits, tau = spread_logits((3, 7), _generator(rng)), rng.choice([0.4, 0.7, 1.6, 2.5])
    right = oracle.temperature(logits, tau).float()
    return Asked(samplers.temperature(logits, tau), [right], Filtered(logits.double(), tau))


def _ask_top_k(samplers: Samplers, rng: random.Random) -> Asked:
    """Neither all nor a single one is kept, and no logit is 0."""
    logits, k = spread_logits((3, 7), _generator(rng)), rng.choice([2, 3, 4])
    right = oracle.top_k(logits, k).float()
    return Asked(samplers.top_k(logits, k), [right], Filtered(logits.double(), k))


def _ask_top_p(samplers: Samplers, rng: random.Random) -> Asked:
    """Two to five of seven tokens are in the nucleus of each row."""
    generator = _generator(rng)
    while True:
        logits = spread_logits((3, 7), generator)
        p = clear_p(logits, generator)
        right = oracle.top_p(logits, p)
        sizes = right.isfinite().sum(-1)
        if sizes.min() >= 2 and sizes.max() <= 5:
            return Asked(samplers.top_p(logits, p), [right.float()], Filtered(logits.double(), p))


# the nucleus of P has two tokens at tau = 1 and four at FLAT, far from the border; at SHARP only the first can be drawn
_SHARES = (0.42, 0.2, 0.12, 0.09, 0.07, 0.05, 0.05)
_P, _FLAT, _SHARP = 0.58, 3.0, 0.02  # at SHARP the second token has a probability below 1e-15
_ROWS = 400  # draws; a token of 5 % is missing among them with a probability below 1e-8


def _ask_sample(samplers: Samplers, rng: random.Random) -> Asked:
    """Which tokens occur among many draws: with top-p at a high temperature, at a low one, and as they are."""
    logits = torch.tensor(rng.sample(_SHARES, len(_SHARES))).log() + rng.uniform(3, 4)
    rows, seed = logits.expand(_ROWS, -1).contiguous(), rng.getrandbits(32)
    got = [
        _occurring(samplers.sample(rows, _FLAT, None, _P, seed=seed)[0]),
        _occurring(samplers.sample(rows, _SHARP, seed=seed + 1)[0]),
        _occurring(samplers.sample(rows, seed=seed + 2)[0]),
    ]
    facts = Drawn(logits.double())
    best = [int(logits.argmax())]
    return Asked(got, [[facts.support(_FLAT, _P), best, facts.support(1.0)]], facts)


def _occurring(tokens: Any) -> list[int] | None:
    """The tokens that occur in an answer; None if it is no answer."""
    if not isinstance(tokens, Tensor) or tokens.dtype is not torch.int64 or tokens.shape != (_ROWS,):
        return None
    found: list[int] = tokens.unique().tolist()
    return found


def _nucleus(keep: Callable[[Tensor, float], Tensor], descending: bool = True) -> Callable[[Filtered], Tensor]:
    """A variant that says in a way of its own which of the sorted logits (B, V) stay; they go back to their places."""

    def answer(case: Filtered) -> Tensor:
        ordered, indices = case.logits.sort(dim=-1, descending=descending)
        filtered = ordered.masked_fill(~keep(ordered, case.option), -math.inf)
        return torch.empty_like(filtered).scatter(-1, indices, filtered).float()

    return answer


def _mass_before(probabilities: Tensor) -> Tensor:
    return probabilities.cumsum(dim=-1) - probabilities


def _without_boundary(ordered: Tensor, p: float) -> Tensor:
    kept = ordered.softmax(-1).cumsum(-1) <= p
    kept[..., 0] = True
    return kept


def _mask_not_moved_back(case: Filtered) -> Tensor:
    sizes = oracle.top_p(case.logits, case.option).isfinite().sum(-1, keepdim=True)
    return case.logits.masked_fill(torch.arange(case.logits.shape[-1]) >= sizes, -math.inf).float()


def _filled_with_zero(case: Filtered) -> Tensor:
    kept = oracle.top_k(case.logits, int(case.option))
    return kept.masked_fill(kept.isinf(), 0).float()


def _everything(case: Drawn) -> list[int]:
    return case.support(1.0)


def _best(case: Drawn) -> list[int]:
    return [int(case.logits.argmax())]


_MULTIPLIES = Misconception(
    "multiplies_by_tau",
    "You multiply the logits by the temperature. The formula is softmax(logits / τ): a high τ makes the choice more even.",
    "Try a temperature of 100 by hand and see whether your distribution becomes flat or sharp.",
)

BANK = Bank(
    "samplers",
    (
        Probe(
            _ask_temperature,
            {
                _MULTIPLIES: lambda case: (case.logits * case.option).float(),
                Misconception(
                    "divides_probabilities",
                    "You divide probabilities by the temperature. The formula is softmax(logits / τ): "
                    "the logits are divided, before the softmax.",
                    "Compare the order of the softmax and the temperature in your code with the formula.",
                ): lambda case: (case.logits.softmax(-1) / case.option).float(),
            },
        ),
        Probe(
            _ask_top_k,
            {
                Misconception(
                    "fills_with_zero",
                    "Your top-k sets the logits that it leaves out to 0, and exp(0) = 1 makes them likely again. "
                    "They become −∞.",
                    "Take the softmax of what your filter returns and look at the tokens that should be gone.",
                ): _filled_with_zero,
            },
        ),
        Probe(
            _ask_top_p,
            {
                Misconception(
                    "drops_the_boundary_token",
                    "Your top-p drops the token with which the sum of probabilities reaches p. "
                    "The nucleus is the fewest tokens whose sum is at least p, so that token belongs to it.",
                    "Add up the probabilities that your filter keeps and compare their sum with p.",
                ): _nucleus(_without_boundary),
                Misconception(
                    "sums_logits",
                    "Your top-p adds up logits and compares their sum with p. "
                    "The sum is one of probabilities, softmax(logits).",
                    "Print the sums that your code compares with p; the last one must be 1.",
                ): _nucleus(lambda ordered, p: _mass_before(ordered) < p),
                Misconception(
                    "sorts_ascending",
                    "Your top-p collects tokens from the least probable one on. The nucleus is made of the most probable ones.",
                    "Print the sorted probabilities and look at which end the sum begins.",
                ): _nucleus(lambda ordered, p: _mass_before(ordered.softmax(-1)) < p, descending=False),
                Misconception(
                    "mask_not_moved_back",
                    "Your top-p applies the mask of the sorted logits to the unsorted ones, so that it removes wrong tokens. "
                    "The mask must go back to the order of the ids.",
                    "Take logits whose largest one stands last and follow it through your code by its id.",
                ): _mask_not_moved_back,
            },
        ),
        Probe(
            _ask_sample,
            {
                Misconception(
                    "always_the_likeliest",
                    "You always take the token with the largest logit. "
                    "sample draws one, each with its probability after the filters.",
                    "Call your function many times with the same logits and count what comes.",
                ): lambda case: [_best(case)] * 3,
                Misconception(
                    "ignores_tau",
                    "Your draw does not depend on the temperature. It is made from softmax(logits / τ).",
                    "Follow the argument tau through your function to the place where it is used.",
                ): lambda case: [case.support(1.0, _P), _everything(case), _everything(case)],
                _MULTIPLIES: lambda case: [case.support(1 / _FLAT, _P), _everything(case), _everything(case)],
                Misconception(
                    "nucleus_before_temperature",
                    "You take the nucleus of softmax(logits), before the temperature. "
                    "The order is temperature, top-k, top-p: the nucleus is that of softmax(logits / τ).",
                    "Write down which distribution each of your steps gets, the top-p filter above all.",
                ): lambda case: [case.support(1.0, _P), _best(case), _everything(case)],
            },
            cases=4,
        ),
    ),
)
