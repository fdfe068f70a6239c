"""A Transformer block, pre-norm.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2), section 2.3; Xiong et al.
2020, "On Layer Normalization in the Transformer Architecture", table 1, right column.
"""

from torch import Tensor, nn

from .mlp import MLP
from .multi_head import MultiHeadAttention


class Block(nn.Module):
    """Causal self-attention, then an MLP; each reads a normalised copy of the residual stream and adds to it.

    Args:
        d_model: width of the tokens, a multiple of `n_heads`.
        n_heads: number of heads.
        d_hidden: inner width of the MLP.
        dropout: probability, applied in train mode as in `MultiHeadAttention` and `MLP`.

    Raises:
        ValueError: `d_model` is not a multiple of `n_heads`.
    """

    def __init__(self, d_model: int, n_heads: int, d_hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(d_model, eps=1e-5)
        self.attn = MultiHeadAttention(d_model, n_heads, dropout)
        self.norm2 = nn.LayerNorm(d_model, eps=1e-5)
        self.mlp = MLP(d_model, d_hidden, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens of each sequence exchange information, then transform each.

        Args:
            x: (B, T, d_model) floating point.

        Returns:
            (B, T, d_model), the dtype of `x`; `x` itself is not modified.
        """
        # <solution> forward: x + attn(norm1(x)), then the same with norm2 and mlp
        x = x + self.attn(self.norm1(x))  # (B, T, d_model); not in place, `x` is the caller's
        output: Tensor = x + self.mlp(self.norm2(x))  # (B, T, d_model)
        return output
        # </solution>
