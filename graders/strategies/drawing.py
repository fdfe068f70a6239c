"""What all strategies draw with: seeds, generators, sizes that differ."""

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn

seeds = st.integers(0, 2**32 - 1)


def generator(seed: int) -> torch.Generator:
    """A generator in the state that a seed gives."""
    return torch.Generator().manual_seed(seed)


def distinct(draw: DrawFn, *ranges: tuple[int, int]) -> list[int]:
    """Draw one size from each range (both ends included), no two of them equal."""
    sizes: list[int] = []
    for low, high in ranges:
        sizes.append(draw(st.sampled_from([n for n in range(low, high + 1) if n not in sizes])))
    return sizes
