"""Expected values of patch embedding."""

from collections.abc import Mapping

import torch
from torch import Tensor

from reference.patch_embedding import PatchEmbedding

from ..recorded import oracle
from .modules import gradients, with_weights

__all__ = ["patch_embedding", "patch_embedding_gradients"]


@oracle()
@torch.no_grad()
def patch_embedding(weights: Mapping[str, Tensor], patch_size: int, x: Tensor) -> Tensor:
    """One token for each patch, row by row, float64, (B, n_patches, d_model).

    Args:
        weights: proj.weight (d_model, C · patch_size²), which reads a patch channel by channel, and proj.bias; 0 if absent.
        patch_size: side of a patch.
        x: (B, C, height, width).
    """
    output: Tensor = _module(weights, patch_size, x)(x.double())
    return output


@oracle()
def patch_embedding_gradients(
    weights: Mapping[str, Tensor], patch_size: int, x: Tensor, grad_output: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Gradients of Σ output · grad_output with respect to x, and by role those of the parameters, float64."""
    return gradients(_module(weights, patch_size, x), x, grad_output)


def _module(weights: Mapping[str, Tensor], patch_size: int, x: Tensor) -> PatchEmbedding:
    _, n_channels, height, width = x.shape
    d_model = weights["proj.weight"].shape[0]
    return with_weights(PatchEmbedding, ((height, width), patch_size, n_channels, d_model), weights)
