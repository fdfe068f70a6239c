"""Dropout is 0.1 unless another share is asked for.

rejected by: multi_head.no_dropout_by_default
"""

import torch
from torch import nn


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, dropout=0.1):
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.proj = nn.Linear(d_model, d_model)
        self.weight_dropout = nn.Dropout(dropout)
        self.output_dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        B, T, d_model = x.shape
        d_head = d_model // self.n_heads
        q = self.query(x).view(B, T, self.n_heads, d_head).transpose(1, 2)
        k = self.key(x).view(B, T, self.n_heads, d_head).transpose(1, 2)
        v = self.value(x).view(B, T, self.n_heads, d_head).transpose(1, 2)
        if mask is None:
            hidden = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(diagonal=1)
        else:
            hidden = ~mask
        scores = (q @ k.mT) * d_head**-0.5
        weights = scores.masked_fill(hidden, float("-inf")).softmax(dim=-1)
        mixed = (self.weight_dropout(weights) @ v).transpose(1, 2).contiguous().view(B, T, d_model)
        return self.output_dropout(self.proj(mixed))
