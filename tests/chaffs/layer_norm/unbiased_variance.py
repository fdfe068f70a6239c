"""The variance is divided by d − 1.

rejected by: layer_norm.agrees_with_reference
misconception: unbiased_variance
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
