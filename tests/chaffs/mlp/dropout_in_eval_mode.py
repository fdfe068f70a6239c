"""F.dropout is called without the mode: it is always on.

rejected by: mlp.eval_is_deterministic
misconception: dropout_in_eval_mode
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
        return F.dropout(self.down(hidden), self.dropout.p)
