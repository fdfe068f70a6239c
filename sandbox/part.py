"""Stands in for a part of a student's model that is graded in another question, where a mistake in it has its price.

What it computes the judge computes too, in float64. It mixes earlier tokens into later ones and depends on their order, so
that axes that are confused, and parts that are left out, repeated or put in another order, change the model's output.
"""

from typing import Any

import torch
from torch import Tensor, nn


def mixed(weight: Tensor, x: Tensor, residual: bool) -> Tensor:
    """x (B, T, into) → (B, T, out): each token's features times the weight, plus their mean over the tokens so far.

    Args:
        weight: (into, out).
        x: any floating dtype, that of the result.
        residual: whether x itself is added, as in a Transformer block; a weight of 0 is then the identity.
    """
    features = x @ weight.to(x.dtype)  # (B, T, out)
    n_tokens = torch.arange(1, x.shape[-2] + 1, dtype=x.dtype)[:, None]  # (T, 1)
    output = features + features.cumsum(dim=-2) / n_tokens
    return x + output if residual else output


def first_output(of: type[nn.Module]) -> type[nn.Module]:
    """A class like another, whose instances return the first of what the other's return, and nothing else."""

    class FirstOutput(of):  # type: ignore[valid-type, misc]
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return super().forward(*args, **kwargs)[0]

    return FirstOutput


def part_class(into: int, out: int, parameter: str, residual: bool = False, as_pair: bool = False) -> type[nn.Module]:
    """A class whose instances take any arguments and hold one parameter, (into, out).

    Args:
        into, out: width of a token before and after it.
        parameter: the parameter's name, by which instances are found in a model.
        residual: as in `mixed`.
        as_pair: return (output, None), as parts do that also return attention weights.
    """

    class Part(nn.Module):
        def __init__(self, *_: Any, **__: Any) -> None:
            super().__init__()
            self.register_parameter(parameter, nn.Parameter(torch.randn(into, out) / into**0.5))

        def forward(self, x: Tensor, *_: Any, **__: Any) -> Any:
            output = mixed(self.get_parameter(parameter), x, residual)
            return (output, None) if as_pair else output

    return Part
