"""The cosines and sines are laid out for neighbouring pairs while the rotation swaps the two halves of the vector.

rejected by: rope.keeps_norms
misconception: two_layouts_mixed
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = 1.0 / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(n_positions, dtype=torch.float64), theta)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()


def rotate_half(x):
    left, right = x.chunk(2, dim=-1)
    return torch.cat((-right, left), dim=-1)


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    cos, sin = cache[positions].unbind(-1)
    cos = cos.repeat_interleave(2, dim=-1)  # c0 c0 c1 c1 ...
    sin = sin.repeat_interleave(2, dim=-1)
    return (x * cos + rotate_half(x) * sin).to(x.dtype)
