"""`core`'s perplexity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders.signature import require_parameters
from sandbox.client import Remote, Worker


@dataclass(frozen=True)
class CorePerplexity:
    """`perplexity(logits_batches, ids_batches, masks=None)`."""

    function: Remote

    def __call__(
        self,
        logits_batches: Sequence[Tensor],
        ids_batches: Sequence[Tensor],
        masks: Sequence[Tensor | None] | None = None,
    ) -> Any:
        optional = () if masks is None else (list(masks),)
        return self.function(list(logits_batches), list(ids_batches), *optional)


def open_perplexity(worker: Worker) -> CorePerplexity:
    function = worker.resolve("loss", "perplexity")
    require_parameters(function, "loss.py", ("logits_batches", "ids_batches"), ("masks",))
    return CorePerplexity(function)
