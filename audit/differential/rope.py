"""Drives `rope_cache` and `apply_rope`."""

import torch
from torch import Tensor

from .drawing import Draw
from .observing import COARSE, Journal, Load


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Tables for several widths and bases; rotations with and without positions, on a table of the driver's own."""
    module = load("rope")
    draw = Draw(seed)
    for dim in (2, 4, 6, 2 * draw.integer(4, 8)):
        for n in (1, dim // 2, 3, draw.integer(20, 60)):
            journal.call(f"table of {n} positions, width {dim}", module.rope_cache, dim, n, within=COARSE)
            base = float(draw.uniform(20.0, 500.0))
            journal.call(f"the same, base {base:.3f}", module.rope_cache, dim, n, base, within=COARSE)
            journal.call(f"the same, base={base:.3f}", module.rope_cache, dim, n, base=base, within=COARSE)
    for dim in (2, 6, 8):
        cache = _table(dim, 12)
        for lead in ((), (3,), (2, 3), (2, 1, 3)):
            for T in (1, 3, 8, 5, dim, dim // 2, 12):
                x = draw.normal(*lead, T, dim).requires_grad_()
                label = f"{len(lead)} leading axes, {T} tokens, width {dim}"
                output = journal.untouched(label, [x, cache], lambda: module.apply_rope(x, cache))  # noqa: B023
                journal.note(label, output)
                journal.gradients(label, [output], [x], [draw.normal(*output.shape)])
                for shape in ((T,), (1, T), (*lead, T), (1,)):
                    if len(shape) <= len(lead) + 1:
                        places = draw.integers(0, 11, *shape)
                        journal.call(f"{label}, positions {shape}", module.apply_rope, x, cache, places)
    x, places = draw.normal(2, 3, 4, 6), draw.integers(0, 11, 2, 1, 4)
    cache = _table(6, 12)
    journal.untouched("positions", [x, cache, places], lambda: module.apply_rope(x, cache, places))
    journal.call("positions for all heads", module.apply_rope, x, cache, positions=places)
    journal.dtype("bfloat16", module.apply_rope, x.bfloat16(), cache)
    journal.call("float32", module.apply_rope, x.float(), cache)
    journal.call("float32, positions", module.apply_rope, x.float(), cache, places)
    journal.call("non-contiguous", module.apply_rope, draw.normal(6, 4, 3).transpose(0, 2), cache)
    journal.call("on its own table", module.apply_rope, x, module.rope_cache(6, 30), within=COARSE)


def _table(dim: int, n_positions: int) -> Tensor:
    """Cosines and sines, from their definition."""
    angles = [[t * 50.0 ** (-2 * i / dim) for i in range(dim // 2)] for t in range(n_positions)]
    angle = torch.tensor(angles, dtype=torch.float64)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1).float()
