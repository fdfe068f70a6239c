"""The binding: `attend(q, k, v, visible)` takes one batch axis and returns no weights."""

from dataclasses import dataclass

import torch

from graders.signature import require_parameters
from graders.student import Offer
from sandbox.client import Remote


@dataclass
class Attend:
    """The task attention (graders/tasks/) in terms of `attend`."""

    attend: Remote

    def __call__(self, query, key, value, mask=None):
        q, k, v, *visible = self._theirs(query, key, value, mask)
        # attending to the unit vectors gives the weights
        units = torch.eye(k.shape[1], dtype=v.dtype).expand(len(q), -1, -1)
        return self._back(self.attend(q, k, v, *visible), query), self._back(self.attend(q, k, units, *visible), query)

    def inputs_after(self, query, key, value, mask):
        given = self._theirs(query, key, value, mask)
        changed = [not isinstance(a, torch.Tensor) or not torch.equal(a, b)
                   for a, b in zip(self.attend.inputs_after(*given)[1], given, strict=True)]  # fmt: skip
        return [None if bad else tensor for tensor, bad in zip((query, key, value, mask), changed, strict=False)]

    def gradients(self, query, key, value, mask, grad_output):
        sent = self._theirs(query, key, value, mask)
        got, _ = self.attend.gradients(sent, [0, 1, 2], grad_output.reshape(-1, *grad_output.shape[-2:]))
        return [self._back(gradient, query) for gradient in got]

    @staticmethod
    def _theirs(query, key, value, mask):
        """All leading axes become one."""
        flat = [tensor.reshape(-1, *tensor.shape[-2:]) for tensor in (query, key, value)]
        shape = (*query.shape[:-1], key.shape[-2])
        return flat if mask is None else [*flat, mask.expand(shape).reshape(-1, *shape[-2:])]

    @staticmethod
    def _back(value, like):
        """The leading axes as they were. What is no such tensor stays as it is, and the check says what it found."""
        fits = isinstance(value, torch.Tensor) and value.dim() == 3 and len(value) == like[..., 0, 0].numel()
        return value.reshape(*like.shape[:-2], *value.shape[1:]) if fits else value


def _open(worker):
    function = worker.resolve("attend", "attend")
    require_parameters(function, "attend.py", ("q", "k", "v"), ("visible",))
    return Attend(function)


BINDING = {"attention": Offer(_open, frozenset({"function"}))}
