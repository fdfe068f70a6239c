"""Modules of students whose parts are graded in other questions: stand-ins take the parts' places (`sandbox/part.py`).

So a mistake costs once: what a part does wrong, or does not do at all, cannot reach the question about the whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sandbox.client import Remote, Worker
from sandbox.errors import StudentError
from sandbox.part import mixed
from sandbox.wire import Handle

from .aligned import is_pair
from .oracles.layer_norm import layer_norm
from .strategies import generator
from .verdict import CheckFailed

Shape = tuple[int, ...]
ONLY = "stand_in"  # the parameter's name where there is one kind of stand-in


def stand_in(
    worker: Worker, into: int, out: int, *, kind: str = ONLY, residual: bool = False, as_pair: bool = False
) -> Handle:
    """A class that takes a part's place; see `sandbox/part.py`.

    Args:
        worker: where it lives.
        into, out: width of a token before and after it.
        kind: tells it from stand-ins for other parts.
        residual: whether it adds what it is given, as a block does.
        as_pair: whether it returns a pair, as the student's own part does.
    """
    return worker.make("part", into=into, out=out, parameter=kind, residual=residual, as_pair=as_pair)


def returns_pair(make: Callable[[], Remote], width: int) -> bool:
    """Whether a student's part returns (output, something), as those do that also return attention weights.

    Args:
        make: makes one.
        width: of a token.
    """
    try:
        return is_pair(make()(torch.randn(2, 3, width, generator=generator(3))))
    except StudentError:
        return False


def split(parameters: Mapping[str, Shape], kind: str = ONLY) -> tuple[list[str], dict[str, Shape]]:
    """The names of the stand-ins' parameters in order of registration, and all other parameters."""
    parts = [name for name in parameters if name.rpartition(".")[2] == kind]
    return parts, {name: shape for name, shape in parameters.items() if name not in parts}


def require_parts(parts: list[str], count: int, whole: str, part: str) -> None:
    """Require as many parts of a model as it must have, each with weights of its own.

    Raises:
        CheckFailed: there are fewer or more.
    """
    if len(parts) == count:
        return
    shared = (
        f" [{part}(…)] * n puts the same {part} in the list n times: make each of them anew, as in "
        f"[{part}(…) for _ in range(n)]."
    )
    raise CheckFailed(
        f"{whole} must hold {count} of class {part}, each with weights of its own; it holds {len(parts)}."
        + (shared if 0 < len(parts) < count else "")
    )


def do_not_fit(whole: str, expected: str, parameters: Mapping[str, Shape]) -> CheckFailed:
    """The error for parameters that cannot be matched with roles."""
    found = ", ".join(f"{name} {shape}" for name, shape in parameters.items()) or "none"
    return CheckFailed(f"The parameters of {whole} do not fit: expected {expected}; found {found[:600]}.")


@dataclass(frozen=True)
class Norm:
    """The parameters of a normalisation, by name; None where there is none."""

    gain: str | None = None
    bias: str | None = None

    def state(self, weights: Mapping[str, Tensor], role: str) -> dict[str, Tensor]:
        """What to load, by name."""
        pairs = ((self.gain, f"{role}.weight"), (self.bias, f"{role}.bias"))
        return {name: weights[source] for name, source in pairs if name is not None}

    def __call__(self, state: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """x normalised, float64."""
        gain = state[self.gain] if self.gain is not None else torch.ones(x.shape[-1])
        bias = state[self.bias] if self.bias is not None else torch.zeros(x.shape[-1])
        return layer_norm(x, gain, bias)


def norms_of(parameters: Mapping[str, Shape], width: int) -> list[Norm]:
    """The normalisations of a module: what has parameters of the width of a token and no others, in order."""
    groups: dict[str, list[str]] = {}
    for name in parameters:
        groups.setdefault(name.rpartition(".")[0], []).append(name)
    found = []
    for names in groups.values():
        if len(names) <= 2 and all(parameters[name] == (width,) for name in names):
            bias = next(
                (name for name in names if name.rpartition(".")[2].lower() in ("bias", "beta", "b", "shift")), None
            )
            gains = [name for name in names if name != bias]
            if len(gains) <= 1:
                found.append(Norm(gains[0] if gains else None, bias))
    return found


@dataclass
class PartedModule:
    """A module of the student's in which stand-ins have taken the places of parts.

    Attributes:
        module: the student's.
        state: what has been loaded, by the module's own names.
    """

    module: Remote
    state: dict[str, Tensor] = field(default_factory=dict, repr=False, init=False)

    def put(self, state: dict[str, Tensor]) -> None:
        """Load parameters by the module's own names."""
        self.state = state
        self.module.do("load_state_dict", state, strict=False)

    def part(self, name: str, x: Tensor, *, residual: bool = False) -> Tensor:
        """What the stand-in with this parameter gives, float64."""
        return mixed(self.state[name].double(), x.double(), residual)

    def loaded(self) -> dict[str, Tensor]:
        """Nothing: roles are not those of a whole model where stand-ins are in it."""
        return {}

    def __call__(self, x: Tensor) -> Any:
        """The output; of several values that are returned, the first."""
        value = self.module(x)
        return value[0] if is_pair(value) else value

    def train(self, mode: bool) -> None:
        """Switch between train and eval mode."""
        self.module.do("train", mode)

    def to_dtype(self, dtype: str) -> None:
        """Convert the parameters."""
        self.module.do(dtype)

    def inputs_after(self, x: Tensor) -> list[Any]:
        """The arguments as they are after a call."""
        return self.module.inputs_after(x)[1]

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        """The gradient with respect to x; roles of parameters are not known."""
        output = 0 if is_pair(self.module(x)) else None
        [grad_x], _ = self.module.gradients([x], [0], grad_output, output=output)
        return grad_x, {}
