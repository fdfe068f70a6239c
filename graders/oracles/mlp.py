"""Expected values of the position-wise feed-forward network."""

from collections.abc import Mapping

import torch
from torch import Tensor

from reference.mlp import MLP

from .modules import gradients, with_weights

__all__ = ["mlp", "mlp_gradients"]


@torch.no_grad()
def mlp(weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """down(GELU(up(x))) with the exact GELU, without dropout, float64, the shape of x.

    Args:
        weights: by role: up.weight (d_hidden, d_model), up.bias, down.weight, down.bias. A bias that is not there is 0.
        x: (…, d_model).
    """
    output: Tensor = _module(weights)(x.double())
    return output


def mlp_gradients(weights: Mapping[str, Tensor], x: Tensor, grad_output: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Gradients of Σ output · grad_output with respect to x, and by role those of the parameters, float64."""
    return gradients(_module(weights), x, grad_output)


def _module(weights: Mapping[str, Tensor]) -> MLP:
    d_hidden, d_model = weights["up.weight"].shape
    return with_weights(lambda: MLP(d_model, d_hidden), weights)
