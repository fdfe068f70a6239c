"""Question 1.iv: `TinyGPT()`."""

from dataclasses import dataclass, field
from typing import Any

from graders.language_model import PartedGpt, build_gpt
from graders.parts import returns_pair, stand_in
from graders.tasks import GptSizes
from graders.training import Learner, Learners
from sandbox.client import Worker

from .notebook import made


@dataclass
class TinyGpts:
    """`TinyGPT()`, whose blocks are stand-ins."""

    worker: Worker
    _as_pair: bool | None = field(default=None, init=False)

    def build(self, sizes: GptSizes) -> PartedGpt:
        names = _names(sizes)
        if self._as_pair is None:
            self._as_pair = returns_pair(lambda: made(self.worker, "Block", names, ["n_embd", "n_head"]), sizes.d_model)
        block = stand_in(self.worker, sizes.d_model, sizes.d_model, residual=True, as_pair=self._as_pair)
        return build_gpt(made(self.worker, "TinyGPT", names, parts={"Block": block}), sizes)


def _names(sizes: GptSizes) -> dict[str, Any]:
    return {
        "n_embd": sizes.d_model,
        "block_size": sizes.block_size,
        "n_head": sizes.n_heads,
        "n_layer": sizes.n_layers,
        "dropout": sizes.dropout,
        "vocab_size": sizes.vocab_size,
    }


def open_training(worker: Worker) -> Learners:
    """The whole model, with the notebook's own parts in it."""
    return Learners(worker, lambda sizes: Learner(made(worker, "TinyGPT", _names(sizes)), targets=True))
