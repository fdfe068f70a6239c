"""GELU in its approximation by the sigmoid of 1.702 z.

rejected by: mlp.activation
"""

import torch
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.dropout = nn.Dropout(dropout)

    def gelu(self, z):
        return z * torch.sigmoid(1.702 * z)

    def forward(self, x):
        hidden = self.gelu(self.up(x))
        return self.dropout(self.down(hidden))
