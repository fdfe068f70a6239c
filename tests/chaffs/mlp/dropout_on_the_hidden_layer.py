"""Dropout acts on the hidden layer in the place of the output.

rejected by: mlp.dropout
misconception: dropout_on_the_hidden_layer
"""

import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        hidden = F.gelu(self.up(x))
        return self.down(self.dropout(hidden))
