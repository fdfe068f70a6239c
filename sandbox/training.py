"""Train a student's model for some steps, inside the worker: one request does the whole loop.

The optimiser is Adam (Kingma & Ba 2015, algorithm 1) with clipped gradients, written out here: torch's own makes each worker
import its compiler, which takes longer than the training.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BETAS = (0.9, 0.99)
_EPS = 1e-8
_LONGEST_GRADIENT = 1.0

Step = Callable[[Tensor], tuple[Any, Any]]  # ids (B, T) → the logits and the loss


def step_of(module: Any, loss: Any, mask: Tensor | None, targets: bool, table: str) -> Step:
    """How a model makes logits and a loss of ids (B, T), whose tokens are each to be predicted from those before them.

    Args:
        module: the student's model.
        loss: the student's loss, called with logits, ids and a mask of ones; None = the model's own, or the cross-entropy.
        mask: (1, 1), one element of that mask; None where there is none.
        targets: whether the model takes ids and targets, and returns logits and loss.
        table: name of the parameter (V, d) that turns the model's output into logits; "" = the output is the logits.
    """

    def step(ids: Tensor) -> tuple[Any, Any]:
        if targets:
            logits, found = module(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())
            return logits, found
        if loss is not None:
            logits = _first(module(ids))
            return logits, loss(logits, ids, None if mask is None else mask.expand_as(ids).contiguous())
        logits = _first(module(ids[:, :-1].contiguous()))
        if table:
            logits = logits @ dict(module.named_parameters())[table].T
        return logits, F.cross_entropy(logits.flatten(0, -2), ids[:, 1:].flatten())

    return step


def train(module: Any, step: Step, batches: Tensor, steps: int, lr: float, probes: Sequence[Tensor]) -> dict[str, Any]:
    """Train a model.

    Args:
        module: the student's model.
        step: see `step_of`.
        batches: (n, B, T) ids; step i takes number i mod n.
        steps: how often the parameters are changed.
        lr: the learning rate.
        probes: ids (B, T) whose logits are wanted when all is over; those of the first also before it begins.

    Returns:
        losses: (steps,) float64; before: the first probe's logits; after: each probe's; none: names of the matrices that
        have never got a gradient; zero: of those whose gradients have all been 0.

    Raises:
        TypeError: the loss is nothing that can be differentiated.
    """
    parameters = dict(module.named_parameters())
    if not parameters:
        raise TypeError("the model has no parameters: a layer must be an attribute, or lie in an nn.ModuleList")
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in parameters.items()}
    reached, moved = set[str](), set[str]()
    before = _logits(module, step, probes[0])
    losses = []
    for i in range(steps):
        module.train()
        for parameter in parameters.values():
            parameter.grad = None
        loss = step(batches[i % len(batches)])[1]
        _require_loss(loss)
        loss.backward()
        losses.append(float(loss.detach()))
        gradients = {name: p.grad for name, p in parameters.items() if p.grad is not None}
        reached |= gradients.keys()
        moved |= {name for name, gradient in gradients.items() if bool(gradient.any())}
        _adam(parameters, gradients, moments, i + 1, lr)
    return {
        "losses": torch.tensor(losses, dtype=torch.float64),
        "before": before,
        "after": [_logits(module, step, probe) for probe in probes],
        "none": [name for name, p in parameters.items() if p.dim() > 1 and name not in reached],
        "zero": [name for name, p in parameters.items() if p.dim() > 1 and name in reached and name not in moved],
    }


@torch.no_grad()
def _adam(
    parameters: dict[str, nn.Parameter],
    gradients: dict[str, Tensor],
    moments: dict[str, tuple[Tensor, Tensor]],
    number: int,
    lr: float,
) -> None:
    """Change the parameters; `number` counts the steps from 1."""
    length = math.sqrt(sum(float(gradient.double().square().sum()) for gradient in gradients.values()))
    shorter = min(1.0, _LONGEST_GRADIENT / (length + 1e-12))
    first_bias, second_bias = (1 - beta**number for beta in _BETAS)
    for name, gradient in gradients.items():
        gradient = gradient * shorter
        first, second = moments[name]
        first.lerp_(gradient, 1 - _BETAS[0])
        second.lerp_(gradient.square(), 1 - _BETAS[1])
        parameters[name].sub_(lr * (first / first_bias) / ((second / second_bias).sqrt() + _EPS))


@torch.no_grad()
def _logits(module: Any, step: Step, ids: Tensor) -> Any:
    module.eval()
    return step(ids)[0]


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


def _require_loss(loss: Any) -> None:
    if not isinstance(loss, Tensor):
        raise TypeError(f"the loss is a {type(loss).__name__}, expected a tensor of one number")
    if loss.dim() or not loss.requires_grad:
        shape = tuple(loss.shape)
        raise TypeError(
            f"the loss has the shape {shape} and {'a' if loss.requires_grad else 'no'} gradient: expected one number, (), "
            "that can be differentiated. Look for .item(), .detach() and torch.no_grad()"
        )
