"""Parameters have GPT-2's names, with one projection for queries, keys and values; re-packed on loading, the loss by hand."""

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


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.ln_1, self.ln_2 = nn.LayerNorm(c.d_model), nn.LayerNorm(c.d_model)
        self.c_attn, self.c_proj = nn.Linear(c.d_model, 3 * c.d_model), nn.Linear(c.d_model, c.d_model)
        width = 4 * c.d_model if c.d_hidden is None else c.d_hidden
        self.mlp = nn.Sequential(nn.Linear(c.d_model, width), nn.GELU(), nn.Linear(width, c.d_model), nn.Dropout(c.dropout))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).split(C, dim=2)
        q, k, v = (z.view(B, T, self.c.n_heads, C // self.c.n_heads).transpose(1, 2) for z in (q, k, v))
        p = self.c.dropout if self.training else 0
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=p)
        mixed = self.c_proj(mixed.transpose(1, 2).contiguous().view(B, T, C))
        x = x + F.dropout(mixed, self.c.dropout, self.training)
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    PLACES = (("norm1", "ln_1"), ("norm2", "ln_2"), ("attn.proj", "c_proj"), ("mlp.up", "mlp.0"), ("mlp.down", "mlp.2"))

    def __init__(self, config):
        super().__init__()
        self.c = config
        self.wte = nn.Embedding(config.vocab_size, config.d_model)
        self.wpe = nn.Embedding(config.block_size, config.d_model)
        self.h = nn.ModuleList(Layer(config) for _ in range(config.n_layers))
        self.ln_f = nn.LayerNorm(config.d_model)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied:
            self.wte.weight = self.lm_head.weight

    def load_state_dict(self, state_dict, strict=True, assign=False):
        packed = {"wte.weight": state_dict["token_embedding.weight"], "wpe.weight": state_dict["position_embedding.weight"]}
        packed["lm_head.weight"] = state_dict["head.weight"]
        for kind in ("weight", "bias"):
            packed[f"ln_f.{kind}"] = state_dict[f"norm.{kind}"]
            for i in range(len(self.h)):
                parts = [state_dict[f"blocks.{i}.attn.{role}.{kind}"] for role in ("query", "key", "value")]
                packed[f"h.{i}.c_attn.{kind}"] = torch.cat(parts)
                for theirs, ours in self.PLACES:
                    packed[f"h.{i}.{ours}.{kind}"] = state_dict[f"blocks.{i}.{theirs}.{kind}"]
        return super().load_state_dict(packed, strict, assign)

    def forward(self, ids, targets=None):
        T = ids.size(1)
        if T > self.c.block_size:
            raise RuntimeError("too long")
        x = self.wte(ids) + self.wpe(torch.arange(T))
        x = F.dropout(x, self.c.dropout, self.training)
        for layer in self.h:
            x = layer(x)
        logits = self.lm_head(self.ln_f(x))
        if targets is None:
            return logits, None
        counted = targets != -100
        log_p = logits.log_softmax(-1)[counted]
        return logits, -log_p.gather(1, targets[counted][:, None]).mean()
