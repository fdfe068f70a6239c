"""Too many tokens raise a kind of ValueError of one's own; the mask is a buffer of block_size that is cut to the input."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


class TextTooLong(ValueError):
    def __init__(self, n_tokens, block_size):
        super().__init__(f"the text has {n_tokens} tokens, the model reads {block_size} at most")


@dataclass
class GPTConfig:
    vocab_size: int
    block_size: int
    n_layers: int
    n_heads: int
    d_model: int
    d_hidden: int = None
    dropout: float = 0.0
    tied: bool = False

    @property
    def width(self):
        return 4 * self.d_model if self.d_hidden is None else self.d_hidden


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        C = config.d_model
        self.n_heads, self.p = config.n_heads, config.dropout
        self.query, self.key, self.value, self.proj = (nn.Linear(C, C) for _ in range(4))
        mask = torch.tril(torch.ones(config.block_size, config.block_size))
        self.register_buffer("mask", mask.view(1, 1, *mask.shape), persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        shape = (B, T, self.n_heads, C // self.n_heads)
        q, k, v = (layer(x).view(shape).transpose(1, 2) for layer in (self.query, self.key, self.value))
        att = (q @ k.transpose(-2, -1)) * (1.0 / k.size(-1) ** 0.5)
        att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        att = F.dropout(F.softmax(att, dim=-1), self.p, self.training)
        y = (att @ v).transpose(1, 2).contiguous().view(B, T, C)
        return F.dropout(self.proj(y), self.p, self.training)


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up = nn.Linear(config.d_model, config.width)
        self.down = nn.Linear(config.width, config.d_model)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x):
        return self.dropout(self.down(F.gelu(self.up(x))))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.d_model)
        self.attn = Attention(config)
        self.norm2 = nn.LayerNorm(config.d_model)
        self.mlp = MLP(config)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = nn.Embedding(config.block_size, config.d_model)
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied:
            self.token_embedding.weight = self.head.weight

    def forward(self, ids, targets=None):
        if ids.size(1) > self.config.block_size:
            raise TextTooLong(ids.size(1), self.config.block_size)
        x = self.drop(self.token_embedding(ids) + self.position_embedding.weight[: ids.size(1)])
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.transpose(1, 2), targets)  # what is -100 is ignored by default
        return logits, loss
