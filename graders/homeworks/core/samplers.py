"""`core`'s samplers."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders.signature import require_parameters
from sandbox.client import Remote, Worker

FILE = "samplers.py"


@dataclass(frozen=True)
class CoreSamplers:
    """`temperature(logits, tau)`, `top_k(logits, k)`, `top_p(logits, p)`, `sample(logits, tau, k, p, generator)`."""

    worker: Worker
    functions: dict[str, Remote]

    def temperature(self, logits: Tensor, tau: float) -> Any:
        return self.functions["temperature"](logits, tau)

    def top_k(self, logits: Tensor, k: int) -> Any:
        return self.functions["top_k"](logits, k)

    def top_p(self, logits: Tensor, p: float) -> Any:
        return self.functions["top_p"](logits, p)

    def sample(
        self,
        logits: Tensor,
        tau: float = 1.0,
        k: int | None = None,
        p: float | None = None,
        seed: int = 0,
        calls: int = 1,
    ) -> list[Any]:
        generator = self.worker.make("generator", seed=seed)
        if (tau, k, p, calls) == (1.0, None, None, 1):  # so that its defaults are used
            return [self.functions["sample"](logits, generator=generator)]
        return self.functions["sample"].call_many([[logits, tau, k, p, generator]] * calls)

    def sample_beside_global(self, logits: Tensor, seed: int, global_seed: int) -> Any:
        generator = self.worker.make("generator", seed=seed)
        self.worker.seed(global_seed)
        return self.functions["sample"](logits, 1.0, None, None, generator)

    def inputs_after(self, function: str, logits: Tensor, option: float) -> Any:
        return self.functions[function].inputs_after(logits, option)[1][0]


def open_samplers(worker: Worker) -> CoreSamplers:
    functions = {name: worker.resolve("samplers", name) for name in ("temperature", "top_k", "top_p", "sample")}
    for name, option in (("temperature", "tau"), ("top_k", "k"), ("top_p", "p")):
        require_parameters(functions[name], FILE, ("logits", option))
    require_parameters(functions["sample"], FILE, ("logits",), ("tau", "k", "p", "generator"))
    return CoreSamplers(worker, functions)
