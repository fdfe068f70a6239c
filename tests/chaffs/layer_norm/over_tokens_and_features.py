"""Mean and variance are over a whole sequence.

rejected by: layer_norm.normalises_each_token
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=(-2, -1), keepdim=True)
    variance = x.var(dim=(-2, -1), keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
