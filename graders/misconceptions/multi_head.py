"""Misconceptions of self-attention modules with several heads."""

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from sandbox.part import mixed

from ..strategies import generator, head_weights, random_mask
from ..tasks import HeadSizes, MultiHead, MultiHeadModule
from ..verdict import CheckFailed, Misconception
from .bank import Asked, Bank, NoAnswer, Probe
from .self_attention import (
    FEATURES_INTERLEAVED,
    MASK_IGNORED,
    MASK_INVERTED,
    MERGED_WITHOUT_TRANSPOSE,
    OF_ONE_HEAD,
    PROJECTION_LEFT_OUT,
    RESIDUAL_INSIDE,
    ROLES,
    SOFTMAX_OVER_HEADS,
    WHOLE,
    Attending,
    features_interleaved,
    inner,
    inner_of,
    last,
    merged_without_transpose,
    side_by_side,
    softmax_over_heads,
)


def _built(multi_head: MultiHead, rng: random.Random) -> tuple[MultiHeadModule, HeadSizes, Tensor]:
    """A module of three heads with weights of its own, and x (B, T, d_model); axes pairwise distinct."""
    d_head, T = rng.choice([4, 6]), rng.choice([5, 7])
    sizes = HeadSizes(3 * d_head, 3, max_tokens=24)
    draws = generator(rng.getrandbits(32))
    module = multi_head.build(sizes)
    module.load(head_weights(sizes.d_model, draws))
    module.train(False)
    return module, sizes, torch.randn(2, T, sizes.d_model, generator=draws)


def _attending(module: MultiHeadModule, sizes: HeadSizes, x: Tensor, mask: Tensor | None = None) -> Attending:
    weights = module.loaded()
    if not weights.keys() >= ROLES:
        raise CheckFailed("The module's queries, keys and values are not its own, or could not be found.")
    return Attending(weights, sizes, x, mask)


def _ask(multi_head: MultiHead, rng: random.Random) -> Asked:
    """A causal module."""
    module, sizes, x = _built(multi_head, rng)
    case = _attending(module, sizes, x)
    return Asked(inner(module(x)), tuple(inner(each) for each in module.expected(x)), case)


def _ask_last(multi_head: MultiHead, rng: random.Random) -> Asked:
    """A causal module, whose last token sees all: no score is hidden, whatever a softmax over another axis makes of those."""
    module, sizes, x = _built(multi_head, rng)
    case = _attending(module, sizes, x)
    return Asked(last(module(x)), tuple(last(each) for each in module.expected(x)), case)


def _ask_masked(multi_head: MultiHead, rng: random.Random) -> Asked:
    """A module with a mask of its own, under which each token sees itself, not its right neighbour, and some others."""
    module, sizes, x = _built(multi_head, rng)
    B, T, _ = x.shape
    mask = random_mask((B, 1, T, T), generator(rng.getrandbits(32)))
    itself = torch.arange(T)
    mask[..., itself, itself] = True
    mask[..., itself, (itself + 1) % T] = False
    case = _attending(module, sizes, x, mask)
    return Asked(module(x, mask), tuple(module.expected(x, mask)), case)


def _causal_as_well(case: Attending) -> Tensor:
    T = case.x.shape[1]
    permit = case.permit & torch.ones(T, T, dtype=torch.bool).tril()
    return case.attended(case.softmax(case.scores() / case.sizes.width**0.5, permit))


def _always_causal(case: Attending) -> Tensor:
    return Attending(case.weights, case.sizes, case.x).attended(
        Attending(case.weights, case.sizes, case.x).right_weights()
    )


@dataclass(frozen=True)
class Joining:
    """A module whose heads are stand-ins (`sandbox/part.py`), in float64.

    Attributes:
        heads: (B, H, T, d_head), what the stand-ins give.
        weight, bias: of the projection.
        x: (B, T, d_model).
    """

    heads: Tensor
    weight: Tensor
    bias: Tensor
    x: Tensor

    def output(self, merged: Tensor) -> Tensor:
        """The heads' outputs, merged in some way, through the projection."""
        return torch.nn.functional.linear(merged, self.weight, self.bias)


def _ask_joining(multi_head: MultiHead, rng: random.Random) -> Asked:
    """A module of stand-ins; what it does is join and project their outputs."""
    module, sizes, x = _built(multi_head, rng)
    if module.loaded():
        raise CheckFailed("The module has no heads of their own in which others could stand.")
    weights = head_weights(sizes.d_model, generator(rng.getrandbits(32)))
    module.load(weights)
    values = weights["value.weight"].double().view(sizes.n_heads, sizes.width, sizes.d_model)
    heads = torch.stack([mixed(value.T, x.double(), residual=False) for value in values], dim=1)
    case = Joining(heads, weights["proj.weight"].double(), weights["proj.bias"].double(), x.double())
    return Asked(module(x), tuple(module.expected(x)), case)


def _joined(case: Joining) -> Tensor:
    merged = side_by_side(case.heads)
    if merged.shape != case.x.shape:
        raise NoAnswer
    return merged


GIVEN_MASK_IGNORED = Misconception(
    "given_mask_ignored",
    "The mask that is passed is never used: your attention stays causal. A given mask takes the place of the causal one.",
    "Follow the argument mask from the signature to the scores.",
)
GIVEN_MASK_AND_CAUSAL = Misconception(
    "given_mask_and_causal",
    "You apply the causal mask to a given one as well. A given mask stands alone: it may also show later tokens.",
    "Read again in which case the task asks for the causal mask.",
)

BANK = Bank(
    "multi_head",
    (
        Probe(_ask, inner_of(WHOLE)),
        Probe(_ask_last, {SOFTMAX_OVER_HEADS: softmax_over_heads}),
        Probe(
            _ask_masked,
            {
                MASK_INVERTED: OF_ONE_HEAD[MASK_INVERTED],
                MASK_IGNORED: OF_ONE_HEAD[MASK_IGNORED],
                GIVEN_MASK_IGNORED: _always_causal,
                GIVEN_MASK_AND_CAUSAL: _causal_as_well,
            },
            requires=frozenset({"mask_argument"}),
        ),
        Probe(
            _ask_joining,
            {
                MERGED_WITHOUT_TRANSPOSE: lambda case: case.output(merged_without_transpose(case.heads)),
                FEATURES_INTERLEAVED: lambda case: case.output(features_interleaved(case.heads)),
                PROJECTION_LEFT_OUT: _joined,
                RESIDUAL_INSIDE: lambda case: case.x + case.output(side_by_side(case.heads)),
            },
            requires=frozenset({"isolated"}),
        ),
    ),
)
