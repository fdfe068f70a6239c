"""Matrix products with transposed weights, and GELU from the error function."""

import math

import torch
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        z = x @ self.up.weight.T + self.up.bias
        hidden = 0.5 * z * (1 + torch.erf(z / math.sqrt(2)))
        return self.dropout(hidden @ self.down.weight.T + self.down.bias)
