"""The projections are stored as one tensor with a head axis, re-packed on loading, and proj sums over the heads."""

import math

import torch
from torch import nn


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, dropout=0.0):
        super().__init__()
        d_head = d_model // n_heads
        bound = d_model**-0.5
        self.w_in = nn.Parameter(torch.empty(3, n_heads, d_model, d_head).uniform_(-bound, bound))
        self.b_in = nn.Parameter(torch.empty(3, n_heads, 1, d_head).uniform_(-bound, bound))
        self.w_out = nn.Parameter(torch.empty(n_heads, d_head, d_model).uniform_(-bound, bound))
        self.b_out = nn.Parameter(torch.empty(d_model).uniform_(-bound, bound))
        self.weight_dropout = nn.Dropout(dropout)
        self.output_dropout = nn.Dropout(dropout)

    def load_state_dict(self, state_dict, strict=True, assign=False):
        weights, biases = (
            torch.stack([state_dict[f"{role}.{kind}"] for role in ("query", "key", "value")])
            for kind in ("weight", "bias")
        )
        w_in = weights.unflatten(1, self.w_in.shape[1::2]).transpose(2, 3)  # rows are features of a head
        w_out = state_dict["proj.weight"].T.reshape(self.w_out.shape)  # columns are features of a head
        packed = {"w_in": w_in, "b_in": biases.view(self.b_in.shape), "w_out": w_out, "b_out": state_dict["proj.bias"]}
        return super().load_state_dict(packed, strict, assign)

    def forward(self, x, mask=None):
        T = x.shape[1]
        if mask is None:
            mask = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        q, k, v = x[None, :, None] @ self.w_in[:, None] + self.b_in[:, None]  # each (B, n_heads, T, d_head)
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
        mixed = self.weight_dropout(scores.softmax(dim=-1)) @ v
        return self.output_dropout(torch.einsum("bhtd,hdm->btm", mixed, self.w_out) + self.b_out)
