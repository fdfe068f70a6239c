"""The axis is the first one that is as long as the gain.

rejected by: layer_norm.as_many_tokens_as_features
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    axis = list(x.shape).index(len(gain))
    mean = x.mean(dim=axis, keepdim=True)
    variance = x.var(dim=axis, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
