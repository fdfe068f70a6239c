"""Sums over named axes; GELU is z times the normal distribution function."""

import torch
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        z = torch.einsum("...d,hd->...h", x, self.up.weight) + self.up.bias
        hidden = z * torch.special.ndtr(z)
        return self.dropout(torch.einsum("...h,dh->...d", hidden, self.down.weight) + self.down.bias)
