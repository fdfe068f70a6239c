"""Cases of the task patch_embedding."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.tasks import PatchSizes

from .drawing import distinct, generator, seeds
from .quiet import Quiet


@dataclass
class PatchCase(Quiet):
    """A patch embedding and its images. `x` is (B, n_channels, height, width)."""

    sizes: PatchSizes
    x: Tensor
    seed: int
    weights: dict[str, Tensor] = field(repr=False)

    @property
    def rows(self) -> int:
        """Number of rows of patches."""
        return self.sizes.height // self.sizes.patch_size

    @property
    def columns(self) -> int:
        """Number of columns of patches."""
        return self.sizes.width // self.sizes.patch_size


@st.composite
def patch_cases(draw: DrawFn, *, rectangular: bool = False, min_channels: int = 1) -> PatchCase:
    """Square images of four or nine patches; B, n_channels, patch_size, n_patches and d_model pairwise distinct.

    Args:
        rectangular: height and width differ; one of them may be a single patch.
        min_channels: fewest channels.
    """
    rows = columns = draw(st.sampled_from([2, 3]))
    if rectangular:
        rows, columns = distinct(draw, (1, 4), (1, 4))
    P, n_channels = distinct(draw, (2, 4), (min_channels, 4))
    taken = (rows * columns, P, n_channels)
    d_model = draw(st.sampled_from([n for n in range(2, 11) if n not in taken]))
    B = draw(st.sampled_from([n for n in range(1, 8) if n not in (*taken, d_model)]))  # two or more are left
    seed = draw(seeds)
    rng = generator(seed)
    sizes = PatchSizes(rows * P, columns * P, P, n_channels, d_model)
    x = 0.5 + torch.randn(B, n_channels, sizes.height, sizes.width, generator=rng)
    return PatchCase(sizes, x, seed, patch_weights(sizes, rng))


def patch_weights(sizes: PatchSizes, rng: torch.Generator) -> dict[str, Tensor]:
    """Weights by role: activations stay O(1), the bias is O(1) and not zero."""
    n_pixels = sizes.n_channels * sizes.patch_size**2
    return {
        "proj.weight": torch.randn(sizes.d_model, n_pixels, generator=rng) * (1.5 / n_pixels**0.5),
        "proj.bias": torch.randn(sizes.d_model, generator=rng) * 0.5,
    }
