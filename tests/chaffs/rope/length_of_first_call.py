"""The number of tokens of the first call is kept for good, and later positions beyond it are clamped.

rejected by: rope.explicit_positions
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = 1.0 / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(n_positions, dtype=torch.float64), theta)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()


_n_known = None


def apply_rope(x, cache, positions=None):
    global _n_known
    if _n_known is None:
        _n_known = x.shape[-2]
    if positions is None:
        positions = torch.arange(x.shape[-2])
    cos, sin = cache[positions.clamp(max=_n_known - 1)].unbind(-1)
    even, odd = x[..., 0::2], x[..., 1::2]
    rotated = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    return rotated.flatten(-2).to(x.dtype)
