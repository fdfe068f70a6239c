"""eps is always 1e-5, whatever is given.

rejected by: layer_norm.eps_is_used
misconception: eps_ignored
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + 1e-5)
    return normed * gain + bias
