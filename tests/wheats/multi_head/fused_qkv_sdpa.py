"""One fused projection makes queries, keys and values, re-packed on loading, and PyTorch's fused kernel attends."""

import torch
import torch.nn.functional as F
from torch import nn


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, dropout=0.0):
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.proj = nn.Linear(d_model, d_model)

    def load_state_dict(self, state_dict, strict=True, assign=False):
        packed = {name: tensor for name, tensor in state_dict.items() if name.startswith("proj.")}
        for kind in ("weight", "bias"):
            packed[f"qkv.{kind}"] = torch.cat([state_dict[f"{role}.{kind}"] for role in ("query", "key", "value")])
        return super().load_state_dict(packed, strict, assign)

    def forward(self, x, mask=None):
        B, T, d_model = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.n_heads, d_model // self.n_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, n_heads, T, d_head)
        p = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=p, is_causal=mask is None)
        out = self.proj(mixed.transpose(1, 2).reshape(B, T, d_model))
        return F.dropout(out, self.dropout, training=self.training)
