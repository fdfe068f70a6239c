"""Misconceptions of the Transformer block."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sandbox.part import mixed

from ..module_checks import ready
from ..oracles import multi_head
from ..oracles.layer_norm import layer_norm
from ..oracles.mlp import mlp
from ..strategies import generator
from ..strategies.block import block_weights
from ..tasks import Block, BlockSizes
from ..verdict import Misconception
from .bank import Asked, Bank, NoAnswer, Probe, same


@dataclass(frozen=True)
class Parts:
    """What a block is made of, in float64.

    Attributes:
        x: the input (B, T, d_model).
        weights: by role, as they were to be loaded.
        n_heads: number of heads.
        known: whether the block holds what the weights say; otherwise stand-ins have its attention's and MLP's places
            (`parts.py`), and `attn.proj.weight` and the first rows of `mlp.up.weight` are theirs.
        right: what counts as right.
    """

    x: Tensor
    weights: Mapping[str, Tensor]
    n_heads: int
    known: bool
    right: list[Tensor]

    def attn(self, x: Tensor, *, causal: bool = True) -> Tensor:
        """The attention."""
        if not self.known:
            if not causal:
                raise NoAnswer("the stand-in for the attention is causal")
            return mixed(self.weights["attn.proj.weight"].double().T, x, residual=False)
        mask = None if causal else torch.ones(x.shape[1], x.shape[1], dtype=torch.bool)
        return multi_head(self._of("attn"), self.n_heads, x, mask)

    def mlp(self, x: Tensor) -> Tensor:
        """The MLP."""
        if not self.known:
            return mixed(self.weights["mlp.up.weight"].double()[: x.shape[-1]].T, x, residual=False)
        return mlp(self._of("mlp"), x)

    def norm1(self, x: Tensor) -> Tensor:
        """The norm of the attention."""
        return layer_norm(x, self.weights["norm1.weight"], self.weights["norm1.bias"])

    def norm2(self, x: Tensor) -> Tensor:
        """The norm of the MLP."""
        return layer_norm(x, self.weights["norm2.weight"], self.weights["norm2.bias"])

    def _of(self, part: str) -> dict[str, Tensor]:
        return {role.removeprefix(f"{part}."): tensor for role, tensor in self.weights.items() if role.startswith(part)}


def _ask(block: Block, rng: random.Random) -> Asked:
    """A block with random weights, in eval mode; B, T, n_heads, d_head and d_model are pairwise distinct."""
    noise = generator(rng.getrandbits(32))
    n_heads, d_head = rng.choice([(2, 4), (3, 2), (2, 3)])
    d_model, T = n_heads * d_head, 5
    sizes = BlockSizes(d_model, n_heads, 4 * d_model, max_tokens=24)
    x = torch.randn(1, T, d_model, generator=noise)
    weights = block_weights(d_model, 4 * d_model, noise)
    module = ready(block.build(sizes), weights)
    got, right = module(x), list(module.expected(x))
    return Asked(got, right, Parts(x.double(), weights, n_heads, bool(module.loaded()), right))


def _made(answer: Callable[[Parts], Tensor]) -> Callable[[Parts], Tensor]:
    """A variant, if the block is made of the parts that it is thought to be made of.

    In some homeworks students may leave a norm out, or write an MLP that has its own weights.
    """

    def checked(parts: Parts) -> Tensor:
        y = parts.x + parts.attn(parts.norm1(parts.x))
        if not any(same(y + parts.mlp(parts.norm2(y)), right) for right in parts.right):
            raise NoAnswer
        return answer(parts)

    return checked


def _post_norm(parts: Parts) -> Tensor:
    y = parts.norm1(parts.x + parts.attn(parts.x))
    return parts.norm2(y + parts.mlp(y))


def _norms_behind(parts: Parts) -> Tensor:
    y = parts.x + parts.norm1(parts.attn(parts.x))
    return y + parts.norm2(parts.mlp(y))


def _without_residuals(parts: Parts) -> Tensor:
    return parts.mlp(parts.norm2(parts.attn(parts.norm1(parts.x))))


def _without_first_residual(parts: Parts) -> Tensor:
    y = parts.attn(parts.norm1(parts.x))
    return y + parts.mlp(parts.norm2(y))


def _without_second_residual(parts: Parts) -> Tensor:
    return parts.mlp(parts.norm2(parts.x + parts.attn(parts.norm1(parts.x))))


def _added_to_the_normalised(parts: Parts) -> Tensor:
    x = parts.norm1(parts.x)
    y = parts.norm2(x + parts.attn(x))
    return y + parts.mlp(y)


def _first_added_to_the_normalised(parts: Parts) -> Tensor:
    x = parts.norm1(parts.x)
    y = x + parts.attn(x)
    return y + parts.mlp(parts.norm2(y))


def _parallel(parts: Parts) -> Tensor:
    return parts.x + parts.attn(parts.norm1(parts.x)) + parts.mlp(parts.norm2(parts.x))


def _first_norm_twice(parts: Parts) -> Tensor:
    y = parts.x + parts.attn(parts.norm1(parts.x))
    return y + parts.mlp(parts.norm1(y))


def _not_causal(parts: Parts) -> Tensor:
    y = parts.x + parts.attn(parts.norm1(parts.x), causal=False)
    return y + parts.mlp(parts.norm2(y))


_AFTER_THE_NORM = Misconception(
    "residual_after_the_norm",
    "You overwrite x by its normalised self and add to that; the formula adds to x as it was: x + attn(norm1(x)).",
    "Each norm is read by one sublayer only. See which of your lines use its result.",
)

BANK = Bank(
    "block",
    (
        Probe(
            _ask,
            {
                Misconception(
                    "post_norm",
                    "You normalise the sums, norm(x + attn(x)), as in the first Transformer; here the norm comes before the "
                    "sublayer: x + attn(norm1(x)).",
                    "Follow x along the residual path: nothing but additions may stand on it.",
                ): _made(_post_norm),
                Misconception(
                    "norms_the_sublayers_outputs",
                    "You normalise what attention and MLP return, x + norm1(attn(x)); here the norm comes before the sublayer: "
                    "x + attn(norm1(x)).",
                    "Look at what your attention reads, and at what the formula gives it to read.",
                ): _made(_norms_behind),
                Misconception(
                    "no_residuals",
                    "Nothing is added to what attention and MLP return; the block is y = x + attn(norm1(x)), then "
                    "y + mlp(norm2(y)).",
                    "If attention and MLP both returned 0, the block would have to return x.",
                ): _made(_without_residuals),
                Misconception(
                    "no_attention_residual",
                    "Your attention's output takes the place of x; the block adds the two: y = x + attn(norm1(x)).",
                    "If attention and MLP both returned 0, the block would have to return x.",
                ): _made(_without_first_residual),
                Misconception(
                    "no_mlp_residual",
                    "Your block returns the MLP's output alone; the formula adds what went in: y + mlp(norm2(y)).",
                    "If attention and MLP both returned 0, the block would have to return x.",
                ): _made(_without_second_residual),
                _AFTER_THE_NORM: _made(_added_to_the_normalised),
                Misconception(
                    "parallel_sublayers",
                    "Your MLP reads the block's input x; the formula gives it y = x + attn(norm1(x)), which holds what the "
                    "attention has found.",
                    "Attention and MLP follow each other. See which variable each of them reads.",
                ): _made(_parallel),
                Misconception(
                    "norm1_twice",
                    "You use norm1 before the attention and again before the MLP; the formula has a norm for each: "
                    "y + mlp(norm2(y)).",
                    "Count how often each of the block's modules is called in forward.",
                ): _made(_first_norm_twice),
                Misconception(
                    "not_causal",
                    "Your attention sees all tokens of the sequence; token t may attend to tokens 0 … t only.",
                    "Change the last token: the outputs of all earlier ones should stay as they are.",
                ): _made(_not_causal),
            },
        ),
        Probe(_ask, {_AFTER_THE_NORM: _made(_first_added_to_the_normalised)}),
    ),
)
