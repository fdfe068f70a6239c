"""Drives `MultiHeadAttention`."""

from typing import Any

import torch

from . import states
from .drawing import Draw
from .observing import Journal, Load

N = 8000  # draws of a dropout


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Heads, masks, gradients, changing lengths, two modules side by side, dropout."""
    MultiHeadAttention = load("multi_head").MultiHeadAttention
    draw = Draw(seed)
    for n_heads, d_head in ((1, draw.integer(2, 5)), (2, 3), (3, draw.integer(1, 4)), (4, 2)):
        d = n_heads * d_head
        journal.step(f"{n_heads} heads of {d_head}: building")
        module = MultiHeadAttention(d, n_heads).double()
        module.load_state_dict(draw.state(states.multi_head(d)))
        names = list(states.multi_head(d))
        for T in (3, 8, 5, 2, 1, d, n_heads):
            B = draw.integer(1, 3)
            x = draw.normal(B, T, d).requires_grad_()
            label = f"{n_heads} heads of {d_head}, {B} x {T} tokens"
            output = journal.untouched(label, [x], lambda: module(x))  # noqa: B023
            journal.note(label, output)
            weights = [module.get_parameter(name) for name in names]
            journal.gradients(label, [output], [x, *weights], [draw.normal(*output.shape)])
            for shape in ((T, T), (B, 1, T, T), (B, n_heads, T, T), (1, n_heads, T, T), (B, 1, 1, T)):
                mask = draw.mask(*shape)
                result = journal.untouched(f"{label}, mask {shape}", [x, mask], lambda: module(x, mask))  # noqa: B023
                journal.note(f"{label}, mask {shape}", result)
        _others(MultiHeadAttention, module, d, n_heads, draw, journal)
    _dropout(MultiHeadAttention, draw, journal)


def _others(MultiHeadAttention: Any, module: Any, d: int, n_heads: int, draw: Draw, journal: Journal) -> None:
    """Train mode without dropout, eval mode with it, layouts, dtype, a second module."""
    x = draw.normal(2, 6, d)
    journal.call("non-contiguous", module, draw.normal(6, d, 2).permute(2, 0, 1))
    journal.call("the mask by its name", module, x, mask=draw.mask(6, 6))
    module.train()
    journal.call("train mode, dropout by default", module, x)
    state = draw.state(states.multi_head(d))
    second = MultiHeadAttention(d, n_heads, dropout=0.5).double()
    second.load_state_dict(state)
    second.eval()
    journal.call("eval mode, dropout 0.5", second, x)
    journal.call("the first module after the second", module, x)
    second = MultiHeadAttention(d, n_heads, 0.0)
    second.load_state_dict({name: weight.float() for name, weight in state.items()})
    journal.call("float32", second, x.float())


def _dropout(MultiHeadAttention: Any, draw: Draw, journal: Journal) -> None:
    """Values are all c, keys all alike, and `proj` adds b: then few outputs are possible, and each has its probability."""
    for p in (0.25, 0.6):
        journal.step(f"dropout {p}: building")
        module = MultiHeadAttention(4, 2, p).double()
        c, b = 1.5, 0.7
        state = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in states.multi_head(4).items()}
        state["value.bias"] += c
        state["proj.weight"] += torch.eye(4)
        state["proj.bias"] += b
        module.load_state_dict(state)
        module.train()
        x = draw.normal(1, 2, 4).expand(N, 2, 4)
        output = module(x)
        journal.note(f"dropout {p}: shape and dtype", [tuple(output.shape), str(output.dtype)])
        for t in range(2):
            journal.support(f"dropout {p}, token {t}: values", output[:, t])
            journal.share(f"dropout {p}, token {t}: zeros", output[:, t] == 0)
            dropped_weights = (output[:, t] - b / (1 - p)).abs() < 1e-9
            journal.share(f"dropout {p}, token {t}: all weights dropped", dropped_weights)
            journal.share(f"dropout {p}, token {t}: nothing dropped", (output[:, t] > b / (1 - p) + 1e-9).all(dim=-1))
        for mask in (torch.eye(2, dtype=torch.bool), torch.ones(2, 2, dtype=torch.bool)):
            journal.support(f"dropout {p}, mask {mask.tolist()}: values", module(x, mask))
        module.eval()
        journal.call(f"dropout {p}, back in eval mode", module, x[:2])
