"""PyTorch's own layer with norms first, the exact GELU and no dropout on its hidden layer."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, d_model, n_heads, d_hidden, dropout=0.0):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(
            d_model, n_heads, d_hidden, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layer.dropout = nn.Identity()

    def load_state_dict(self, state_dict, strict=True, assign=False):
        packed = {}
        for kind in ("weight", "bias"):
            parts = [state_dict[f"attn.{role}.{kind}"] for role in ("query", "key", "value")]
            packed[f"layer.self_attn.in_proj_{kind}"] = torch.cat(parts)
            for ours, theirs in (
                ("attn.proj", "self_attn.out_proj"), ("mlp.up", "linear1"), ("mlp.down", "linear2"),
                ("norm1", "norm1"), ("norm2", "norm2"),
            ):  # fmt: skip
                packed[f"layer.{theirs}.{kind}"] = state_dict[f"{ours}.{kind}"]
        return super().load_state_dict(packed, strict, assign)

    def forward(self, x):
        T = x.shape[1]
        forbidden = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        return self.layer(x, src_mask=forbidden)
