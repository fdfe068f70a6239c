"""Sorts the channels into halves, rotates the halves as Llama does, and sorts the channels back."""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = 1.0 / base ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(n_positions, dtype=torch.float64), theta)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    dim = x.shape[-1]
    order = torch.cat((torch.arange(0, dim, 2), torch.arange(1, dim, 2)))
    halves = x[..., order]
    left, right = halves.chunk(2, dim=-1)
    cos, sin = (torch.cat((part, part), dim=-1) for part in cache[positions].unbind(-1))
    rotated = halves * cos + torch.cat((-right, left), dim=-1) * sin
    return rotated[..., order.argsort()].to(x.dtype)
