"""The heads stay in (B, T, n_heads, d_head), einsum does the products, and the mask is an added -1e9."""

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
            position = torch.arange(T, device=x.device)
            mask = position[None, :] <= position[:, None]
        penalty = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill(~mask, -1e9)
        shape = (B, T, self.n_heads, d_model // self.n_heads)
        q = self.query(x).reshape(shape) * shape[-1] ** -0.5
        k = self.key(x).reshape(shape)
        v = self.value(x).reshape(shape)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) + penalty
        weights = self.weight_dropout(scores.softmax(dim=-1))
        mixed = torch.einsum("bhqk,bkhd->bqhd", weights, v)
        return self.output_dropout(self.proj(mixed.flatten(2)))
