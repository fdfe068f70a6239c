"""Expected values of the next-token loss."""

import torch
from torch import Tensor

from reference.loss import next_token_loss as reference_loss

from ..recorded import oracle

__all__ = ["loss_gradient", "next_token_loss"]


@oracle()
def next_token_loss(logits: Tensor, ids: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of −ln p over the supervised tokens, a scalar, float64."""
    return reference_loss(logits.double(), ids, mask)


@oracle()
def loss_gradient(logits: Tensor, ids: Tensor, mask: Tensor | None = None) -> Tensor:
    """The gradient of the loss with respect to the logits (B, T, V), float64."""
    leaf = logits.double().requires_grad_()
    return torch.autograd.grad(reference_loss(leaf, ids, mask), leaf)[0]
