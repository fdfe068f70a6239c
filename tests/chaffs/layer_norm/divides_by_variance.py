"""Divides by the variance without the root.

rejected by: layer_norm.normalises_each_token
misconception: divides_by_variance
"""


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / (variance + eps)
    return normed * gain + bias
