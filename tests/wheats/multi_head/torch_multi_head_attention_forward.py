"""PyTorch's own multi-head attention does the work, with tokens first and its inverted mask."""

import torch
import torch.nn.functional as F
from torch import nn


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, dropout=0.0):
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.proj = nn.Linear(d_model, d_model)
        self.dropout = dropout

    def forward(self, x, mask=None):
        B, T, d_model = x.shape
        if mask is None:
            mask = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        hidden = ~mask.expand(B, self.n_heads, T, T).reshape(B * self.n_heads, T, T)
        tokens_first = x.transpose(0, 1)
        out, _ = F.multi_head_attention_forward(
            tokens_first, tokens_first, tokens_first, d_model, self.n_heads,
            in_proj_weight=None, in_proj_bias=torch.cat([self.query.bias, self.key.bias, self.value.bias]),
            bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=self.dropout,
            out_proj_weight=self.proj.weight, out_proj_bias=self.proj.bias, training=self.training,
            need_weights=False, attn_mask=hidden, use_separate_proj_weight=True, q_proj_weight=self.query.weight,
            k_proj_weight=self.key.weight, v_proj_weight=self.value.weight,
        )  # fmt: skip
        return F.dropout(out.transpose(0, 1), self.dropout, self.training)
