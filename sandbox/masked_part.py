"""Stand in for parts of a student's Transformer that take an attention mask and return attention weights.

Where such a part is graded in another question and does not run, or gives NaN, one of these takes its class's place, so that
the mistake costs once. They obey their mask, but do not compute what the homework asks for. The judge computes the same.
"""

from typing import Any

import torch
from torch import Tensor, nn


def attend(weight: Tensor, x: Tensor, mask: Tensor | None, residual: bool) -> tuple[Tensor, Tensor]:
    """Average the features of the tokens that each token may see; those with a larger sum of features count more.

    Args:
        weight: (into, out); the features are x @ weight.
        x: (B, T, into), any floating dtype, that of the results.
        mask: (T, T), (B, T, T) or (B, 1, T, T); 0 or False = not seen. None = all are seen.
        residual: whether x is added, as in a layer.

    Returns:
        The output (B, T, out) and the weights (B, T, T).
    """
    B, T, _ = x.shape
    features = x @ weight.to(x.dtype)  # (B, T, out)
    seen = torch.ones(T, T) if mask is None else mask[:, 0] if mask.dim() == 4 else mask
    weights = (seen != 0) * features.sum(-1).tanh().exp()[:, None]  # (B, T, T), by the keys alone
    weights = (weights / weights.sum(-1, keepdim=True)).expand(B, T, T)
    output = weights @ features  # (B, T, out)
    return (x + output if residual else output), weights


class _MaskedPart(nn.Module):
    """What the parts below have in common: one parameter, and calls with x and a mask, by position or by name."""

    residual = True

    def __init__(self, into: int, out: int, *axes: int) -> None:
        super().__init__()
        self.axes = axes  # that the weights get behind the batch's
        self.weight = nn.Parameter(torch.randn(into, out) / into**0.5)

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Return the output and the weights, (B, T, T) with more axes in their middle."""
        given = [*args, *(kwargs[name] for name in ("x", "attn_mask", "mask") if name in kwargs)]
        output, weights = attend(self.weight, given[0], given[1] if len(given) > 1 else None, self.residual)
        B, T, _ = weights.shape
        return output, weights.view(B, *(1 for _ in self.axes), T, T).expand(B, *self.axes, T, T)


class Head(_MaskedPart):
    """In the place of an attention head."""

    residual = False

    def __init__(self, dim: int, n_hidden: int) -> None:
        super().__init__(dim, n_hidden)


class Layer(_MaskedPart):
    """In the place of a layer of attention and a feed-forward network."""

    def __init__(self, dim: int, attn_dim: int, mlp_dim: int, num_heads: int) -> None:
        super().__init__(dim, dim, num_heads)


class Layers(_MaskedPart):
    """In the place of a stack of layers."""

    def __init__(self, dim: int, attn_dim: int, mlp_dim: int, num_heads: int, num_layers: int) -> None:
        super().__init__(dim, dim, num_layers, num_heads)


MASKED_PARTS: dict[str, type[nn.Module]] = {"head": Head, "layer": Layer, "layers": Layers}
