"""Every head is a module with its own small projections, cut out of the big ones on loading."""

import math

import torch
from torch import nn


class Head(nn.Module):
    def __init__(self, d_model, d_head, dropout):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(d_model, d_head) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask):
        scores = self.query(x) @ self.key(x).mT / math.sqrt(self.key.out_features)
        return self.dropout(scores.masked_fill(~mask, -math.inf).softmax(dim=-1)) @ self.value(x)


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, dropout=0.0):
        super().__init__()
        self.heads = nn.ModuleList(Head(d_model, d_model // n_heads, dropout) for _ in range(n_heads))
        self.proj = nn.Linear(d_model, d_model)
        self.dropout = nn.Dropout(dropout)

    def load_state_dict(self, state_dict, strict=True, assign=False):
        packed = {f"proj.{kind}": state_dict[f"proj.{kind}"] for kind in ("weight", "bias")}
        for name in state_dict.keys() - packed.keys():
            for h, rows in enumerate(state_dict[name].chunk(len(self.heads))):
                packed[f"heads.{h}.{name}"] = rows
        return super().load_state_dict(packed, strict, assign)

    def forward(self, x, mask=None):
        B, T, _ = x.shape
        if mask is None:
            mask = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        masks = mask.expand(B, len(self.heads), T, T).unbind(1)
        return self.dropout(self.proj(torch.cat([head(x, m) for head, m in zip(self.heads, masks)], dim=-1)))
