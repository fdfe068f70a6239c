"""Expected values of attention, masks and self-attention modules."""

from collections.abc import Mapping

import torch
from torch import Tensor

from reference.attention import attention as reference_attention
from reference.mask import attention_mask as reference_attention_mask
from reference.mask import causal_mask as reference_causal_mask

from ..recorded import oracle
from .others import other_biases

__all__ = [
    "attention",
    "attention_gradients",
    "attention_mask",
    "attention_weights",
    "causal_mask",
    "multi_head",
    "multi_head_gradients",
]


@oracle()
def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Output and weights of attention, float64."""
    return reference_attention(query.double(), key.double(), value.double(), mask)


@oracle()
def causal_mask(n_tokens: int) -> Tensor:
    """True where a query (row) may attend to a key (column), (n_tokens, n_tokens)."""
    return reference_causal_mask(n_tokens)


@oracle()
def attention_mask(ids: Tensor, pad_id: int) -> Tensor:
    """Causal, and padding is never attended to, (B, 1, T, T)."""
    return reference_attention_mask(ids, pad_id)


@oracle()
def attention_gradients(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, grad_output: Tensor
) -> list[Tensor]:
    """Gradients of Σ output · grad_output with respect to query, key and value, float64."""
    query, key, value = (tensor.double().requires_grad_() for tensor in (query, key, value))
    output, _ = reference_attention(query, key, value, mask)
    return list(torch.autograd.grad((output * grad_output).sum(), [query, key, value]))


@oracle(also=other_biases)
def multi_head(weights: Mapping[str, Tensor], n_heads: int, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Multi-head self-attention without dropout, float64, (B, T, d_model).

    Args:
        weights: by role: query.weight (n_heads · d_head, d_in), query.bias, key.…, value.…, proj.…. A bias that is not
            there is 0; without proj the output is that of the heads, side by side.
        n_heads: number of heads.
        x: (B, T, d_in).
        mask: True = may attend, broadcastable to (B, n_heads, T, T); causal when it is None.
    """
    return _attend({name: tensor.double() for name, tensor in weights.items()}, n_heads, x.double(), mask)[0]


@oracle(also=other_biases)
def attention_weights(weights: Mapping[str, Tensor], n_heads: int, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The attention weights of the same module, float64, (B, n_heads, T, T)."""
    return _attend({name: tensor.double() for name, tensor in weights.items()}, n_heads, x.double(), mask)[1]


@oracle(also=other_biases)
def multi_head_gradients(
    weights: Mapping[str, Tensor], n_heads: int, x: Tensor, grad_output: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Gradients of Σ output · grad_output with respect to x, and by role those of the parameters, float64."""
    leaves = {name: tensor.double().requires_grad_() for name, tensor in weights.items()}
    x = x.double().requires_grad_()
    scalar = (_attend(leaves, n_heads, x, mask)[0] * grad_output).sum()
    grads = torch.autograd.grad(scalar, [x, *leaves.values()])
    return grads[0], dict(zip(leaves, grads[1:], strict=True))


def _attend(weights: Mapping[str, Tensor], n_heads: int, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    B, T, _ = x.shape

    def linear(role: str, features: Tensor) -> Tensor:
        return torch.nn.functional.linear(features, weights[f"{role}.weight"], weights.get(f"{role}.bias"))

    def heads(role: str) -> Tensor:
        return linear(role, x).view(B, T, n_heads, -1).transpose(1, 2)  # (B, n_heads, T, d_head)

    allowed = causal_mask(T) if mask is None else mask
    output, probabilities = reference_attention(heads("query"), heads("key"), heads("value"), allowed)
    merged = output.transpose(1, 2).reshape(B, T, -1)  # heads side by side
    return linear("proj", merged) if "proj.weight" in weights else merged, probabilities
