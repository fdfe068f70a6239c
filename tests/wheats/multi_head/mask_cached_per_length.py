"""The causal mask of each length is built once and kept in a dictionary."""

import math

import torch
from torch import nn


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, dropout=0.0):
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.proj = nn.Linear(d_model, d_model)
        self.weight_dropout = nn.Dropout(dropout)
        self.output_dropout = nn.Dropout(dropout)
        self.causal = {}

    def causal_mask(self, n_tokens, device):
        if (n_tokens, device) not in self.causal:
            self.causal[n_tokens, device] = torch.ones(n_tokens, n_tokens, dtype=torch.bool, device=device).tril()
        return self.causal[n_tokens, device]

    def forward(self, x, mask=None):
        _, T, d_model = x.shape
        if mask is None:
            mask = self.causal_mask(T, x.device)
        q, k, v = (
            torch.stack(layer(x).chunk(self.n_heads, dim=-1), dim=1) for layer in (self.query, self.key, self.value)
        )  # each (B, n_heads, T, d_head)
        scores = torch.where(mask, q @ k.transpose(2, 3) / math.sqrt(d_model / self.n_heads), -math.inf)
        mixed = self.weight_dropout(scores.softmax(-1)) @ v
        return self.output_dropout(self.proj(torch.cat(mixed.unbind(1), dim=-1)))
