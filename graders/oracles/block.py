"""Expected values of a pre-norm Transformer block."""

from collections.abc import Mapping

import torch
from torch import Tensor

from reference.block import Block

from ..recorded import oracle
from .modules import gradients, with_weights

__all__ = ["block", "block_gradients"]


@oracle()
@torch.no_grad()
def block(weights: Mapping[str, Tensor], n_heads: int, x: Tensor) -> Tensor:
    """y = x + attn(norm1(x)), then y + mlp(norm2(y)), causal and without dropout, float64, (B, T, d_model).

    Args:
        weights: by role, as in `graders.tasks.Block`. A bias that is not there is 0.
        n_heads: number of heads.
        x: (B, T, d_model).
    """
    output: Tensor = _module(weights, n_heads)(x.double())
    return output


@oracle()
def block_gradients(
    weights: Mapping[str, Tensor], n_heads: int, x: Tensor, grad_output: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Gradients of Σ output · grad_output with respect to x, and by role those of the parameters, float64."""
    return gradients(_module(weights, n_heads), x, grad_output)


def _module(weights: Mapping[str, Tensor], n_heads: int) -> Block:
    d_hidden, d_model = weights["mlp.up.weight"].shape
    return with_weights(Block, (d_model, n_heads, d_hidden), weights)
