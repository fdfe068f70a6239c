"""A Python loop goes over the queries, and without a given mask it never touches the later keys."""

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
        B, T, _ = x.shape
        q, k, v = (
            layer(x).view(B, T, self.n_heads, -1).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        if mask is not None:
            mask = mask.expand(B, self.n_heads, T, T)
        rows = []
        for t in range(T):
            end = t + 1 if mask is None else T
            scores = (q[:, :, t : t + 1] * k[:, :, :end]).sum(-1) / q.shape[-1] ** 0.5  # (B, n_heads, end)
            if mask is not None:
                scores = scores.masked_fill(~mask[:, :, t], float("-inf"))
            weights = self.weight_dropout(scores.softmax(dim=-1))
            rows.append((weights[..., None] * v[:, :, :end]).sum(dim=2))  # (B, n_heads, d_head)
        return self.output_dropout(self.proj(torch.stack(rows, dim=1).flatten(2)))
