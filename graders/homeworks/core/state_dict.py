"""A module of `core`, whose own `load_state_dict` takes the canonical roles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from sandbox.client import Remote


@dataclass
class StateDictModule:
    """What all of `core`'s modules have in common; `expected` is the task's own."""

    module: Remote
    _loaded: dict[str, Tensor] = field(default_factory=dict, repr=False, init=False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        self._loaded = dict(weights)
        self.module.do("load_state_dict", dict(weights))

    def loaded(self) -> dict[str, Tensor]:
        return self._loaded

    def __call__(self, x: Tensor) -> Any:
        return self.module(x)

    def train(self, mode: bool) -> None:
        self.module.do("train", mode)

    def to_dtype(self, dtype: str) -> None:
        self.module.do(dtype)

    def inputs_after(self, x: Tensor) -> list[Any]:
        return self.module.inputs_after(x)[1]

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        [grad_x], by_name = self.module.gradients([x], [0], grad_output, parameters=True)
        return grad_x, by_name if set(by_name) == set(self._loaded) else {}
