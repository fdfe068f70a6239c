"""Drives `MLP`."""

from typing import Any

import torch

from . import states
from .drawing import Draw
from .observing import Journal, Load

N = 8000  # draws of a dropout


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Widths, leading axes, the whole range of the activation, gradients, dropout."""
    MLP = load("mlp").MLP
    draw = Draw(seed)
    for d, h in ((draw.integer(1, 4), draw.integer(5, 9)), (6, 2), (3, 3), (1, 1)):
        journal.step(f"widths {d} and {h}: building")
        module = MLP(d, h).double()
        module.load_state_dict(draw.state(states.mlp(d, h)))
        weights = [module.get_parameter(name) for name in states.mlp(d, h)]
        for lead in ((), (3,), (2, 8), (2, 5), (2, 1, 3)):
            x = (3 * draw.normal(*lead, d)).requires_grad_()
            label = f"widths {d} and {h}, leading axes {lead}"
            output = journal.untouched(label, [x], lambda: module(x))  # noqa: B023
            journal.note(label, output)
            journal.gradients(label, [output], [x, *weights], [draw.normal(*output.shape)])
        _others(MLP, module, d, h, draw, journal)
    _dropout(MLP, draw, journal)


def _others(MLP: Any, module: Any, d: int, h: int, draw: Draw, journal: Journal) -> None:
    """Train mode without dropout, eval mode with it, layouts, dtype, a second module."""
    x = draw.normal(4, d)
    journal.call("non-contiguous", module, draw.normal(d, 4).T)
    journal.call("non-contiguous, three axes", module, draw.normal(d, 4, 3).transpose(0, 2))
    module.train()
    journal.call("train mode, dropout by default", module, x)
    state = draw.state(states.mlp(d, h))
    second = MLP(d, h, dropout=0.5).double()
    second.load_state_dict(state)
    second.eval()
    journal.call("eval mode, dropout 0.5", second, x)
    journal.call("the first module after the second", module, x)
    second = MLP(d, h, 0.0)
    second.load_state_dict({name: weight.float() for name, weight in state.items()})
    journal.call("float32", second, x.float())


def _dropout(MLP: Any, draw: Draw, journal: Journal) -> None:
    """Outputs of 1 before the dropout: then 0 and 1 / (1 − p) are possible."""
    for p in (0.25, 0.6):
        journal.step(f"dropout {p}: building")
        module = MLP(3, 5, p).double()
        state = draw.state(states.mlp(3, 5))
        state["down.weight"] = torch.zeros(3, 5, dtype=torch.float64)
        state["down.bias"] = torch.ones(3, dtype=torch.float64)
        module.load_state_dict(state)
        module.train()
        output = module(draw.normal(N, 3))
        journal.support(f"dropout {p}: values", output)
        journal.share(f"dropout {p}: zeros", output == 0)
        journal.share(f"dropout {p}: nothing dropped", (output != 0).all(dim=-1))
        state["down.weight"] = draw.normal(3, 5).abs() * torch.eye(3, 5)
        state["down.bias"] *= 0
        state["up.weight"] *= 0
        state["up.bias"] += 2
        module.load_state_dict(state)
        # one and the same hidden vector: a dropout on it would give other values
        journal.support(f"dropout {p}: values of one token", module(draw.normal(N, 3))[:, 0])
        module.eval()
        journal.call(f"dropout {p}, back in eval mode", module, draw.normal(2, 3))
