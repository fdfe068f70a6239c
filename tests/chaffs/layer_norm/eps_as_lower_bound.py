"""The variance is clamped to at least eps.

rejected by: layer_norm.eps_in_its_place
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance.clamp(min=eps))
    return normed * gain + bias
