"""Each pair is only multiplied by its cosine; the sine terms are missing.

rejected by: rope.keeps_norms
"""

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
    cos = cache[positions][..., 0]
    pairs = x.unflatten(-1, (-1, 2))
    return (pairs * cos.unsqueeze(-1)).flatten(-2).to(x.dtype)
