"""Rotary position embedding, interleaved pairs.

Source: Su et al. 2021, "RoFormer", section 3.2.2, equations 14 and 15.
"""

import torch
from torch import Tensor


def rope_cache(dim: int, n_positions: int, base: float = 10000.0) -> Tensor:
    """Tabulate the rotations of every position.

    Args:
        dim: width of one head, even.
        n_positions: number of positions, counted from 0.
        base: the angle of pair i at position t is t · base^(−2i/dim), in radians.

    Returns:
        (n_positions, dim/2, 2) float32; the last axis holds cosine and sine.

    Raises:
        ValueError: `dim` is odd.
    """
    if dim % 2:
        raise ValueError(f"dim must be even, got dim={dim}")
    raise NotImplementedError("rope_cache: cosine and sine of t · base^(−2i/dim) for each position t and pair i")


def apply_rope(x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Tensor:
    """Rotate each pair (x_2i, x_2i+1) of every token by the angle of its position.

    Args:
        x: (…, T, dim) floating point.
        cache: what `rope_cache(dim, n)` returns, with n larger than every position.
        positions: int64, broadcastable to x.shape[:-1]; None means 0 … T−1.

    Returns:
        The shape and dtype of `x`; `x` itself is not modified.
    """
    raise NotImplementedError("apply_rope: rotate each pair (x_2i, x_2i+1) by the angle of its token's position")
