"""Builds the 2 by 2 rotation matrix of every pair and multiplies with einsum."""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    pair = torch.arange(dim // 2).double()
    frequency = torch.pow(base, -2.0 * pair / dim)
    angles = torch.arange(n_positions).double().unsqueeze(1) * frequency
    table = torch.empty(n_positions, dim // 2, 2)
    table[:, :, 0] = angles.cos()
    table[:, :, 1] = angles.sin()
    return table


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    cos, sin = cache[positions].unbind(-1)
    upper = torch.stack((cos, -sin), dim=-1)
    lower = torch.stack((sin, cos), dim=-1)
    matrix = torch.stack((upper, lower), dim=-2).to(x.dtype)  # (..., T, dim/2, 2, 2)
    pairs = x.unflatten(-1, (-1, 2))
    return torch.einsum("...rc,...c->...r", matrix, pairs).flatten(-2)
