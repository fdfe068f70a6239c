"""Expected values of the samplers."""

import torch
from torch import Tensor

from reference import samplers as reference

from ..recorded import oracle

__all__ = ["distribution", "temperature", "top_k", "top_p"]


@oracle()
def temperature(logits: Tensor, tau: float) -> Tensor:
    """logits / tau, float64."""
    return reference.temperature(logits.double(), tau)


@oracle()
def top_k(logits: Tensor, k: int) -> Tensor:
    """All but the k largest of each row are −inf, float64."""
    return reference.top_k(logits.double(), k)


@oracle()
def top_p(logits: Tensor, p: float) -> Tensor:
    """All outside of the nucleus of each row are −inf, float64."""
    return reference.top_p(logits.double(), p)


@oracle()
def distribution(logits: Tensor, tau: float = 1.0, k: int | None = None, p: float | None = None) -> Tensor:
    """What `sample` draws from: the probabilities (…, V) after temperature, top-k and top-p, float64."""
    scores = temperature(logits, tau)
    if k is not None:
        scores = top_k(scores, k)
    if p is not None:
        scores = top_p(scores, p)
    return torch.softmax(scores, dim=-1)
