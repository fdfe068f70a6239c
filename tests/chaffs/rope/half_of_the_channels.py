"""Only the first half of the channels is rotated; the rest passes through.

rejected by: rope.agrees_with_reference
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
    n_pairs = x.shape[-1] // 4
    cos, sin = cache[positions][..., :n_pairs, :].unbind(-1)
    turning, resting = x[..., : 2 * n_pairs], x[..., 2 * n_pairs :]
    even, odd = turning[..., 0::2], turning[..., 1::2]
    turned = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)
    return torch.cat((turned.to(x.dtype), resting), dim=-1)
