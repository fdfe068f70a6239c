"""Tables are kept between calls under the number of positions alone, so another width or base gets a stale one.

rejected by: rope.call_order_is_irrelevant
"""

import torch


_tables = {}


def rope_cache(dim, n_positions, base=10000.0):
    if n_positions not in _tables:
        theta = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        angle = torch.arange(n_positions, dtype=torch.float64)[:, None] * theta
        _tables[n_positions] = torch.stack((angle.cos(), angle.sin()), dim=-1).float()
    return _tables[n_positions]


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    turn = cache[positions]
    cos, sin = turn[..., 0], turn[..., 1]
    a, b = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return turned.reshape(x.shape).to(x.dtype)
