"""Names the mistake in a self-attention module: a wrong output that one of the usual mistakes explains to the last digit.

The catalogue is that of real submissions. In the lecture from which many courses take their templates, the scores were
divided by the root of the tokens' width in place of the head's at first: that comes before all others.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from .compare import assert_agrees
from .tasks import HeadSizes
from .verdict import CheckFailed

ATOL = 1e-4
Change = Callable[[Tensor], Tensor]


def mistake_in(got: Any, weights: Mapping[str, Tensor], sizes: HeadSizes, x: Tensor, mask: Tensor | None = None) -> str:
    """The mistake that gives just this output, as a sentence; empty if none of the known ones does.

    Args:
        got: the student's output, untrusted.
        weights: by role, as in `graders.tasks`; the roles that the module lacks are not there.
        sizes: what the module was built with.
        x: (B, T, d_model).
        mask: True = may attend; None = causal.
    """
    if not {"query.weight", "key.weight", "value.weight"} <= weights.keys() or x.dim() != 3:
        return ""
    for sentence, output in _wrong_outputs(weights, sizes, x, mask):
        try:
            assert_agrees(got, output, atol=ATOL, rtol=ATOL)
        except CheckFailed:
            continue
        return f"Exactly these values come out if {sentence}."
    return ""


def _wrong_outputs(
    weights: Mapping[str, Tensor], sizes: HeadSizes, x: Tensor, mask: Tensor | None
) -> Iterator[tuple[str, Tensor]]:
    n_heads, width, d_model, T = sizes.n_heads, sizes.width, sizes.d_model, x.shape[1]
    permit = torch.ones(T, T, dtype=torch.bool).tril() if mask is None else mask
    root = math.sqrt(width)

    def with_scale(scale: float) -> Tensor:
        return _output(weights, n_heads, x, lambda scores: _masked(scores / scale, permit).softmax(-1))

    by = f"in place of √{width}, the root of a head's width"
    yield f"the scores are divided by √{d_model}, the root of the width of x, {by}", with_scale(math.sqrt(d_model))
    yield f"the scores are not divided by √{width}", with_scale(1.0)
    yield f"the scores are divided by {width} {by}", with_scale(width)
    yield f"the scores are multiplied by √{width} and not divided", with_scale(1 / root)
    if n_heads > 1:
        yield f"the scores are divided by √{n_heads}, the root of the number of heads, {by}", with_scale(n_heads**0.5)
    if not permit.all():
        everything = _output(weights, n_heads, x, lambda scores: (scores / root).softmax(-1))
        yield "no token is hidden: the mask has no effect", everything
        zeros = _output(weights, n_heads, x, lambda scores: (scores / root).masked_fill(~permit, 0.0).softmax(-1))
        yield "the scores of hidden tokens are 0 in place of minus infinity", zeros
        late = _output(weights, n_heads, x, lambda scores: (scores / root).softmax(-1) * permit)
        yield "the mask is applied after the softmax", late
    over_queries = _output(weights, n_heads, x, lambda scores: _masked(scores / root, permit).softmax(-2).nan_to_num())
    yield "the softmax runs over the queries in place of the keys", over_queries
    if n_heads > 1:
        unmoved = _output(
            weights,
            n_heads,
            x,
            lambda scores: _masked(scores / root, permit).softmax(-1),
            lambda y: y.reshape(x.shape[0], T, -1),
        )
        yield "the heads are put side by side before their axis is moved back behind the tokens", unmoved
    if "proj.weight" in weights:
        unprojected = {role: tensor for role, tensor in weights.items() if not role.startswith("proj")}
        plain = _output(unprojected, n_heads, x, lambda scores: _masked(scores / root, permit).softmax(-1))
        yield "the projection is left out", plain


def _masked(scores: Tensor, permit: Tensor) -> Tensor:
    return scores.masked_fill(~permit, -math.inf)


def _output(
    weights: Mapping[str, Tensor],
    n_heads: int,
    x: Tensor,
    to_weights: Change,
    merge: Change = lambda heads: heads.transpose(1, 2).flatten(2),
) -> Tensor:
    """Self-attention in float64 whose scores (B, H, T, T) become weights in a way of their own."""
    w = {role: tensor.double() for role, tensor in weights.items()}

    def linear(role: str, features: Tensor) -> Tensor:
        return torch.nn.functional.linear(features, w[f"{role}.weight"], w.get(f"{role}.bias"))

    def heads(role: str) -> Tensor:
        return linear(role, x.double()).view(*x.shape[:2], n_heads, -1).transpose(1, 2)  # (B, H, T, d_head)

    merged = merge(to_weights(heads("query") @ heads("key").mT) @ heads("value"))  # (B, T, H · d_head)
    return linear("proj", merged) if "proj.weight" in w else merged
