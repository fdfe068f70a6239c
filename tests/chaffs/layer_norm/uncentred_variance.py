"""x is centred, but divided by the root of its mean square.

rejected by: layer_norm.shift_and_scale_are_irrelevant
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.square().mean(dim=-1, keepdim=True)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
