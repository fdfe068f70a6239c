"""The exponent 2i is divided by the number of pairs instead of by the width of the head.

rejected by: rope.frequencies
misconception: divides_by_n_pairs
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    n_pairs = dim // 2
    theta = base ** (-2 * torch.arange(n_pairs, dtype=torch.float64) / n_pairs)
    angle = torch.arange(n_positions, dtype=torch.float64)[:, None] * theta[None, :]
    return torch.stack((angle.cos(), angle.sin()), dim=-1).to(torch.float32)


def apply_rope(x, cache, positions=None):
    table = cache[: x.shape[-2]] if positions is None else cache[positions]
    cos = table[..., 0]
    sin = table[..., 1]
    pairs = x.unflatten(-1, (-1, 2))
    first, second = pairs[..., 0], pairs[..., 1]
    out = torch.stack((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return out.flatten(-2).to(x.dtype)
