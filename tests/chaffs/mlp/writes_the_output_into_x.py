"""The output is written into x and x is returned.

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
        hidden = F.gelu(self.up(x))
        out = self.dropout(self.down(hidden))
        return x.copy_(out)
