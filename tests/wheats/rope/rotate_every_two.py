"""x cos + (quarter turn of x) sin, with each cosine and sine repeated for both components as in GPT-J."""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    exponent = torch.arange(0, dim, 2).double() / dim
    angle = torch.einsum("t,i->ti", torch.arange(n_positions).double(), base**-exponent)
    return torch.stack([angle.cos(), angle.sin()], dim=2).to(torch.float32)


def rotate_every_two(x):
    return torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    cos, sin = (part.repeat_interleave(2, dim=-1) for part in cache[positions].unbind(-1))
    return (x * cos + rotate_every_two(x) * sin).to(x.dtype)
