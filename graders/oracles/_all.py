"""Expected values: the reference, run in float64. The only file of the graders that imports the answer key."""

from collections.abc import Mapping

import torch
from torch import Tensor

from reference.attention import attention as reference_attention
from reference.mask import attention_mask, causal_mask
from reference.multi_head import MultiHeadAttention
from reference.rope import apply_rope

__all__ = [
    "attention",
    "attention_gradients",
    "attention_mask",
    "causal_mask",
    "multi_head",
    "multi_head_gradients",
    "rope",
    "rope_attention",
    "rope_cache",
]


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Output and weights of attention, float64."""
    return reference_attention(query.double(), key.double(), value.double(), mask)


def attention_gradients(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, grad_output: Tensor
) -> list[Tensor]:
    """Gradients of Σ output · grad_output with respect to query, key and value, float64."""
    query, key, value = (tensor.double().requires_grad_() for tensor in (query, key, value))
    output, _ = reference_attention(query, key, value, mask)
    return list(torch.autograd.grad((output * grad_output).sum(), [query, key, value]))


def _module(weights: Mapping[str, Tensor], n_heads: int) -> MultiHeadAttention:
    with torch.device("meta"):  # no initialisation: it would draw from the global random state
        module = MultiHeadAttention(weights["proj.bias"].shape[0], n_heads)
    module.load_state_dict({name: tensor.double() for name, tensor in weights.items()}, assign=True)
    return module.eval()


def multi_head(weights: Mapping[str, Tensor], n_heads: int, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Multi-head self-attention without dropout, float64, (B, T, d_model)."""
    with torch.no_grad():
        result: Tensor = _module(weights, n_heads)(x.double(), mask)
    return result


def multi_head_gradients(
    weights: Mapping[str, Tensor], n_heads: int, x: Tensor, grad_output: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Gradients of Σ output · grad_output with respect to x, and by role those of the parameters, float64."""
    module = _module(weights, n_heads)
    x = x.double().requires_grad_()
    names = [name for name, _ in module.named_parameters()]
    scalar = (module(x) * grad_output).sum()
    grads = torch.autograd.grad(scalar, [x, *module.parameters()])
    return grads[0], dict(zip(names, grads[1:], strict=True))


def rope_cache(dim: int, n_positions: int, base: float = 10000.0) -> Tensor:
    """Cosine and sine of t · base^(−2i/dim) in float64, (n_positions, dim/2, 2) [Su et al. 2021, equation 15]."""
    theta = base ** (-2 * torch.arange(dim // 2, dtype=torch.float64) / dim)
    angle = torch.arange(n_positions, dtype=torch.float64)[:, None] * theta
    return torch.stack((angle.cos(), angle.sin()), dim=-1)


def rope(x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Tensor:
    """x (…, T, dim) rotated, float64."""
    return apply_rope(x.double(), cache.double(), positions)


def rope_attention(weights: Mapping[str, Tensor], n_heads: int, x: Tensor) -> Tensor:
    """Causal multi-head self-attention with rotated queries and keys, float64, (B, T, d_model)."""
    B, T, d_model = x.shape
    w = {name: tensor.double() for name, tensor in weights.items()}

    def project(role: str) -> Tensor:
        projected = x.double() @ w[f"{role}.weight"].T + w[f"{role}.bias"]
        return projected.view(B, T, n_heads, -1).transpose(1, 2)  # (B, n_heads, T, d_head)

    cache = rope_cache(d_model // n_heads, T)
    query, key = rope(project("query"), cache), rope(project("key"), cache)
    output, _ = reference_attention(query, key, project("value"), causal_mask(T))
    merged = output.transpose(1, 2).reshape(B, T, d_model)
    return merged @ w["proj.weight"].T + w["proj.bias"]
