"""A student's model in training: what a worker tells of it, and what the judge makes of the logits that come back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sandbox.client import Remote, Worker
from sandbox.text import clean

from .compare import describe
from .tasks import GptSizes
from .verdict import CheckFailed

MAX_NAMES = 5


@dataclass(frozen=True)
class Learner:
    """A new model of the student's and how a loss is made of ids; see `sandbox/training.py`.

    Attributes:
        module: the model.
        loss: the student's loss, if it is an object of its own.
        mask: one element of the mask that this loss takes, (1, 1).
        targets: whether the model takes ids and targets, and returns logits and loss.
        table: name of the parameter that turns the model's output into logits; "" = the output is the logits.
    """

    module: Remote
    loss: Remote | None = None
    mask: Tensor | None = None
    targets: bool = False
    table: str = ""


@dataclass(frozen=True)
class TrainingRun:
    """What a worker tells of a training run. The logits count; what else is told is for messages.

    Attributes:
        before: the logits of the first probe before the first step, (B, T − 1, V).
        after: those of each probe after the last step.
        told: the losses that the student's code has given, (steps,).
        none, zero: names of parameters that never got a gradient, or none but 0.
    """

    before: Tensor
    after: list[Tensor]
    told: Tensor
    none: tuple[str, ...]
    zero: tuple[str, ...]


@dataclass
class Learners:
    """The canonical form of the task `training`.

    Attributes:
        worker: where the models live.
        make: makes a new model of some sizes, with the weights that its own constructor gives it.
        notes: remarks for the student.
    """

    worker: Worker
    make: Callable[[GptSizes], Learner]
    notes: list[str] = field(default_factory=list)

    def train(
        self, sizes: GptSizes, batches: Tensor, steps: int, probes: list[Tensor], *, seed: int, lr: float
    ) -> TrainingRun:
        """Train a new model in one request.

        Args:
            sizes: of the model.
            batches: (n, B, T) ids, taken in turn.
            steps: number of steps of Adam.
            probes: ids (B, T) whose logits are wanted afterwards; those of the first one also before.
            seed: of the worker's random states, from which the initial weights follow.
            lr: the learning rate.

        Raises:
            CheckFailed: the logits do not have the shape of logits.
            StudentError, WorkerLost: the student's code raised, or never ended.
        """
        self.worker.seed(seed)
        learner = self.make(sizes)
        reply = self.worker.request(
            "train",
            seconds=self.worker.patience.load,
            target=learner.module.handle,
            loss=None if learner.loss is None else learner.loss.handle,
            mask=learner.mask,
            targets=learner.targets,
            table=learner.table,
            batches=batches,
            steps=steps,
            lr=lr,
            probes=probes,
        )
        if type(reply) is not dict or reply.keys() != {"losses", "before", "after", "none", "zero"}:
            self.worker.refuse("a training run")
        told = reply["losses"]
        if not isinstance(told, Tensor) or tuple(told.shape) != (steps,) or told.dtype != torch.float64:
            self.worker.refuse("a loss for each step")
        if type(reply["after"]) is not list or len(reply["after"]) != len(probes):
            self.worker.refuse("logits for each probe")
        before, *after = (
            _logits(value, probe, sizes)
            for value, probe in zip([reply["before"], *reply["after"]], [probes[0], *probes], strict=True)
        )
        return TrainingRun(before, after, told, _names(self.worker, reply["none"]), _names(self.worker, reply["zero"]))


def cross_entropy(logits: Tensor, ids: Tensor) -> float:
    """The mean loss in nats of predicting each token of ids (B, T) but the first; logits (B, T − 1, V), float64."""
    return float(F.cross_entropy(logits.double().flatten(0, 1), ids[:, 1:].flatten()))


def table_of(module: Remote, rows: int, what: str) -> str:
    """The name of the embedding of tokens in a model that is trained through it: its first table of so many rows.

    Raises:
        CheckFailed: there is none.
    """
    shapes = module.parameters()
    found = [name for name, shape in shapes.items() if len(shape) == 2 and shape[0] == rows]
    if not found:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())[:600]
        raise CheckFailed(f"{what} has no embedding of {rows} tokens. Its parameters are: {listed or 'none'}.")
    return found[0]


def _logits(value: Any, ids: Tensor, sizes: GptSizes) -> Tensor:
    """Logits for all tokens but the last, (B, T − 1, V); some models make them for the last one too, or flatten them."""
    B, T = ids.shape
    V = sizes.vocab_size
    if isinstance(value, Tensor) and value.is_floating_point():
        if tuple(value.shape) == (B, T, V):
            return value[:, :-1]
        if tuple(value.shape) in ((B, T - 1, V), (B * (T - 1), V)):
            return value.view(B, T - 1, V)
    raise CheckFailed(
        f"For {T - 1} ids in each of {B} sequences the model must give logits {(B, T - 1, V)}, got {describe(value)}."
    )


def _names(worker: Worker, value: Any) -> tuple[str, ...]:
    if type(value) is not list or not all(type(name) is str for name in value):
        worker.refuse("the names of parameters")
    return tuple(clean(name, 100) for name in value)
