"""A matrix subtracts the mean; einsum sums the squares."""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    d = x.shape[-1]
    centre = torch.eye(d, dtype=x.dtype) - torch.full((d, d), 1 / d, dtype=x.dtype)
    centred = x @ centre
    variance = torch.einsum("...i,...i->...", centred, centred) / d
    return centred / (variance + eps).sqrt()[..., None] * gain + bias
