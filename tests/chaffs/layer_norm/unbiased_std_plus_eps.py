"""Divides by the unbiased standard deviation plus eps, as older tutorials do.

rejected by: layer_norm.agrees_with_reference
misconception: unbiased_variance
"""


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    std = x.std(dim=-1, keepdim=True)
    normed = (x - mean) / (std + eps)
    return normed * gain + bias
