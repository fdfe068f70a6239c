"""The statistics lose their axis and broadcast over the wrong one.

rejected by: layer_norm.interface
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1)
    variance = x.var(dim=-1, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
