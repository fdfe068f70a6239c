"""The variance is the mean of the squares less the square of the mean."""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(-1, keepdim=True)
    variance = (x * x).mean(-1, keepdim=True) - mean * mean
    return gain * (x - mean) * torch.rsqrt(variance + eps) + bias
