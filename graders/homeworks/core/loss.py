"""`core`'s next-token loss."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graders.signature import require_parameters
from sandbox.client import Remote, Worker

from .given import given


@dataclass(frozen=True)
class CoreLoss:
    """`next_token_loss(logits, ids, mask=None)`."""

    function: Remote

    def __call__(self, logits: Tensor, ids: Tensor, mask: Tensor | None = None) -> Any:
        return self.function(logits, ids, *given(mask))

    def inputs_after(self, logits: Tensor, ids: Tensor, mask: Tensor | None) -> list[Any]:
        return self.function.inputs_after(logits, ids, *given(mask))[1]

    def gradient(self, logits: Tensor, ids: Tensor, mask: Tensor | None) -> Any:
        return self.function.gradients([logits, ids, *given(mask)], [0], torch.tensor(1.0))[0][0]


def open_loss(worker: Worker) -> CoreLoss:
    function = worker.resolve("loss", "next_token_loss")
    require_parameters(function, "loss.py", ("logits", "ids"), ("mask",))
    return CoreLoss(function)
