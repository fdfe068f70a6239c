"""`core`'s multi-head attention."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders import oracles
from graders.oracles.attention import attention_weights
from graders.signature import require_parameters
from graders.tasks import HeadSizes
from sandbox.client import Remote, Worker

from .given import given
from .state_dict import StateDictModule


@dataclass
class CoreHeads(StateDictModule):
    """One `MultiHeadAttention`."""

    n_heads: int = 1

    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Any:
        return self.module(x, *given(mask))

    def expected(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        yield oracles.multi_head(self.loaded(), self.n_heads, x, mask)

    def unmasked(self, x: Tensor) -> Any:
        raise AssertionError("core's module is causal without a mask: the capability no_mask is not offered")

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Any:
        raise AssertionError("core's module returns no weights: the capability returned_weights is not offered")

    def expected_weights(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        yield attention_weights(self.loaded(), self.n_heads, x, mask)


@dataclass(frozen=True)
class CoreMultiHead:
    """`MultiHeadAttention(d_model, n_heads, dropout)`."""

    constructor: Remote

    def build(self, sizes: HeadSizes) -> CoreHeads:
        dropout = (sizes.dropout,) if sizes.dropout else ()
        return CoreHeads(self.constructor.construct(sizes.d_model, sizes.n_heads, *dropout), n_heads=sizes.n_heads)


def open_multi_head(worker: Worker) -> CoreMultiHead:
    constructor = worker.resolve("multi_head", "MultiHeadAttention")
    require_parameters(constructor, "multi_head.py", ("d_model", "n_heads"), ("dropout",), is_class=True)
    return CoreMultiHead(constructor)
