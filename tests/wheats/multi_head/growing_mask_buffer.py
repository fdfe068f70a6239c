"""The causal mask is a buffer outside the state dict that is cut to the input and grows for longer ones."""

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
        self.register_buffer("causal", torch.ones(1, 1, dtype=torch.bool), persistent=False)

    def forward(self, x, mask=None):
        B, T, _ = x.shape
        if T > len(self.causal):
            self.causal = torch.ones(2 * T, 2 * T, dtype=torch.bool, device=x.device).tril()
        allowed = self.causal[:T, :T] if mask is None else mask
        q = self.query(x).view(B, T, self.n_heads, -1).transpose(1, 2)
        k = self.key(x).view(B, T, self.n_heads, -1).transpose(1, 2)
        v = self.value(x).view(B, T, self.n_heads, -1).transpose(1, 2)
        scores = q @ k.transpose(-1, -2) / math.sqrt(k.size(-1))
        log_weights = torch.log_softmax(scores.masked_fill(~allowed, -1e30), dim=-1)
        mixed = self.weight_dropout(log_weights.exp()) @ v
        return self.output_dropout(self.proj(mixed.transpose(1, 2).reshape(x.shape)))
