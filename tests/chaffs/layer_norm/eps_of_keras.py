"""The default of eps is 1e-3, as in Keras.

rejected by: layer_norm.eps_in_its_place
"""

import torch


def layer_norm(x, gain, bias, eps=1e-3):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
