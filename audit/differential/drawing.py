"""Random inputs for the drivers, by nothing but torch's generator."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Draw:
    """A source of random inputs; the same seed gives the same ones.

    Args:
        seed: any int.
    """

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(shape, generator=self.generator, dtype=torch.float64).to(dtype)

    def integer(self, low: int, high: int) -> int:
        """One integer, both bounds included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """int64 numbers, both bounds included."""
        return torch.randint(low, high + 1, shape, generator=self.generator)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """float64 numbers between two bounds."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, dtype=torch.float64)

    def booleans(self, *shape: int, share: float = 0.5) -> Tensor:
        """True with a probability of `share`."""
        return torch.rand(shape, generator=self.generator) < share

    def separate(self) -> torch.Generator:
        """A generator for a function under observation: however much it draws, the inputs that follow stay the same."""
        return torch.Generator().manual_seed(self.integer(0, 1 << 30))

    def choice(self, options: Sequence[T]) -> T:
        """One of several."""
        return options[self.integer(0, len(options) - 1)]

    def distinct(self, options: Iterable[int], count: int) -> list[int]:
        """Several of several, no two alike: sizes of axes that cannot be taken for each other."""
        pool = list(options)
        order = torch.randperm(len(pool), generator=self.generator).tolist()
        return [pool[i] for i in order[:count]]

    def mask(self, *shape: int) -> Tensor:
        """A mask of any pattern in which each row allows some key."""
        allowed = self.booleans(*shape, share=0.6)
        first = self.integers(0, shape[-1] - 1, *shape[:-1], 1)
        return allowed.scatter(-1, first, True)

    def state(self, shapes: Mapping[str, Sequence[int]], dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
        """Weights of order one for a state dict; those of normalisations are gains around 1."""
        found = {}
        for name, shape in shapes.items():
            scale = shape[-1] ** -0.5 if len(shape) > 1 else 0.5
            gain = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            found[name] = (gain + scale * self.normal(*shape)).to(dtype)
        return found
