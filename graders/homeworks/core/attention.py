"""`core`'s attention and masks."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders.compare import require_pair
from graders.signature import require_parameters
from sandbox.client import Remote, Worker

from .given import given


@dataclass(frozen=True)
class CoreAttention:
    """`attention(query, key, value, mask=None)`."""

    function: Remote

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Any, Any]:
        return require_pair(self.function(query, key, value, *given(mask)), "attention", ("output", "weights"))

    def inputs_after(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> list[Any]:
        return self.function.inputs_after(query, key, value, *given(mask))[1]

    def gradients(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, grad_output: Tensor
    ) -> list[Any]:
        return self.function.gradients([query, key, value, *given(mask)], [0, 1, 2], grad_output, output=0)[0]


@dataclass(frozen=True)
class CoreMask:
    """`causal_mask(n_tokens)` and `attention_mask(ids, pad_id)`."""

    causal_mask: Remote
    attention_mask: Remote

    def causal(self, n_tokens: int) -> Any:
        return self.causal_mask(n_tokens)

    def padded(self, ids: Tensor, pad_id: int) -> Any:
        return self.attention_mask(ids, pad_id)

    def ids_after(self, ids: Tensor, pad_id: int) -> Any:
        return self.attention_mask.inputs_after(ids, pad_id)[1][0]


def open_attention(worker: Worker) -> CoreAttention:
    function = worker.resolve("attention", "attention")
    require_parameters(function, "attention.py", ("query", "key", "value"), ("mask",))
    return CoreAttention(function)


def open_mask(worker: Worker) -> CoreMask:
    causal, padded = worker.resolve("mask", "causal_mask"), worker.resolve("mask", "attention_mask")
    require_parameters(causal, "mask.py", ("n_tokens",))
    require_parameters(padded, "mask.py", ("ids", "pad_id"))
    return CoreMask(causal, padded)
