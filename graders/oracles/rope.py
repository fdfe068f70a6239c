"""Expected values of rotary position embedding, alone and inside attention."""

from collections.abc import Mapping

import torch
from torch import Tensor

from reference.attention import attention as reference_attention
from reference.mask import causal_mask
from reference.rope import apply_rope

from ..recorded import oracle

__all__ = ["rope", "rope_attention", "rope_cache"]


@oracle()
def rope_cache(dim: int, n_positions: int, base: float = 10000.0) -> Tensor:
    """Cosine and sine of t · base^(−2i/dim) in float64, (n_positions, dim/2, 2) [Su et al. 2021, equation 15]."""
    theta = base ** (-2 * torch.arange(dim // 2, dtype=torch.float64) / dim)
    angle = torch.arange(n_positions, dtype=torch.float64)[:, None] * theta
    return torch.stack((angle.cos(), angle.sin()), dim=-1)


@oracle()
def rope(x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Tensor:
    """x (…, T, dim) rotated, float64."""
    return apply_rope(x.double(), cache.double(), positions)


@oracle()
def rope_attention(weights: Mapping[str, Tensor], n_heads: int, x: Tensor) -> Tensor:
    """Causal multi-head self-attention with rotated queries and keys, float64, (B, T, d_model).

    A bias that is not among the weights is 0.
    """
    B, T, d_model = x.shape
    w = {name: tensor.double() for name, tensor in weights.items()}
    zero = torch.zeros((), dtype=torch.float64)

    def project(role: str) -> Tensor:
        projected = x.double() @ w[f"{role}.weight"].T + w.get(f"{role}.bias", zero)
        return projected.view(B, T, n_heads, -1).transpose(1, 2)  # (B, n_heads, T, d_head)

    cache = rope_cache(d_model // n_heads, T)
    query, key = rope(project("query"), cache), rope(project("key"), cache)
    output, _ = reference_attention(query, key, project("value"), causal_mask(T))
    merged = output.transpose(1, 2).reshape(B, T, d_model)
    return merged @ w["proj.weight"].T + w.get("proj.bias", zero)
