"""GELU is a module, the layers are applied by hand."""

import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.activation = nn.GELU()
        self.down = nn.Linear(d_hidden, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        hidden = self.activation(F.linear(x, self.up.weight, self.up.bias))
        return self.dropout(F.linear(hidden, self.down.weight, self.down.bias))
