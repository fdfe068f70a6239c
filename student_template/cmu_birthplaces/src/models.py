"""The GPT language model: embeddings, a stack of pre-norm Transformer blocks, a linear head.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2), section 2.3, with the exact
GELU and an untied head.

Letters: B sequences, T tokens, V = vocab_size.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from attention import CausalSelfAttention
from torch import Tensor, nn

PAD_ID = 0


class GPTConfig:
    """The sizes and rates of a model.

    Args:
        vocab_size: V.
        block_size: the longest sequence.
        **kwargs: n_layer, n_head and n_embd; and what differs from the defaults below.
    """

    embd_pdrop: float = 0.1
    resid_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    rope: bool = False
    bottleneck_dim: int | None = None
    n_layer: int
    n_head: int
    n_embd: int

    def __init__(self, vocab_size: int, block_size: int, **kwargs: Any) -> None:
        self.vocab_size = vocab_size
        self.block_size = block_size
        for name, value in kwargs.items():
            setattr(self, name, value)


class Block(nn.Module):
    """One Transformer block, LayerNorm before attention and before the MLP.

    Args:
        config: see `CausalSelfAttention`.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(config.n_embd)
        self.ln2 = nn.LayerNorm(config.n_embd)
        self.attn = CausalSelfAttention(config)
        self.mlp = nn.Sequential(
            nn.Linear(config.n_embd, 4 * config.n_embd),
            nn.GELU(),
            nn.Linear(4 * config.n_embd, config.n_embd),
            nn.Dropout(config.resid_pdrop),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add what attention and the MLP find to x.

        Args:
            x: (B, T, n_embd) floating point.

        Returns:
            (B, T, n_embd), the dtype of `x`.
        """
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    """A causal language model. Learned position embeddings, or none where attention uses RoPE.

    Args:
        config: all of `GPTConfig`.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.block_size = config.block_size
        self.rope = config.rope
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd)
        if not config.rope:
            self.pos_emb = nn.Parameter(torch.zeros(1, config.block_size, config.n_embd))
        self.drop = nn.Dropout(config.embd_pdrop)
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.n_layer)))
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.apply(self._init_weights)

    @staticmethod
    def _init_weights(module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def get_block_size(self) -> int:
        """The longest sequence that the model takes."""
        return self.block_size

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Predict the next token at every position.

        Args:
            idx: (B, T) int64 token ids, T at most block_size.
            targets: (B, T) int64, the tokens to predict; where they are 0 (padding) they do not count.

        Returns:
            logits (B, T, V), and the mean cross-entropy in nats: () float, None without targets.
        """
        T = idx.shape[1]
        assert self.block_size >= T, f"a sequence of {T} tokens is longer than block_size, {self.block_size}"
        x = self.tok_emb(idx)  # (B, T, n_embd)
        if not self.rope:
            x = x + self.pos_emb[:, :T]
        x = self.blocks(self.drop(x))
        logits = self.head(self.ln_f(x))  # (B, T, V)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD_ID)
