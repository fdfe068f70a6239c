"""Four axes are read as (B, T, H, dim), so each head gets its own angle and the tokens of a head all share it.

rejected by: rope.heads_are_independent
misconception: position_is_head_index
"""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = 1.0 / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(n_positions, dtype=torch.float64), theta)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()


def apply_rope(x, cache, positions=None):
    if positions is not None:
        turn = cache[positions]
    elif x.dim() == 4:
        turn = cache[: x.shape[1]].unsqueeze(1)  # one rotation per entry of axis 1
    else:
        turn = cache[: x.shape[-2]]
    cos, sin = turn.unbind(-1)
    even, odd = x[..., 0::2], x[..., 1::2]
    rotated = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    return rotated.flatten(-2).to(x.dtype)
