"""One projection for queries, keys and values, PyTorch's fused kernel, and a Sequential for the MLP; re-packed on loading."""

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, d_model, n_heads, d_hidden, dropout=0.0):
        super().__init__()
        self.n_heads = n_heads
        self.p = dropout
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.proj = nn.Linear(d_model, d_model)
        self.mlp = nn.Sequential(
            nn.Linear(d_model, d_hidden), nn.GELU(), nn.Linear(d_hidden, d_model), nn.Dropout(dropout)
        )

    def load_state_dict(self, state_dict, strict=True, assign=False):
        packed = {}
        for kind in ("weight", "bias"):
            parts = [state_dict[f"attn.{role}.{kind}"] for role in ("query", "key", "value")]
            packed[f"qkv.{kind}"] = torch.cat(parts)
            packed[f"proj.{kind}"] = state_dict[f"attn.proj.{kind}"]
            packed[f"mlp.0.{kind}"] = state_dict[f"mlp.up.{kind}"]
            packed[f"mlp.2.{kind}"] = state_dict[f"mlp.down.{kind}"]
            for norm in ("norm1", "norm2"):
                packed[f"{norm}.{kind}"] = state_dict[f"{norm}.{kind}"]
        return super().load_state_dict(packed, strict, assign)

    def attend(self, x):
        B, T, d_model = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        p = self.p if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        return F.dropout(self.proj(mixed.transpose(1, 2).flatten(2)), self.p, self.training)

    def forward(self, x):
        h = x + self.attend(self.norm1(x))
        return h + self.mlp(self.norm2(h))
