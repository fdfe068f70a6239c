"""The mask is applied to the weights after the softmax, so that they no longer sum to 1.

rejected by: multi_head.no_future_leak
misconception: masks_after_softmax
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
        return features.view(B, T, self.n_heads, d_model // self.n_heads).transpose(1, 2)

    def forward(self, x, mask=None):
        B, T, d_model = x.shape
        if mask is None:
            mask = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        q = self.split(self.query(x))
        k = self.split(self.key(x))
        v = self.split(self.value(x))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        weights = torch.softmax(scores, dim=-1).masked_fill(~mask, 0.0)
        weights = self.weight_dropout(weights)
        mixed = (weights @ v).transpose(1, 2).reshape(B, T, d_model)
        return self.output_dropout(self.proj(mixed))
