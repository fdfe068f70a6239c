"""Weights lie as [in, out] like GPT-2's, transposed on loading; dropout multiplies by a mask."""

import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.w_up = nn.Parameter(torch.randn(d_model, d_hidden) * 0.02)
        self.b_up = nn.Parameter(torch.zeros(d_hidden))
        self.w_down = nn.Parameter(torch.randn(d_hidden, d_model) * 0.02)
        self.b_down = nn.Parameter(torch.zeros(d_model))
        self.p = dropout

    def load_state_dict(self, state_dict, strict=True, assign=False):
        packed = {"w_up": state_dict["up.weight"].T, "b_up": state_dict["up.bias"]}
        packed |= {"w_down": state_dict["down.weight"].T, "b_down": state_dict["down.bias"]}
        return super().load_state_dict(packed, strict, assign)

    def forward(self, x):
        out = F.gelu(x @ self.w_up + self.b_up) @ self.w_down + self.b_down
        if self.training and self.p > 0:
            keep = torch.rand_like(out) >= self.p
            out = torch.where(keep, out / (1 - self.p), torch.zeros_like(out))
        return out
