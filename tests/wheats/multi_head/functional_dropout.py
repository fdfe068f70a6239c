"""Dropout is functional with training=self.training, and the softmax is written out with its maximum removed."""

import torch
import torch.nn.functional as F
from torch import nn


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, dropout=0.0):
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.proj = nn.Linear(d_model, d_model)
        self.p = dropout

    def forward(self, x, mask=None):
        B, T, d_model = x.shape
        if mask is None:
            mask = torch.tril(torch.ones(T, T, device=x.device)) == 1
        q = self.query(x).view(B, T, self.n_heads, -1).permute(0, 2, 1, 3)
        k = self.key(x).view(B, T, self.n_heads, -1).permute(0, 2, 3, 1)  # (B, n_heads, d_head, T)
        v = self.value(x).view(B, T, self.n_heads, -1).permute(0, 2, 1, 3)
        scores = (q / q.shape[-1] ** 0.5) @ k
        scores = scores.masked_fill(mask.logical_not(), float("-inf"))
        unnormalised = torch.exp(scores - scores.amax(dim=-1, keepdim=True).detach())
        weights = unnormalised / unnormalised.sum(dim=-1, keepdim=True)
        weights = F.dropout(weights, p=self.p, training=self.training)
        mixed = (weights @ v).permute(0, 2, 1, 3).reshape(B, T, d_model)
        return F.dropout(self.proj(mixed), p=self.p, training=self.training)
