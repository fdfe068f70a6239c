"""A float64 table per width and base is kept between calls, grows when needed, and is looked up like an embedding."""

import torch
import torch.nn.functional as F


_angles = {}


def rope_cache(dim, n_positions, base=10000.0):
    key = (dim, float(base))
    if key not in _angles or len(_angles[key]) < n_positions:
        theta = base ** (-2 * torch.arange(dim // 2, dtype=torch.float64) / dim)
        _angles[key] = torch.arange(n_positions, dtype=torch.float64)[:, None] * theta
    angle = _angles[key][:n_positions]
    return torch.stack((angle.cos(), angle.sin()), dim=-1).float()


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    n_pairs = cache.shape[1]
    row = F.embedding(positions, cache.reshape(len(cache), 2 * n_pairs))
    cos, sin = row[..., 0::2], row[..., 1::2]
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).reshape(x.shape).to(x.dtype)
