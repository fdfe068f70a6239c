"""The table comes from the math module and the rotation loops over the pairs."""

import math

import torch


def rope_cache(dim, n_positions, base=10000.0):
    rows = []
    for t in range(n_positions):
        angles = [t / base ** (2 * i / dim) for i in range(dim // 2)]
        rows.append([[math.cos(angle), math.sin(angle)] for angle in angles])
    return torch.tensor(rows, dtype=torch.float32)


def apply_rope(x, cache, positions=None):
    if positions is None:
        positions = torch.arange(x.shape[-2])
    columns = []
    for i in range(x.shape[-1] // 2):
        cos, sin = cache[positions, i, 0], cache[positions, i, 1]
        a, b = x[..., 2 * i], x[..., 2 * i + 1]
        columns += [a * cos - b * sin, a * sin + b * cos]
    return torch.stack(columns, dim=-1).to(x.dtype)
