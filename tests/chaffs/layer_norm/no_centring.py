"""The mean is not subtracted: this is RMS normalisation.

rejected by: layer_norm.shift_and_scale_are_irrelevant
misconception: no_centring
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    variance = x.square().mean(dim=-1, keepdim=True)
    normed = x / torch.sqrt(variance + eps)
    return normed * gain + bias
