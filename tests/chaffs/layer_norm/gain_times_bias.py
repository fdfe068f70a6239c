"""The gain multiplies the bias too.

rejected by: layer_norm.gain_and_bias_come_last
misconception: gain_times_bias
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return (normed + bias) * gain
