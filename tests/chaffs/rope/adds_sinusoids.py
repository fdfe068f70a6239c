"""The sines and cosines are added to x, as in a sinusoidal position embedding, instead of rotating it.

rejected by: rope.linear
misconception: adds_sinusoids
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = 1.0 / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(n_positions, dtype=torch.float64), theta)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    cos, sin = cache[positions].unbind(-1)
    embedding = torch.stack((sin, cos), dim=-1).flatten(-2)
    return (x + embedding).to(x.dtype)
