"""GELU by hand, without the factor 1/2.

rejected by: mlp.activation
"""

import math

import torch
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.dropout = nn.Dropout(dropout)

    def gelu(self, z):
        return z * (1 + torch.erf(z / math.sqrt(2)))

    def forward(self, x):
        hidden = self.gelu(self.up(x))
        return self.dropout(self.down(hidden))
