"""Cases of the task mlp."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.tasks import MlpSizes

from .drawing import distinct, generator, seeds
from .quiet import Quiet


@dataclass
class MlpCase(Quiet):
    """An MLP and its input. `x` is (…, d_model)."""

    sizes: MlpSizes
    x: Tensor
    seed: int
    weights: dict[str, Tensor] = field(repr=False)


@st.composite
def mlp_cases(
    draw: DrawFn, *, free_width: bool = False, any_axes: bool = False, dropout: float = 0.0, min_tokens: int = 1
) -> MlpCase:
    """x (B, T, d_model) with axes pairwise distinct; d_hidden is 4 · d_model.

    Args:
        free_width: d_hidden is anything but 4 · d_model.
        any_axes: no leading axis, one, two or three.
        dropout: the MLP's dropout probability.
        min_tokens: least T.
    """
    T, d_model, B, H = distinct(draw, (min_tokens, 6), (2, 9), (1, 6), (2, 5))
    d_hidden = 4 * d_model
    if free_width:
        d_hidden = draw(st.sampled_from([n for n in range(1, 25) if n not in (T, d_model, B, H, d_hidden)]))
    leads = draw(st.sampled_from([(), (T,), (B, T), (B, H, T)])) if any_axes else (B, T)
    seed = draw(seeds)
    rng = generator(seed)
    x = 1.5 * torch.randn(*leads, d_model, generator=rng)
    return MlpCase(MlpSizes(d_model, d_hidden, dropout), x, seed, mlp_weights(d_model, d_hidden, rng))


def mlp_weights(d_model: int, d_hidden: int, rng: torch.Generator) -> dict[str, Tensor]:
    """Weights by role: activations stay O(1), biases are O(1) and not zero."""
    weights: dict[str, Tensor] = {}
    for role, n_out, n_in in (("up", d_hidden, d_model), ("down", d_model, d_hidden)):
        weights[f"{role}.weight"] = torch.randn(n_out, n_in, generator=rng) * (1.5 / n_in**0.5)
        weights[f"{role}.bias"] = torch.randn(n_out, generator=rng) * 0.5
    return weights
