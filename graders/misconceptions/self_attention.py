"""Wrong outputs of self-attention modules: what the usual mistakes make of the weights that a module holds.

The catalogue is that of real submissions. In the lecture from which many courses take their templates, the scores were
divided by the root of the tokens' width in place of the head's at first: that comes before all others.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..tasks import HeadSizes
from ..verdict import Misconception
from .bank import NoAnswer, same

ROLES = frozenset({"query.weight", "key.weight", "value.weight"})


@dataclass(frozen=True)
class Attending:
    """A causal self-attention module at work, in float64.

    Attributes:
        weights: by role, as in `graders.tasks`; the roles that the module lacks are not there.
        sizes: what the module was built with.
        x: (B, T, d_model).
        mask: True = may attend; None = causal.
    """

    weights: Mapping[str, Tensor]
    sizes: HeadSizes
    x: Tensor
    mask: Tensor | None = None

    @property
    def permit(self) -> Tensor:
        """True where a query may attend to a key, (…, T, T)."""
        T = self.x.shape[1]
        return torch.ones(T, T, dtype=torch.bool).tril() if self.mask is None else self.mask

    def linear(self, role: str, features: Tensor) -> Tensor:
        """Features through the linear layer of a role."""
        projected = features @ self.weights[f"{role}.weight"].double().mT
        bias = self.weights.get(f"{role}.bias")
        return projected if bias is None else projected + bias.double()

    def projected(self, role: str) -> Tensor:
        """The queries, keys or values of all heads side by side, (B, T, H · d_head)."""
        return self.linear(role, self.x.double())

    def heads(self, role: str) -> Tensor:
        """The queries, keys or values, (B, H, T, d_head)."""
        heads: Tensor = self.projected(role).unflatten(-1, (self.sizes.n_heads, -1))
        return heads.transpose(1, 2)

    def scores(self) -> Tensor:
        """The products of queries and keys, not yet scaled, (B, H, T, T)."""
        return self.heads("query") @ self.heads("key").mT

    def softmax(self, scores: Tensor, permit: Tensor | None = None, dim: int = -1) -> Tensor:
        """The weights: hidden scores are minus infinity."""
        return scores.masked_fill(~(self.permit if permit is None else permit), -math.inf).softmax(dim)

    def right_weights(self) -> Tensor:
        """The attention weights as they should be, (B, H, T, T)."""
        return self.softmax(self.scores() / math.sqrt(self.sizes.width))

    def output(self, merged: Tensor) -> Tensor:
        """What becomes of the heads' outputs, side by side: they are projected where there is a projection."""
        return self.linear("proj", merged) if "proj.weight" in self.weights else merged

    def attended(self, weights: Tensor) -> Tensor:
        """The output with given attention weights (B, H, T, T)."""
        return self.output(side_by_side(weights @ self.heads("value")))


Variant = Callable[[Attending], Tensor]


def side_by_side(heads: Tensor) -> Tensor:
    """(B, H, T, d_head) → (B, T, H · d_head)."""
    return heads.transpose(1, 2).flatten(2)


def features_interleaved(heads: Tensor) -> Tensor:
    """(B, H, T, d_head) → (B, T, d_head · H): the first feature of every head, then the second of every head."""
    return heads.permute(0, 2, 3, 1).flatten(2)


def merged_without_transpose(heads: Tensor) -> Tensor:
    """(B, H, T, d_head) → (B, T, H · d_head) as the numbers lie, head by head."""
    return heads.reshape(heads.shape[0], heads.shape[2], -1)


def _scaled(factor: Callable[[HeadSizes], float]) -> Variant:
    """The scores are multiplied by a number of their own."""
    return lambda case: case.attended(case.softmax(case.scores() * factor(case.sizes)))


def _weighed(to_weights: Callable[[Attending, Tensor], Tensor]) -> Variant:
    """The scores, rightly scaled, become weights in a way of their own."""
    return lambda case: case.attended(to_weights(case, case.scores() / math.sqrt(case.sizes.width)))


def _seen(permit: Callable[[Tensor], Tensor]) -> Variant:
    """Another mask takes the place of the right one."""
    return _weighed(lambda case, scores: case.softmax(scores, permit(case.permit)))


def _of_several(variant: Variant) -> Variant:
    """A mistake that a single head cannot make."""

    def answer(case: Attending) -> Tensor:
        if case.sizes.n_heads == 1:
            raise NoAnswer
        return variant(case)

    return answer


def _merged(merge: Callable[[Tensor], Tensor]) -> Variant:
    """The heads' outputs are merged in a way of their own."""
    return _of_several(lambda case: case.output(merge(case.right_weights() @ case.heads("value"))))


def _split(split: Callable[[Attending, Tensor], Tensor]) -> Variant:
    """Queries, keys and values are cut into heads in a way of their own."""

    def answer(case: Attending) -> Tensor:
        query, key, value = (split(case, case.projected(role)) for role in ("query", "key", "value"))
        weights = case.softmax(query @ key.mT / math.sqrt(case.sizes.width))
        return case.output(side_by_side(weights @ value))

    return _of_several(answer)


def _unprojected(case: Attending) -> Tensor:
    if "proj.weight" not in case.weights:
        raise NoAnswer
    return side_by_side(case.right_weights() @ case.heads("value"))


def _with_residual(case: Attending) -> Tensor:
    output = case.attended(case.right_weights())
    if output.shape != case.x.shape:
        raise NoAnswer
    return case.x.double() + output


ROOT_OF_D_MODEL = Misconception(
    "root_of_d_model",
    "Your scores are divided by the root of the width of x. The formula divides by √d_k, and d_k is the width of one "
    "head's queries and keys.",
    "Print the shape of one head's queries, and see which of its numbers should stand under the root.",
)
UNSCALED = Misconception(
    "unscaled",
    "Your scores are not scaled: the softmax gets QKᵀ itself. The formula divides it by √d_k.",
    "Compare your line with the formula once more: something stands under QKᵀ.",
)
DIVIDES_BY_D_K = Misconception(
    "divides_by_d_k",
    "Your scores are divided by d_k; the formula divides by √d_k.",
    "Look at the denominator under QKᵀ, and at which power of the keys' width stands there.",
)
MULTIPLIES_BY_ROOT = Misconception(
    "multiplies_by_root",
    "Your scores are multiplied by √d_k; the formula divides by it, so that wide heads do not get large scores.",
    "Do your scores grow or shrink with the width of the keys? Check the operator, or the sign of the exponent.",
)
ROOT_OF_N_HEADS = Misconception(
    "root_of_n_heads",
    "Your scores are divided by the root of the number of heads. The formula divides by √d_k, and d_k is the width of "
    "one head's queries and keys.",
    "Print the shape of the queries once they are cut into heads, and see which axis your number comes from.",
)
MASK_IGNORED = Misconception(
    "mask_ignored",
    "Nothing is hidden: every query attends to every key, whatever the mask says. A hidden key must get the weight 0.",
    "Print the scores right before the softmax, and look for those that can get no weight.",
)
FILLS_WITH_ZERO = Misconception(
    "fills_with_zero",
    "Hidden scores become 0, or a number very close to it. The softmax turns a score of 0 into e⁰ = 1, not into 0.",
    "Think of the score that must go into the softmax so that a weight of 0 comes out.",
)
MASKS_AFTER_SOFTMAX = Misconception(
    "masks_after_softmax",
    "You mask after the softmax: the weights of a query no longer sum to 1. The formula masks the scores before it.",
    "Add up one row of your weights, and think about the order of the mask and the softmax.",
)
SOFTMAX_OVER_QUERIES = Misconception(
    "softmax_over_queries",
    "Your softmax runs over the queries. It must run over the keys, so that the weights of each query sum to 1.",
    "The scores have one row per query and one column per key: sum your weights along each axis.",
)
MASK_INVERTED = Misconception(
    "mask_inverted",
    "Your mask works the wrong way round: it hides the keys that may be seen, and shows those that must be hidden.",
    "Follow the first query by hand: compare the keys that it may see with the scores that your code overwrites.",
)
SEES_NEXT_TOKEN = Misconception(
    "sees_next_token",
    "Your mask is one diagonal too generous: each token also sees the next one. Token t may see 0 … t and no other.",
    "Print your mask for three tokens and read its first row.",
)
DOES_NOT_SEE_ITSELF = Misconception(
    "does_not_see_itself",
    "Your mask hides a token from itself. Token t may see the tokens 0 … t, and t is one of them.",
    "Print your mask for three tokens and look at its diagonal.",
)
SOFTMAX_OVER_HEADS = Misconception(
    "softmax_over_heads",
    "Your softmax runs over the heads. It must run over the keys, for each head on its own.",
    "Write down the shape of the scores, and which of its axes the softmax is told to use.",
)
MERGED_WITHOUT_TRANSPOSE = Misconception(
    "merged_without_transpose",
    "The heads' outputs (B, H, T, d_head) are reshaped to (B, T, d_model) with the head axis still before the tokens, "
    "which mixes tokens. Token t needs the outputs of all heads at t.",
    "A reshape keeps the numbers in their order: look at which axis lies next to d_head when you join the two.",
)
FEATURES_INTERLEAVED = Misconception(
    "features_interleaved",
    "The heads' features are interleaved: first feature 0 of every head, then feature 1. The heads belong side by side, "
    "all features of one before those of the next.",
    "Look at the order of the two axes that you join in the end, and at which of them varies fastest.",
)
SPLIT_WITHOUT_TRANSPOSE = Misconception(
    "split_without_transpose",
    "You view (B, T, d_model) as (B, H, T, d_head) at once, so each head gets a piece of the sequence. Each head needs "
    "all tokens, and its share of the features.",
    "A view keeps the numbers in their order: write down which of them your first head gets.",
)
EVERY_HTH_FEATURE = Misconception(
    "every_hth_feature",
    "You cut d_model into (d_head, H), so each head gets every H-th feature. A head's features are d_head neighbours: "
    "the axis is cut into (H, d_head).",
    "Number the features from 0 and write down which of them your first head gets.",
)
PROJECTION_LEFT_OUT = Misconception(
    "projection_left_out",
    "Your output is that of the heads, side by side. The formula multiplies it by the output projection W_O.",
    "Follow the tensor from the joined heads to your return statement, and look for a layer that is never called.",
)
RESIDUAL_INSIDE = Misconception(
    "residual_inside",
    "Your attention adds x to its output. The residual connection belongs to the block around it, which adds x once more.",
    "Compare your last line with the formula: not everything that it adds up belongs there.",
)
VALUE_FROM_KEYS = Misconception(
    "value_from_keys",
    "Your values come from the key projection W_K. They need a matrix of their own, W_V.",
    "Read the three lines that make queries, keys and values next to each other.",
)

# with one head or several
OF_ONE_HEAD: dict[Misconception, Variant] = {
    ROOT_OF_D_MODEL: _scaled(lambda sizes: sizes.d_model**-0.5),
    UNSCALED: _scaled(lambda sizes: 1.0),
    DIVIDES_BY_D_K: _scaled(lambda sizes: 1 / sizes.width),
    MULTIPLIES_BY_ROOT: _scaled(lambda sizes: math.sqrt(sizes.width)),
    MASK_IGNORED: _seen(torch.ones_like),
    FILLS_WITH_ZERO: _weighed(lambda case, scores: scores.masked_fill(~case.permit, 0.0).softmax(-1)),
    MASKS_AFTER_SOFTMAX: _weighed(lambda case, scores: scores.softmax(-1) * case.permit),
    SOFTMAX_OVER_QUERIES: _weighed(lambda case, scores: case.softmax(scores, dim=-2)),
    MASK_INVERTED: _seen(torch.logical_not),
}
# of causal masks
OF_THE_TRIANGLE: dict[Misconception, Variant] = {
    SEES_NEXT_TOKEN: _seen(lambda permit: torch.ones_like(permit).tril(1)),
    DOES_NOT_SEE_ITSELF: _seen(lambda permit: torch.ones_like(permit).tril(-1)),
}
OF_SEVERAL_HEADS: dict[Misconception, Variant] = {
    ROOT_OF_N_HEADS: _of_several(_scaled(lambda sizes: sizes.n_heads**-0.5)),
    MERGED_WITHOUT_TRANSPOSE: _merged(merged_without_transpose),
    FEATURES_INTERLEAVED: _merged(features_interleaved),
    SPLIT_WITHOUT_TRANSPOSE: _split(
        lambda case, features: features.reshape(len(features), case.sizes.n_heads, -1, case.sizes.width)
    ),
    EVERY_HTH_FEATURE: _split(
        lambda case, features: features.unflatten(-1, (-1, case.sizes.n_heads)).permute(0, 3, 1, 2)
    ),
    PROJECTION_LEFT_OUT: _unprojected,
    RESIDUAL_INSIDE: _with_residual,
    VALUE_FROM_KEYS: lambda case: case.output(side_by_side(case.right_weights() @ case.heads("key"))),
}
WHOLE = OF_ONE_HEAD | OF_THE_TRIANGLE | OF_SEVERAL_HEADS


def inner(output: Any) -> Any:
    """An output without its first and last token: how those come out where a wrong mask leaves them no key is open."""
    return output[:, 1:-1] if isinstance(output, Tensor) and output.dim() == 3 else output


def last(output: Any) -> Any:
    """The last token of a causal module: it sees all keys, so that no score of it is hidden."""
    return output[:, -1] if isinstance(output, Tensor) and output.dim() == 3 else output


@_of_several
def softmax_over_heads(case: Attending) -> Tensor:
    """What the last token gets if the softmax runs over the heads; for the others it depends on how scores are hidden."""
    weights = (case.scores() / math.sqrt(case.sizes.width)).softmax(1)  # (B, H, T, T), over H
    return case.attended(weights)[:, -1]


def inner_of(variants: Mapping[Misconception, Variant]) -> dict[Misconception, Variant]:
    """Variants that answer with the inner tokens only."""
    return {each: _inner_of(variant) for each, variant in variants.items()}


def _inner_of(variant: Variant) -> Variant:
    return lambda case: inner(variant(case))


def is_known_mistake(got: Any, case: Attending) -> bool:
    """Whether one of the mistakes gives just this output of a causal module.

    Args:
        got: the student's output, untrusted.
        case: the module with the weights that it is supposed to hold, and its input of three tokens or more.
    """
    if not case.weights.keys() >= ROLES or case.x.dim() != 3:
        return False
    found = any(_gives(variant, inner(got), case) for variant in inner_of(WHOLE).values())
    return found or _gives(softmax_over_heads, last(got), case)


def _gives(variant: Variant, got: Any, case: Attending) -> bool:
    try:
        return same(got, variant(case))
    except NoAnswer:
        return False
