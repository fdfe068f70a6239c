"""Dropout is 0.1 unless another share is asked for.

rejected by: mlp.no_dropout_by_default
"""

import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.1):
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.p = dropout

    def forward(self, x):
        return F.dropout(self.down(F.gelu(self.up(x))), self.p, self.training)
