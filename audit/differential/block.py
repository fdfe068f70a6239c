"""Drives `Block`."""

from typing import Any

import torch

from . import states
from .drawing import Draw
from .observing import Journal, Load

N = 8000  # draws of a dropout


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Sizes, small inputs (where eps counts), gradients, changing lengths, dropout."""
    Block = load("block").Block
    draw = Draw(seed)
    for n_heads, d_head, h in ((1, draw.integer(2, 4), 7), (2, 3, draw.integer(2, 5)), (4, 2, 8)):
        d = n_heads * d_head
        journal.step(f"{n_heads} heads, widths {d} and {h}: building")
        module = Block(d, n_heads, h).double()
        module.load_state_dict(draw.state(states.block(d, h)))
        weights = [module.get_parameter(name) for name in states.block(d, h)]
        for T in (3, 8, 5, 2, 1, d):
            for scale in (1.0, 3e-3):
                x = (scale * draw.normal(2, T, d)).requires_grad_()
                label = f"{n_heads} heads, widths {d} and {h}, {T} tokens of size {scale}"
                output = journal.untouched(label, [x], lambda: module(x))  # noqa: B023
                journal.note(label, output)
                journal.gradients(label, [output], [x, *weights], [draw.normal(*output.shape)])
        _others(Block, module, (d, n_heads, h), draw, journal)
    _dropout(Block, draw, journal)


def _others(Block: Any, module: Any, sizes: tuple[int, int, int], draw: Draw, journal: Journal) -> None:
    """Train mode without dropout, eval mode with it, layouts, dtype, a second module."""
    d, _, h = sizes
    x = draw.normal(2, 6, d)
    journal.call("non-contiguous", module, draw.normal(6, d, 2).permute(2, 0, 1))
    module.train()
    journal.call("train mode, dropout by default", module, x)
    state = draw.state(states.block(d, h))
    # the second sublayer must see small tokens too, or its eps would not count
    state["attn.proj.weight"], state["attn.proj.bias"] = (
        1e-3 * state["attn.proj.weight"],
        1e-3 * state["attn.proj.bias"],
    )
    second = Block(*sizes, dropout=0.5).double()
    second.load_state_dict(state)
    second.eval()
    journal.call("eval mode, dropout 0.5", second, 3e-3 * x)
    journal.call("the first module after the second", module, x)
    second = Block(*sizes, 0.0)
    second.load_state_dict({name: weight.float() for name, weight in state.items()})
    journal.call("float32", second, x.float())


def _dropout(Block: Any, draw: Draw, journal: Journal) -> None:
    """What the two sublayers add is 1 and 10 before dropout, so that each can be seen in the sum."""
    for p in (0.25, 0.6):
        journal.step(f"dropout {p}: building")
        module = Block(4, 2, 3, p).double()
        state = draw.state(states.block(4, 3))
        for name, value in (("attn.proj", 1.0), ("mlp.down", 10.0)):
            state[f"{name}.weight"] *= 0
            state[f"{name}.bias"] = torch.full_like(state[f"{name}.bias"], value)
        module.load_state_dict(state)
        module.train()
        x = draw.normal(N, 1, 4)
        added = module(x) - x
        journal.support(f"dropout {p}: what is added", added)
        for name, value in (("nothing", 0.0), ("attention alone", 1 / (1 - p)), ("mlp alone", 10 / (1 - p))):
            journal.share(f"dropout {p}: {name}", (added - value).abs() < 1e-6)
        # now what attention adds is its values, 1.5 each, so that dropped weights can be seen
        for name in ("mlp.down.weight", "mlp.down.bias", "attn.proj.bias", "attn.value.weight"):
            state[name] = torch.zeros_like(state[name])
        state["attn.proj.weight"] = torch.eye(4, dtype=torch.float64)
        state["attn.value.bias"] = torch.full((4,), 1.5, dtype=torch.float64)
        module.load_state_dict(state)
        added = module(x) - x
        journal.support(f"dropout {p}: what attention adds", added)
        journal.share(f"dropout {p}: attention adds nothing", added.abs() < 1e-6)
        module.eval()
        journal.call(f"dropout {p}, back in eval mode", module, x[:2])
