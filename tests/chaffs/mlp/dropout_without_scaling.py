"""Dropout by hand, without the factor 1/(1−p).

rejected by: mlp.dropout
"""

import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.dropout = nn.Dropout(dropout)

    def drop(self, out):
        return out * (torch.rand_like(out) >= self.dropout.p) if self.training else out

    def forward(self, x):
        hidden = F.gelu(self.up(x))
        return self.drop(self.down(hidden))
