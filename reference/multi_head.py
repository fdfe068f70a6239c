"""Multi-head self-attention.

Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2; dropout as in GPT-2 (Radford et al. 2019).
"""

from torch import Tensor, nn

from .attention import attention
from .mask import causal_mask


class MultiHeadAttention(nn.Module):
    """Self-attention with `n_heads` heads, causal unless a mask is given.

    Args:
        d_model: width of the tokens, a multiple of `n_heads`.
        n_heads: number of heads; head h uses features h·d_head to (h+1)·d_head − 1 of each projection.
        dropout: probability, applied in train mode to the attention weights and to the projected output.

    Raises:
        ValueError: `d_model` is not a multiple of `n_heads`.
    """

    def __init__(self, d_model: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"d_model must be a multiple of n_heads, got d_model={d_model} and n_heads={n_heads}")
        self.n_heads = n_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.proj = nn.Linear(d_model, d_model)
        self.weight_dropout = nn.Dropout(dropout)
        self.output_dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mix the tokens of each sequence.

        Args:
            x: (B, T, d_model) floating point.
            mask: boolean, broadcastable to (B, n_heads, T, T); True = may attend. It replaces the causal mask.

        Returns:
            (B, T, d_model), the dtype of `x`.
        """
        # <solution> forward: project, split in heads, attend, drop out weights, merge heads, project
        B, T, d_model = x.shape
        if mask is None:
            mask = causal_mask(T).to(x.device)

        def split_heads(projected: Tensor) -> Tensor:
            return projected.view(B, T, self.n_heads, -1).transpose(1, 2)  # (B, n_heads, T, d_head)

        query, key, value = (split_heads(layer(x)) for layer in (self.query, self.key, self.value))
        _, weights = attention(query, key, value, mask)  # (B, n_heads, T, T)
        mixed = self.weight_dropout(weights) @ value  # (B, n_heads, T, d_head)
        merged = mixed.transpose(1, 2).reshape(B, T, d_model)  # heads side by side
        output: Tensor = self.output_dropout(self.proj(merged))
        return output
        # </solution>
