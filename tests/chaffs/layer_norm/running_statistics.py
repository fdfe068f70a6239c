"""Statistics are averaged with those of earlier calls of the same shape, as batch normalisation keeps them.

rejected by: layer_norm.call_order_is_irrelevant
"""

import torch


kept = {}


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    if x.shape in kept:
        variance = 0.9 * kept[x.shape] + 0.1 * variance
    kept[x.shape] = variance.detach()
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
