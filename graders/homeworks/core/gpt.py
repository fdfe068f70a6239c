"""`core`'s language model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from graders.compare import require_pair
from graders.oracles.gpt import gpt
from graders.signature import require_parameters
from graders.tasks import GptSizes
from graders.training import Learner, Learners
from sandbox.client import Remote, Worker


@dataclass
class CoreGptModule:
    """One `GPT`."""

    model: Remote
    n_heads: int
    _loaded: dict[str, Tensor] = field(default_factory=dict, repr=False, init=False)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        self._loaded = dict(weights)
        self.model.do("load_state_dict", dict(weights))

    def loaded(self) -> dict[str, Tensor]:
        return self._loaded

    def __call__(self, ids: Tensor) -> Any:
        return require_pair(self.model(ids), "the model", ("logits", "loss (None without targets)"))[0]

    def expected(self, ids: Tensor) -> Iterator[Tensor]:
        yield gpt(self.loaded(), self.n_heads, ids)

    def with_targets(self, ids: Tensor, targets: Tensor) -> tuple[Any, Any]:
        return require_pair(self.model(ids, targets), "the model", ("logits", "loss"))

    def train(self, mode: bool) -> None:
        self.model.do("train", mode)

    def ids_after(self, ids: Tensor) -> Any:
        return self.model.inputs_after(ids)[1][0]

    def parameters(self) -> dict[str, tuple[int, ...]]:
        return self.model.parameters()

    def gradients(self, ids: Tensor, grad_logits: Tensor) -> dict[str, Any]:
        return self.model.gradients([ids], [], grad_logits, output=0, parameters=True)[1]


@dataclass(frozen=True)
class CoreGpt:
    """`GPT(config)` and `GPTConfig(vocab_size, block_size, …)`, both in the student's file."""

    config: Remote
    constructor: Remote

    def build(self, sizes: GptSizes) -> CoreGptModule:
        options: dict[str, Any] = {"d_hidden": sizes.d_hidden} if sizes.d_hidden != 4 * sizes.d_model else {}
        options |= {"dropout": sizes.dropout} if sizes.dropout else {}
        options |= {"tied": True} if sizes.tied else {}
        config = self.config.construct(
            vocab_size=sizes.vocab_size,
            block_size=sizes.block_size,
            n_layers=sizes.n_layers,
            n_heads=sizes.n_heads,
            d_model=sizes.d_model,
            **options,
        )
        return CoreGptModule(self.constructor.construct(config.handle), sizes.n_heads)


def open_gpt(worker: Worker) -> CoreGpt:
    config, constructor = worker.resolve("gpt", "GPTConfig"), worker.resolve("gpt", "GPT")
    require_parameters(constructor, "gpt.py", ("config",), is_class=True)
    return CoreGpt(config, constructor)


def open_training(worker: Worker) -> Learners:
    """The same model, with the weights that its constructor gives it."""
    gpt = open_gpt(worker)
    return Learners(worker, lambda sizes: Learner(gpt.build(sizes).model, targets=True))
