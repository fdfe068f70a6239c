"""The rotated first components come before all the second ones instead of alternating with them.

rejected by: rope.agrees_with_reference
misconception: halves_side_by_side
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
    even, odd = x[..., ::2], x[..., 1::2]
    rotated = [even * cos - odd * sin, even * sin + odd * cos]
    return torch.cat(rotated, dim=-1).to(x.dtype)
