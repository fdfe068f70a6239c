"""Each pair is one complex number, multiplied by a number of modulus 1."""

import torch


def rope_cache(dim, n_positions, base=10000.0):
    theta = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.outer(torch.arange(n_positions, dtype=torch.float64), theta)
    return torch.view_as_real(torch.polar(torch.ones_like(angle), angle)).float()


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    wide = x if x.dtype == torch.float64 else x.float()  # there are no complex bfloat16 numbers
    pairs = torch.view_as_complex(wide.reshape(*x.shape[:-1], -1, 2).contiguous())
    turn = torch.view_as_complex(cache.contiguous())[positions]
    return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)
