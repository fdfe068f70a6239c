"""Heads and batch are folded head first but unfolded batch first, which mixes the samples.

rejected by: multi_head.batch_independence
"""

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

    def split(self, features):
        B, T, d_model = features.shape
        heads = features.view(B, T, self.n_heads, d_model // self.n_heads).permute(2, 0, 1, 3)
        return heads.reshape(self.n_heads * B, T, -1)

    def forward(self, x, mask=None):
        B, T, d_model = x.shape
        if mask is None:
            mask = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        mask = mask.expand(B, self.n_heads, T, T).transpose(0, 1).reshape(-1, T, T)
        q, k, v = (self.split(layer(x)) for layer in (self.query, self.key, self.value))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(~mask, -math.inf)
        weights = self.weight_dropout(torch.softmax(scores, dim=-1))
        mixed = (weights @ v).view(B, self.n_heads, T, -1).transpose(1, 2)
        mixed = mixed.reshape(B, T, d_model)
        return self.output_dropout(self.proj(mixed))
