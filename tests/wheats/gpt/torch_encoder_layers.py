"""PyTorch's own layers with norms first stand behind the embeddings."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class GPTConfig:
    vocab_size: int
    block_size: int
    n_layers: int
    n_heads: int
    d_model: int
    d_hidden: int = None
    dropout: float = 0.0
    tied: bool = False


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        d, p = config.d_model, config.dropout
        self.token_embedding = nn.Embedding(config.vocab_size, d)
        self.position_embedding = nn.Embedding(config.block_size, d)
        self.dropout = nn.Dropout(p)
        self.layers = nn.ModuleList()
        for _ in range(config.n_layers):
            layer = nn.TransformerEncoderLayer(
                d, config.n_heads, config.d_hidden or 4 * d, p, activation="gelu", batch_first=True, norm_first=True
            )
            layer.dropout = nn.Identity()  # between the MLP's layers
            self.layers.append(layer)
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, config.vocab_size, bias=False)
        if config.tied:
            self.head.weight = self.token_embedding.weight

    def load_state_dict(self, state_dict, strict=True, assign=False):
        packed = {name: tensor for name, tensor in state_dict.items() if not name.startswith("blocks.")}
        for i in range(self.config.n_layers):
            block, layer = f"blocks.{i}", f"layers.{i}"
            for kind in ("weight", "bias"):
                parts = [state_dict[f"{block}.attn.{role}.{kind}"] for role in ("query", "key", "value")]
                packed[f"{layer}.self_attn.in_proj_{kind}"] = torch.cat(parts)
                packed[f"{layer}.self_attn.out_proj.{kind}"] = state_dict[f"{block}.attn.proj.{kind}"]
                packed[f"{layer}.linear1.{kind}"] = state_dict[f"{block}.mlp.up.{kind}"]
                packed[f"{layer}.linear2.{kind}"] = state_dict[f"{block}.mlp.down.{kind}"]
                packed[f"{layer}.norm1.{kind}"] = state_dict[f"{block}.norm1.{kind}"]
                packed[f"{layer}.norm2.{kind}"] = state_dict[f"{block}.norm2.{kind}"]
        return super().load_state_dict(packed, strict, assign)

    def forward(self, ids, targets=None):
        T = ids.shape[1]
        if T > self.config.block_size:
            raise ValueError(f"got {T} tokens, block_size is {self.config.block_size}")
        x = self.dropout(self.token_embedding(ids) + self.position_embedding.weight[:T])
        mask = torch.ones(T, T, dtype=torch.bool).triu(1)
        for layer in self.layers:
            x = layer(x, src_mask=mask)
        logits = self.head(self.norm(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.transpose(1, 2), targets)
        return logits, loss
