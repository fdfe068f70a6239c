"""`core`'s layer normalisation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders.oracles.layer_norm import layer_norm
from graders.signature import require_parameters
from sandbox.client import Remote, Worker

_EPS = 1e-5


@dataclass(frozen=True)
class CoreLayerNorm:
    """`layer_norm(x, gain, bias, eps)`."""

    function: Remote

    def __call__(self, x: Tensor, gain: Tensor, bias: Tensor, eps: float = _EPS) -> Any:
        return self.function(x, gain, bias, *(() if eps == _EPS else (eps,)))

    def expected(self, x: Tensor, gain: Tensor, bias: Tensor, eps: float = _EPS) -> Iterator[Tensor]:
        yield layer_norm(x, gain, bias, eps)

    def inputs_after(self, x: Tensor, gain: Tensor, bias: Tensor) -> list[Any]:
        return self.function.inputs_after(x, gain, bias)[1]

    def gradients(self, x: Tensor, gain: Tensor, bias: Tensor, grad_output: Tensor) -> list[Any]:
        return self.function.gradients([x, gain, bias], [0, 1, 2], grad_output)[0]

    def not_applied(self) -> str:
        raise AssertionError("core has no model around it: the capability in_model is not offered")


def open_layer_norm(worker: Worker) -> CoreLayerNorm:
    function = worker.resolve("layer_norm", "layer_norm")
    require_parameters(function, "layer_norm.py", ("x", "gain", "bias"), ("eps",))
    return CoreLayerNorm(function)
