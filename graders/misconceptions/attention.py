"""Misconceptions of attention: as a function, and as a self-attention module with one head."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import oracles
from ..strategies import generator, head_weights
from ..tasks import Attention, HeadSizes, MultiHead
from ..verdict import CheckFailed, Misconception
from .bank import Asked, Bank, Probe
from .self_attention import (
    DIVIDES_BY_D_K,
    FILLS_WITH_ZERO,
    MASK_IGNORED,
    MASK_INVERTED,
    MASKS_AFTER_SOFTMAX,
    MULTIPLIES_BY_ROOT,
    OF_ONE_HEAD,
    ROLES,
    ROOT_OF_D_MODEL,
    SOFTMAX_OVER_HEADS,
    SOFTMAX_OVER_QUERIES,
    UNSCALED,
    Attending,
    inner,
    inner_of,
)


@dataclass(frozen=True)
class Inputs:
    """Arguments of attention in float64; the mask is boolean, True = may attend."""

    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor

    def softmax(self, scores: Tensor, dim: int = -1) -> Tensor:
        """The weights: hidden scores are minus infinity."""
        return scores.masked_fill(~self.mask, -math.inf).softmax(dim)


def _drawn(rng: random.Random) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Query (B, H, T, d), key (B, H, S, d), value (B, H, S, d_v) and mask (B, H, T, S); T ≠ S, d ≠ d_v.

    Along every axis of the mask each line shows something and hides something: a softmax over a wrong axis has no empty
    line, on which its result would depend on how it is written.
    """
    draws = generator(rng.getrandbits(32))
    B, H, T, S, d, d_v = 2, 3, rng.choice([4, 5]), rng.choice([6, 7]), rng.choice([8, 9]), rng.choice([10, 11])
    shapes = ((T, d), (S, d), (S, d_v))
    query, key, value = (torch.randn(B, H, *shape, generator=draws) for shape in shapes)
    # (B, H, T, S): 0 and 1 once along every three neighbours, whichever the axis
    diagonal = (torch.arange(B).view(B, 1, 1, 1) + torch.arange(H).view(H, 1, 1) + torch.arange(T)[:, None]
                + torch.arange(S)) % 3  # fmt: skip
    mask = torch.rand(B, H, T, S, generator=draws) < 0.5
    return query, key, value, (mask | (diagonal == 0)) & (diagonal != 1)


def _ask(attention: Attention, rng: random.Random) -> Asked:
    """Attention with a mask."""
    query, key, value, mask = _drawn(rng)
    inputs = Inputs(query.double(), key.double(), value.double(), mask)
    return Asked(list(attention(query, key, value, mask)), [list(oracles.attention(query, key, value, mask))], inputs)


def _ask_unmasked(attention: Attention, rng: random.Random) -> Asked:
    """Attention without a mask."""
    query, key, value, mask = _drawn(rng)
    inputs = Inputs(query.double(), key.double(), value.double(), torch.ones_like(mask))
    return Asked(list(attention(query, key, value)), [list(oracles.attention(query, key, value, None))], inputs)


def _ask_head(attention: MultiHead, rng: random.Random) -> Asked:
    """A causal self-attention module with one head."""
    d_head, T = rng.choice([4, 5]), rng.choice([6, 7])
    sizes = HeadSizes(9, 1, max_tokens=24, d_head=d_head)
    draws = generator(rng.getrandbits(32))
    module = attention.build(sizes)
    module.load(head_weights(sizes.d_model, draws, sizes.width))
    module.train(False)
    x = torch.randn(2, T, sizes.d_model, generator=draws)
    if not module.loaded().keys() >= ROLES:
        raise CheckFailed("The module's queries, keys and values could not be found.")
    case = Attending(module.loaded(), sizes, x)
    return Asked(inner(module(x)), tuple(inner(each) for each in module.expected(x)), case)


Variant = Callable[[Inputs], list[Tensor]]


def _with(to_weights: Callable[[Inputs, Tensor], Tensor]) -> Variant:
    """A variant that makes weights (B, H, T, S) of the unscaled scores in a way of its own."""

    def answer(inputs: Inputs) -> list[Tensor]:
        weights = to_weights(inputs, inputs.query @ inputs.key.mT)
        return [weights @ inputs.value, weights]

    return answer


def _scaled(to_weights: Callable[[Inputs, Tensor], Tensor]) -> Variant:
    """The same of the rightly scaled scores."""
    return _with(lambda inputs, scores: to_weights(inputs, scores / math.sqrt(inputs.query.shape[-1])))


def _weighed_keys(inputs: Inputs) -> list[Tensor]:
    weights = inputs.softmax(inputs.query @ inputs.key.mT / math.sqrt(inputs.query.shape[-1]))
    return [weights @ inputs.key, weights]


ROOT_OF_ANOTHER_SIZE = Misconception(
    "root_of_another_size",
    "Your scores are divided by the root of another size, such as the number of tokens or the width of x. The formula "
    "divides by √d_k, and d_k is the width of the queries and keys.",
    "Print the number under your root and the shape of the queries, and see which axis it comes from.",
)
MASK_IS_ADDED = Misconception(
    "mask_is_added",
    "You add the boolean mask to the scores, so that keys that may be seen gain 1. Hidden keys must get the weight 0.",
    "Think of what True and False become when they are added to a number, and what the softmax makes of it.",
)
WEIGHTS_TIMES_KEYS = Misconception(
    "weights_times_keys",
    "Your output is the weights times the keys. The formula multiplies them by V, the values.",
    "Look for the one of your three inputs that has no part in your output.",
)
CAUSAL_WITHOUT_MASK = Misconception(
    "causal_without_mask",
    "Without a mask your attention hides later keys. No mask means that every query may attend to every key.",
    "Look at what your code does when the mask is None.",
)

_OF_MODULES = {ROOT_OF_ANOTHER_SIZE if each is ROOT_OF_D_MODEL else each: OF_ONE_HEAD[each] for each in OF_ONE_HEAD}

BANK = Bank(
    "attention",
    (
        Probe(
            _ask,
            {
                DIVIDES_BY_D_K: _with(lambda inputs, scores: inputs.softmax(scores / inputs.query.shape[-1])),
                UNSCALED: _with(lambda inputs, scores: inputs.softmax(scores)),
                MULTIPLIES_BY_ROOT: _with(
                    lambda inputs, scores: inputs.softmax(scores * math.sqrt(inputs.query.shape[-1]))
                ),
                ROOT_OF_ANOTHER_SIZE: _with(
                    lambda inputs, scores: inputs.softmax(scores / math.sqrt(inputs.query.shape[-2]))
                ),
                SOFTMAX_OVER_QUERIES: _scaled(lambda inputs, scores: inputs.softmax(scores, dim=-2)),
                SOFTMAX_OVER_HEADS: _scaled(lambda inputs, scores: inputs.softmax(scores, dim=1)),
                MASK_INVERTED: _scaled(lambda inputs, scores: scores.masked_fill(inputs.mask, -math.inf).softmax(-1)),
                MASK_IGNORED: _scaled(lambda inputs, scores: scores.softmax(-1)),
                FILLS_WITH_ZERO: _scaled(lambda inputs, scores: scores.masked_fill(~inputs.mask, 0.0).softmax(-1)),
                MASKS_AFTER_SOFTMAX: _scaled(lambda inputs, scores: scores.softmax(-1) * inputs.mask),
                MASK_IS_ADDED: _scaled(lambda inputs, scores: (scores + inputs.mask.double()).softmax(-1)),
                WEIGHTS_TIMES_KEYS: _weighed_keys,
            },
            requires=frozenset({"function"}),
        ),
        Probe(
            _ask_unmasked,
            {
                CAUSAL_WITHOUT_MASK: _scaled(
                    lambda inputs, scores: scores.masked_fill(~inputs.mask.tril(), -math.inf).softmax(-1)
                )
            },
            requires=frozenset({"function"}),
        ),
        Probe(_ask_head, inner_of(_OF_MODULES), requires=frozenset({"module"})),
    ),
)
