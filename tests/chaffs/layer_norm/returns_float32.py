"""Computes in float32 and returns float32, whatever came in.

rejected by: layer_norm.keeps_dtype
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    x, gain, bias = x.float(), gain.float(), bias.float()
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
