"""`core`'s Transformer block."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from graders.oracles.block import block
from graders.signature import require_parameters
from graders.tasks import BlockSizes
from sandbox.client import Remote, Worker

from .state_dict import StateDictModule


@dataclass
class CoreBlockModule(StateDictModule):
    """One `Block`."""

    n_heads: int = 1

    def expected(self, x: Tensor) -> Iterator[Tensor]:
        yield block(self.loaded(), self.n_heads, x)


@dataclass(frozen=True)
class CoreBlock:
    """`Block(d_model, n_heads, d_hidden, dropout)`."""

    constructor: Remote

    def build(self, sizes: BlockSizes) -> CoreBlockModule:
        dropout = (sizes.dropout,) if sizes.dropout else ()
        module = self.constructor.construct(sizes.d_model, sizes.n_heads, sizes.d_hidden, *dropout)
        return CoreBlockModule(module, n_heads=sizes.n_heads)


def open_block(worker: Worker) -> CoreBlock:
    constructor = worker.resolve("block", "Block")
    require_parameters(constructor, "block.py", ("d_model", "n_heads", "d_hidden"), ("dropout",), is_class=True)
    return CoreBlock(constructor)
