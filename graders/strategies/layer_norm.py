"""Cases of the task layer_norm."""

from dataclasses import dataclass

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from .drawing import distinct, generator, seeds
from .quiet import Quiet


@dataclass
class NormCase(Quiet):
    """Arguments of layer_norm: x (…, d), gain and bias (d,)."""

    x: Tensor
    gain: Tensor
    bias: Tensor
    eps: float = 1e-5


@st.composite
def norm_cases(
    draw: DrawFn, *, any_axes: bool = False, small: bool = False, other_eps: bool = False, square: bool = False
) -> NormCase:
    """x (B, T, d) whose tokens differ in mean and spread; gains of both signs, biases that are not 0; axes distinct.

    Args:
        any_axes: no leading axis, one, two or three.
        small: some tokens have a standard deviation of about √1e-5, so that eps and its place matter.
        other_eps: eps is not the default.
        square: T = d, and any B: the trap for statistics that have lost their axis.
    """
    T, d, B, H = distinct(draw, (2, 7), (3, 12), (2, 6), (2, 5))
    eps = draw(st.sampled_from([0.1, 0.01, 1.0, 1e-3])) if other_eps else 1e-5
    leads = draw(st.sampled_from([(), (T,), (B, T), (B, H, T)])) if any_axes else (B, T)
    if square:
        leads = (B, d)
    rng = generator(draw(seeds))
    spread = 1.0 + 2.0 * torch.rand(*leads, 1, generator=rng)  # whether eps is 1e-5 or less does not show
    if small:
        spread *= torch.tensor([1e-3, 1.0, 3e-3])[torch.randint(3, spread.shape, generator=rng)]
    z = torch.randn(*leads, d, generator=rng)
    z = (z - z.mean(-1, keepdim=True)) / z.std(-1, keepdim=True)  # three features may lie close together by chance
    x = spread * (z + torch.randn(*leads, 1, generator=rng))
    return NormCase(x, torch.randn(d, generator=rng), torch.randn(d, generator=rng), eps)
