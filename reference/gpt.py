"""A decoder-only language model.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2), section 2.3; tied
embeddings: Press and Wolf 2017, "Using the Output Embedding to Improve Language Models".
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .block import Block

IGNORED = -100


@dataclass(frozen=True)
class GPTConfig:
    """The sizes of a `GPT`.

    Args:
        vocab_size: V, number of token ids.
        block_size: largest number of tokens in a sequence.
        n_layers: number of blocks.
        n_heads: number of heads in each block.
        d_model: width of the tokens, a multiple of `n_heads`.
        d_hidden: inner width of the MLPs; None means 4 · d_model.
        dropout: probability, applied in train mode to the embedded tokens and inside the blocks.
        tied: whether `head` and `token_embedding` share one weight.
    """

    vocab_size: int
    block_size: int
    n_layers: int
    n_heads: int
    d_model: int
    d_hidden: int | None = None
    dropout: float = 0.0
    tied: bool = False


class GPT(nn.Module):
    """Embed tokens and positions, apply the blocks, normalise, and score every possible next token.

    Args:
        config: the sizes.

    Raises:
        ValueError: `config.d_model` is not a multiple of `config.n_heads`.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        d_hidden = 4 * config.d_model if config.d_hidden is None else config.d_hidden
        self.block_size = config.block_size
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = nn.Embedding(config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            Block(config.d_model, config.n_heads, d_hidden, config.dropout) for _ in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(config.d_model, eps=1e-5)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied:
            self.head.weight = self.token_embedding.weight

    def forward(self, ids: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Predict the next token at every position.

        Args:
            ids: (B, T) int64 token ids, T at most `block_size`.
            targets: (B, T) int64; targets[b, t] is the id that follows ids[b, t], so the caller has shifted them. Those
                of −100 are ignored. If all are, the loss has no defined value.

        Returns:
            logits (B, T, V) and the loss: the mean cross-entropy over the targets that are not ignored, in nats, a
            scalar; None without targets.

        Raises:
            ValueError: T is larger than `block_size`.
        """
        # <solution> forward: check T; embeddings, dropout, blocks, norm, head; loss if asked for
        n_tokens = ids.shape[1]
        if n_tokens > self.block_size:
            raise ValueError(f"ids must have at most block_size={self.block_size} tokens, got T={n_tokens}")
        position = torch.arange(n_tokens, device=ids.device)  # (T,)
        x = self.dropout(self.token_embedding(ids) + self.position_embedding(position))  # (B, T, d_model)
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))  # (B, T, V)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        # </solution>
