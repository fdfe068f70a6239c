"""Cases of the task stack."""

from dataclasses import dataclass

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.tasks import StackSizes

from .drawing import generator, seeds


@dataclass(repr=False)  # Hypothesis would write out every number of x
class StackCase:
    """A stack of layers, its input (B, T, d_model), and a mask (B, T, T), True = may attend."""

    sizes: StackSizes
    x: Tensor
    mask: Tensor
    seed: int


@st.composite
def stack_cases(draw: DrawFn, *, neighbours: bool = False, min_layers: int = 1) -> StackCase:
    """Stacks of up to four layers; B, T, n_layers, n_heads, d_head, d_model and d_hidden pairwise distinct.

    Each token sees itself, and is seen by another or not; there is one or more that it does not see.

    Args:
        neighbours: each token sees itself and the one before it; otherwise the masks are random.
        min_layers: fewest layers.
    """
    n_heads, d_head = draw(st.sampled_from([(2, 3), (3, 2), (2, 5), (3, 4)]))
    d_model = n_heads * d_head
    taken = [n_heads, d_head, d_model]
    n_layers = draw(st.sampled_from([n for n in range(min_layers, 5) if n not in taken]))
    d_hidden = draw(st.sampled_from([n for n in range(7, 17) if n not in taken]))
    taken += [n_layers, d_hidden]
    T = draw(st.sampled_from([n for n in range(3 if neighbours else 2, 8) if n not in taken]))
    B = draw(st.sampled_from([n for n in range(1, 9) if n not in (*taken, T)]))  # two or more are left
    seed = draw(seeds)
    rng = generator(seed)
    x = torch.randn(B, T, d_model, generator=rng)
    mask = torch.rand(B, T, T, generator=rng) < 0.5
    hidden = (torch.arange(T)[:, None] + torch.randint(1, T, (B, T, 1), generator=rng)) % T  # (B, T, 1), never itself
    mask = mask.scatter(-1, hidden, False) | torch.eye(T, dtype=torch.bool)
    if neighbours:
        mask = torch.ones(T, T, dtype=torch.bool).tril().triu(diagonal=-1).expand(B, T, T)
    return StackCase(StackSizes(d_model, n_heads, d_head, d_hidden, n_layers), x, mask, seed)
