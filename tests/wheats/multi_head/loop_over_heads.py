"""A Python loop attends with one head at a time and concatenates the results."""

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

    def forward(self, x, mask=None):
        B, T, d_model = x.shape
        if mask is None:
            mask = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        mask = mask.expand(B, self.n_heads, T, T)
        d_head = d_model // self.n_heads
        q, k, v = (layer(x).split(d_head, dim=-1) for layer in (self.query, self.key, self.value))
        heads = []
        for h in range(self.n_heads):
            scores = torch.bmm(q[h], k[h].transpose(1, 2)) / math.sqrt(d_head)  # (B, T, T)
            weights = torch.softmax(scores.masked_fill(~mask[:, h], -math.inf), dim=2)
            heads.append(torch.bmm(self.weight_dropout(weights), v[h]))
        return self.output_dropout(self.proj(torch.cat(heads, dim=-1)))
