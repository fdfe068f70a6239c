"""Masked scores get the smallest finite number and the softmax runs in float32 before it is cast back."""

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

    def forward(self, x, mask=None):
        if mask is None:
            rows = torch.arange(x.size(1), device=x.device)
            mask = rows.unsqueeze(1).ge(rows)
        q, k, v = (
            layer(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        scores = torch.matmul(q, k.transpose(2, 3)).float() / q.size(-1) ** 0.5
        scores = torch.where(mask, scores, torch.finfo(torch.float32).min)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(x.dtype)
        mixed = torch.matmul(self.weight_dropout(weights), v)
        return self.output_dropout(self.proj(mixed.transpose(1, 2).flatten(2)))
