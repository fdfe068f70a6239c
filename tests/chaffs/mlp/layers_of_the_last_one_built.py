"""All MLPs share the layers of the one that was built last.

rejected by: mlp.modules_are_independent
"""

import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        MLP.layers = [nn.Linear(d_model, d_hidden), nn.Linear(d_hidden, d_model)]
        self.up, self.down = MLP.layers
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        hidden = F.gelu(MLP.layers[0](x))
        return self.dropout(MLP.layers[1](hidden))
