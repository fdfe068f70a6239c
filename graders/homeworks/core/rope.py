"""`core`'s rotary position embedding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders.signature import require_parameters
from graders.tasks import HeadSizes
from sandbox.client import Remote, Worker

from .given import given


@dataclass(frozen=True)
class CoreRope:
    """`rope_cache(dim, n_positions, base)` and `apply_rope(x, cache, positions)`."""

    rope_cache: Remote
    apply_rope: Remote

    def cache(self, dim: int, n_positions: int, base: float = 10000.0) -> Any:
        return self.rope_cache(dim, n_positions, *(() if base == 10000.0 else (base,)))

    def apply(self, x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Any:
        return self.apply_rope(x, cache, *given(positions))

    def inputs_after(self, x: Tensor, cache: Tensor) -> list[Any]:
        return self.apply_rope.inputs_after(x, cache)[1]

    def gradient(self, x: Tensor, cache: Tensor, grad_output: Tensor) -> Any:
        return self.apply_rope.gradients([x, cache], [0], grad_output)[0][0]

    def attend(
        self, sizes: HeadSizes, weights: Mapping[str, Tensor], x: Tensor, rope: bool = True
    ) -> tuple[Any, dict[str, Tensor]]:
        raise AssertionError("core has no attention with RoPE: the capability inside_attention is not offered")


def open_rope(worker: Worker) -> CoreRope:
    cache, apply = worker.resolve("rope", "rope_cache"), worker.resolve("rope", "apply_rope")
    require_parameters(cache, "rope.py", ("dim", "n_positions"), ("base",))
    require_parameters(apply, "rope.py", ("x", "cache"), ("positions",))
    return CoreRope(cache, apply)
