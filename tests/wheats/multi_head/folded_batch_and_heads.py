"""Heads and batch are folded into one axis, head first on the way in and on the way out, for baddbmm."""

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

    def fold(self, features):
        return torch.cat(features.chunk(self.n_heads, dim=2), dim=0)  # (n_heads * B, T, d_head)

    def forward(self, x, mask=None):
        B, T, d_model = x.shape
        if mask is None:
            mask = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        mask = mask.expand(B, self.n_heads, T, T).transpose(0, 1).reshape(-1, T, T)
        penalty = x.new_zeros(mask.shape).masked_fill(~mask, -math.inf)
        q, k, v = (self.fold(layer(x)) for layer in (self.query, self.key, self.value))
        scores = torch.baddbmm(penalty, q, k.transpose(1, 2), alpha=1 / math.sqrt(d_model // self.n_heads))
        mixed = torch.bmm(self.weight_dropout(scores.softmax(dim=2)), v)
        return self.output_dropout(self.proj(torch.cat(mixed.chunk(self.n_heads, dim=0), dim=2)))
