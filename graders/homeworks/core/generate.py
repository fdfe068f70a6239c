"""`core`'s generation."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders.signature import require_parameters
from graders.tasks import ModelSpec
from sandbox.client import Remote, Worker


@dataclass(frozen=True)
class CoreGenerate:
    """`generate(model, ids, n_new_tokens, tau, k, p, generator)`."""

    worker: Worker
    function: Remote

    def __call__(
        self,
        model: ModelSpec,
        ids: Tensor,
        n_new_tokens: int,
        tau: float = 1.0,
        k: int | None = None,
        p: float | None = None,
        seed: int = 0,
    ) -> Any:
        generator = self.worker.make("generator", seed=seed)
        model_and_text = self._model(model).handle, ids, n_new_tokens
        if (tau, k, p) == (1.0, None, None):  # so that its defaults are used
            return self.function(*model_and_text, generator=generator)
        return self.function(*model_and_text, tau, k, p, generator)

    def ids_after(self, model: ModelSpec, ids: Tensor, n_new_tokens: int) -> Any:
        return self.function.inputs_after(self._model(model).handle, ids, n_new_tokens)[1][1]

    def mode_after(self, model: ModelSpec, ids: Tensor, training: bool) -> Any:
        made = self._model(model)
        made.do("train", training)
        self.function(made.handle, ids, 3)
        return made.get("training")

    def requires_grad(self, model: ModelSpec, ids: Tensor) -> Any:
        made = self._model(model)
        self.function(made.handle, ids, 3)
        return made.get("saw_graph")

    def _model(self, spec: ModelSpec) -> Remote:
        return Remote(self.worker, self.worker.make("model", **dataclasses.asdict(spec)), "the model")


def open_generate(worker: Worker) -> CoreGenerate:
    function = worker.resolve("generate", "generate")
    require_parameters(function, "generate.py", ("model", "ids", "n_new_tokens"), ("tau", "k", "p", "generator"))
    return CoreGenerate(worker, function)
