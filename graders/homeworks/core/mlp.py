"""`core`'s position-wise feed-forward network."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from graders.oracles.mlp import mlp
from graders.signature import require_parameters
from graders.tasks import MlpSizes
from sandbox.client import Remote, Worker

from .state_dict import StateDictModule


class CoreMlpModule(StateDictModule):
    """One `MLP`."""

    def expected(self, x: Tensor) -> Iterator[Tensor]:
        yield mlp(self.loaded(), x)


@dataclass(frozen=True)
class CoreMlp:
    """`MLP(d_model, d_hidden, dropout)`."""

    constructor: Remote

    def build(self, sizes: MlpSizes) -> CoreMlpModule:
        dropout = (sizes.dropout,) if sizes.dropout else ()
        return CoreMlpModule(self.constructor.construct(sizes.d_model, sizes.d_hidden, *dropout))


def open_mlp(worker: Worker) -> CoreMlp:
    constructor = worker.resolve("mlp", "MLP")
    require_parameters(constructor, "mlp.py", ("d_model", "d_hidden"), ("dropout",), is_class=True)
    return CoreMlp(constructor)
