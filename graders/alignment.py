"""Matching a module's parameters with the roles query, key, value and proj.

Names, fusion and order of a student's Linears are seldom fixed by a handout. The few possible assignments are listed, the
likely one first; the binding tries them against the oracle and takes the first that makes the outputs equal.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

ROLES = ("query", "key", "value", "proj")
_HINTS = {"query": "q", "key": "k", "value": "v", "proj": "po"}


@dataclass(frozen=True)
class Layout:
    """Which rows of which roles each parameter stacks.

    Attributes:
        stacks: parameter name → ((role.part, rows or None for all), …), stacked along the first axis.
    """

    stacks: dict[str, tuple[tuple[str, slice | None], ...]]

    def pack(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Canonical weights by role → the module's parameters by name."""
        return {
            name: torch.cat([weights[role] if rows is None else weights[role][rows] for role, rows in pieces])
            for name, pieces in self.stacks.items()
        }

    def unpack(self, gradients: Mapping[str, Tensor], like: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
        """The module's gradients by name → by role.

        Args:
            gradients: one tensor per parameter, of the parameter's shape.
            like: shapes of the roles.
        """
        result = {role: torch.zeros(shape) for role, shape in like.items()}
        for name, pieces in self.stacks.items():
            start = 0
            for role, rows in pieces:
                target = result[role] if rows is None else result[role][rows]
                target.copy_(gradients[name][start : start + len(target)])
                start += len(target)
        return result


def layouts(parameters: Mapping[str, tuple[int, ...]], d_model: int, n_heads: int) -> list[Layout]:
    """The possible layouts of a module, the likely one first; empty if its parameters fit none.

    Known are: one fused Linear (3·d_model, d_model) stacked head by head as [q|k|v] or in three blocks, with one square
    Linear; or four square Linears under any names.

    Args:
        parameters: names and shapes.
        d_model, n_heads: sizes of the module.
    """
    # a Linear without a bias is not among them: the cases' biases would have nowhere to go
    named = [name.removesuffix(".weight") for name in parameters if name.endswith(".weight")]
    linears = [name for name in named if f"{name}.bias" in parameters]
    square = [name for name in linears if parameters[f"{name}.weight"] == (d_model, d_model)]
    fused = [name for name in linears if parameters[f"{name}.weight"] == (3 * d_model, d_model)]
    if len(fused) == 1 and len(square) == 1:
        return [_fused(fused[0], square[0], stack) for stack in (_by_head(d_model, n_heads), _in_blocks())]
    if len(square) == 4 and not fused:
        guesses = itertools.permutations(square)
        ranked = sorted(guesses, key=_unlikely)
        return [
            Layout(
                {
                    f"{n}.{part}": ((f"{role}.{part}", None),)
                    for n, role in zip(names, ROLES, strict=True)
                    for part in PARTS
                }
            )
            for names in ranked
        ]
    return []


PARTS = ("weight", "bias")


def _unlikely(names: tuple[str, ...]) -> int:
    """How many of the names do not hint at their role."""
    return sum(
        not any(word[:1] in _HINTS[role] for word in name.lower().replace("w_", "").split("."))
        for name, role in zip(names, ROLES, strict=True)
    )


def _by_head(d_model: int, n_heads: int) -> list[tuple[str, slice | None]]:
    d_head = d_model // n_heads
    return [
        (role, slice(head * d_head, (head + 1) * d_head))
        for head in range(n_heads)
        for role in ("query", "key", "value")
    ]


def _in_blocks() -> list[tuple[str, slice | None]]:
    return [("query", None), ("key", None), ("value", None)]


def _fused(fused: str, square: str, stack: list[tuple[str, slice | None]]) -> Layout:
    stacks: dict[str, tuple[tuple[str, slice | None], ...]] = {}
    for part in PARTS:
        stacks[f"{fused}.{part}"] = tuple((f"{role}.{part}", rows) for role, rows in stack)
        stacks[f"{square}.{part}"] = ((f"proj.{part}", None),)
    return Layout(stacks)
