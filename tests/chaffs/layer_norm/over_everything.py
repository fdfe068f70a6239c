"""One mean and one variance for all numbers of x.

rejected by: layer_norm.normalises_each_token
misconception: over_everything
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean()
    variance = x.var(correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
