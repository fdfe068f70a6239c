"""Drives `layer_norm`."""

import torch

from .drawing import Draw
from .observing import Journal, Load


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Shapes, small variances, every eps, gradients, constant tokens."""
    layer_norm = load("layer_norm").layer_norm
    draw = Draw(seed)
    T, d = draw.distinct(range(2, 8), 2)
    for shape in ((d,), (T, d), (2, T, d), (d, d), (d, d, d), (2, 1, 3, d), (1, 2)):
        for scale in (1.0, 1e-2, 1e-3):
            x, gain, bias = scale * draw.normal(*shape) + 0.3, 1 + draw.normal(shape[-1]), draw.normal(shape[-1])
            inputs = [tensor.requires_grad_() for tensor in (x, gain, bias)]
            label = f"shape {shape}, standard deviation {scale}"
            output = journal.untouched(label, inputs, lambda: layer_norm(*inputs))  # noqa: B023
            journal.note(label, output)
            journal.gradients(label, [output], inputs, [draw.normal(*output.shape)])
    x, gain, bias = draw.normal(2, T, d), 1 + draw.normal(d), draw.normal(d)
    for eps in (1e-12, 1e-3, 0.5, 2.0):
        journal.call(f"eps {eps}", layer_norm, x, gain, bias, eps)
        journal.call(f"eps={eps}", layer_norm, x, gain, bias, eps=eps)
    journal.call("constant tokens", layer_norm, torch.full((2, d), 3.5, dtype=torch.float64), gain, bias)
    journal.call("far from zero", layer_norm, x + 1e3, gain, bias)
    journal.call("non-contiguous", layer_norm, draw.normal(d, T, 2).transpose(0, 2), gain, bias)
    journal.dtype("bfloat16", layer_norm, x.bfloat16(), gain.bfloat16(), bias.bfloat16())
    journal.call("float32", layer_norm, x.float(), gain.float(), bias.float())
