"""Drives `attention`."""

import torch

from .drawing import Draw
from .observing import Journal, Load


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Shapes, masks, gradients, sizes, dtypes and layouts."""
    attention = load("attention").attention
    draw = Draw(seed)
    T, S, d, d_v = draw.distinct(range(2, 9), 4)
    for lead in ((), (2,), (3, 2)):
        query, key, value = draw.normal(*lead, T, d), draw.normal(*lead, S, d), draw.normal(*lead, S, d_v)
        for mask in (None, draw.mask(*lead, T, S), draw.mask(T, S), draw.mask(1, S)):
            inputs = [t.clone().requires_grad_() for t in (query, key, value)]
            masks = [] if mask is None else [mask]
            label = f"{len(lead)} leading axes, mask {None if mask is None else tuple(mask.shape)}"
            result = journal.untouched(label, [*inputs, *masks], lambda: attention(*inputs, mask))  # noqa: B023
            journal.note(label, result)
            output, weights = result
            journal.gradients(
                label, (output, weights), inputs, (draw.normal(*output.shape), draw.normal(*weights.shape))
            )
            if mask is not None:
                journal.note(f"{label}: weights of forbidden keys", weights[~mask.expand(weights.shape)], within=0)
    journal.call("the mask by its name", attention, query, key, value, mask=draw.mask(T, S))

    _sizes(attention, draw, journal)
    query, key, value = draw.normal(2, d, T).mT, draw.normal(S, 2, d).transpose(0, 1), draw.normal(2, S, d_v, 2)[..., 0]
    mask = draw.mask(2, T, S, 2)[..., 0] | draw.mask(T, S)
    journal.call("non-contiguous", attention, query, key, value, mask)
    journal.call("called again", attention, query, key, value)


def _sizes(attention, draw: Draw, journal: Journal) -> None:  # type: ignore[no-untyped-def]  # any callable
    """Axes of the same size and of size one, large scores, float32."""
    n = draw.integer(2, 5)
    same = [draw.normal(n, n, n) for _ in range(3)]
    journal.call("all axes alike", attention, *same, draw.mask(n, n))
    journal.call("one query", attention, draw.normal(2, 1, 4), draw.normal(2, 3, 4), draw.normal(2, 3, 5))
    journal.call("one key", attention, draw.normal(2, 3, 4), draw.normal(2, 1, 4), draw.normal(2, 1, 5))
    journal.call("width one", attention, draw.normal(2, 3, 1), draw.normal(2, 4, 1), draw.normal(2, 4, 1))
    query, key = 1e3 * draw.normal(3, 4), 1e3 * draw.normal(5, 4)
    journal.call("large scores", attention, query, key, draw.normal(5, 2), draw.mask(3, 5))
    narrow = [draw.normal(2, size, 4, dtype=torch.float32) for size in (3, 5, 5)]
    journal.call("float32", attention, *narrow, draw.mask(3, 5))
    journal.dtype("bfloat16", attention, *(tensor.bfloat16() for tensor in narrow), draw.mask(3, 5))
    journal.call("float32, large scores", attention, 1e4 * narrow[0], narrow[1], narrow[2])
