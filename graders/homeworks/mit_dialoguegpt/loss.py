"""4(d) `DialogueLoss()(logits, input_ids, inp_mask)`."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graders.compare import assert_agrees
from graders.oracles.loss import next_token_loss
from graders.strategies import generator
from graders.verdict import CheckFailed
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .notebook import define

_MASK_DTYPES = (torch.int64, torch.bool, torch.float32)  # the dtype depends on the starter's collate


@dataclass
class MitLoss:
    """The loss. It is given only masks as the data loader makes them: tokens first, the start token among them, then padding.

    The checks' masks have holes. The loss is a sum over pairs of logits and target, so that their order within a sequence
    is free: the pairs that count are moved to the front, and gradients are moved back.
    """

    loss: Remote
    dtype: torch.dtype = torch.int64

    def __call__(self, logits: Tensor, ids: Tensor, mask: Tensor | None = None) -> Any:
        return self.loss(*self._padded(logits, ids, mask)[0])

    def inputs_after(self, logits: Tensor, ids: Tensor, mask: Tensor | None) -> list[Any]:
        given, _ = self._padded(logits, ids, mask)
        after = self.loss.inputs_after(*given)[1]
        whether = [_is_same(new, old) for new, old in zip(after, given, strict=True)]
        before = [logits, ids, mask]
        return [old if same else new for same, old, new in zip(whether, before, after, strict=True)]

    def gradient(self, logits: Tensor, ids: Tensor, mask: Tensor | None) -> Any:
        given, order = self._padded(logits, ids, mask)
        got = self.loss.gradients(given, [0], torch.tensor(1.0))[0][0]
        if not isinstance(got, Tensor) or got.shape != logits.shape:
            return got
        index = order.argsort(dim=1)[..., None].expand(-1, -1, logits.shape[-1])
        return torch.cat((got[:, :-1].gather(1, index), got[:, -1:]), dim=1)

    def adapt(self) -> None:
        """Find the dtype of masks with which the loss is right; the first if it is right with none."""
        rng = generator(7)
        logits, ids = torch.randn(3, 5, 7, generator=rng), torch.randint(7, (3, 5), generator=rng)
        mask = torch.arange(5) < torch.tensor([[5], [3], [4]])
        for self.dtype in _MASK_DTYPES:
            try:
                assert_agrees(self(logits, ids, mask), next_token_loss(logits, ids, mask))
                return
            except (StudentError, CheckFailed):
                continue
        self.dtype = _MASK_DTYPES[0]

    def _padded(self, logits: Tensor, ids: Tensor, mask: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """The arguments with the supervised targets in front of the others, and the order that was made, (B, T−1)."""
        B, T, V = logits.shape
        supervised = torch.ones(B, T - 1, dtype=torch.bool) if mask is None else mask[:, 1:]
        order = (~supervised).int().argsort(dim=1, stable=True)  # (B, T−1)
        moved = logits[:, :-1].gather(1, order[..., None].expand(B, T - 1, V))
        targets = ids[:, 1:].gather(1, order)
        counts = torch.cat((torch.ones(B, 1, dtype=torch.bool), supervised.gather(1, order)), dim=1)
        given = [
            torch.cat((moved, logits[:, -1:]), dim=1),
            torch.cat((ids[:, :1], targets), dim=1),
            counts.to(self.dtype),
        ]
        if not logits.is_contiguous():
            given[0] = given[0].transpose(0, 1).contiguous().transpose(0, 1)
        if not ids.is_contiguous():
            given[1] = given[1].T.contiguous().T
        return given, order


def _is_same(new: Any, old: Tensor) -> bool:
    return isinstance(new, Tensor) and new.dtype == old.dtype and torch.equal(new, old)


def open_loss(worker: Worker) -> MitLoss:
    loss = MitLoss(define(worker, "DialogueLoss", ())["DialogueLoss"].construct())
    loss.adapt()
    return loss
