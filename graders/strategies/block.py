"""Cases of the task block."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn
from torch import Tensor

from graders.tasks import BlockSizes

from .drawing import generator, seeds
from .mlp import mlp_weights
from .multi_head import head_weights
from .quiet import Quiet


@dataclass
class BlockCase(Quiet):
    """A Transformer block and its input. `x` is (B, T, d_model)."""

    sizes: BlockSizes
    x: Tensor
    seed: int
    weights: dict[str, Tensor] = field(repr=False)


@st.composite
def block_cases(
    draw: DrawFn,
    *,
    free_width: bool = False,
    small: bool = False,
    min_tokens: int = 1,
    max_tokens: int = 9,
    dropout: float = 0.0,
) -> BlockCase:
    """Blocks with two to four heads; B, T, n_heads, d_head, d_model and d_hidden pairwise distinct.

    Args:
        free_width: d_hidden is anything but 4 · d_model.
        small: some tokens have a standard deviation of about √1e-5, so that the eps of the norms matters.
        min_tokens, max_tokens: range of T.
        dropout: the block's dropout probability.
    """
    n_heads = draw(st.integers(2, 4))
    d_head = draw(st.sampled_from([n for n in range(2, 6) if n != n_heads]))
    d_model = n_heads * d_head
    taken = [n_heads, d_head, d_model, 4 * d_model]
    if free_width:
        taken.append(draw(st.sampled_from([n for n in range(2, 30) if n not in taken])))
    d_hidden = taken[-1]
    T = draw(st.sampled_from([n for n in range(min_tokens, max_tokens + 1) if n not in taken]))
    B = draw(st.sampled_from([n for n in range(1, 9) if n not in (*taken, T)]))  # two or more are left
    seed = draw(seeds)
    rng = generator(seed)
    x = torch.randn(B, T, d_model, generator=rng)
    if small:
        x *= torch.tensor([2e-3, 1.0, 5e-3])[torch.randint(3, (B, T, 1), generator=rng)]
    sizes = BlockSizes(d_model, n_heads, d_hidden, dropout, max_tokens=24)
    return BlockCase(sizes, x, seed, block_weights(sizes.d_model, d_hidden, rng))


def block_weights(d_model: int, d_hidden: int, rng: torch.Generator) -> dict[str, Tensor]:
    """Weights by role: activations stay O(1), gains are not 1, biases are not zero."""
    weights: dict[str, Tensor] = {}
    for norm in ("norm1", "norm2"):
        weights |= norm_weights(norm, d_model, rng)
    weights |= {f"attn.{role}": tensor for role, tensor in head_weights(d_model, rng).items()}
    return weights | {f"mlp.{role}": tensor for role, tensor in mlp_weights(d_model, d_hidden, rng).items()}


def norm_weights(role: str, d_model: int, rng: torch.Generator) -> dict[str, Tensor]:
    """Gain from 0.5 to 1.5 and bias of a norm, by role."""
    return {
        f"{role}.weight": 0.5 + torch.rand(d_model, generator=rng),
        f"{role}.bias": torch.randn(d_model, generator=rng) * 0.5,
    }


def silenced(weights: dict[str, Tensor], *sublayers: str) -> dict[str, Tensor]:
    """The same weights, but that some sublayers give 0: their last layer, `attn.proj` or `mlp.down`, has no weight or bias.

    Args:
        weights: by role, those of a block or of a model with blocks.
        sublayers: `attn` and `mlp`.
    """
    last = tuple({"attn": ("attn.proj.weight", "attn.proj.bias"), "mlp": ("mlp.down.weight", "mlp.down.bias")}[name]
                 for name in sublayers)  # fmt: skip
    ends = tuple(role for roles in last for role in roles)
    return {role: torch.zeros_like(tensor) if role.endswith(ends) else tensor for role, tensor in weights.items()}
