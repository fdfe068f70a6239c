"""The activation is applied to x in place.

rejected by: mlp.leaves_input_alone
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
        x.copy_(F.gelu(x))
        hidden = F.gelu(self.up(x))
        return self.dropout(self.down(hidden))
