"""Divides by the mean absolute deviation.

rejected by: layer_norm.normalises_each_token
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = (x - mean).abs().mean(dim=-1, keepdim=True) ** 2
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
