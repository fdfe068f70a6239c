"""Drives `PatchEmbedding`."""

from typing import Any

import torch

from . import states
from .drawing import Draw
from .observing import Journal, Load


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Images of several sides and channels, gradients, images of another size."""
    PatchEmbedding = load("patch_embedding").PatchEmbedding
    draw = Draw(seed)
    square: list[tuple[Any, int, int]] = [(6, 3, 2), (4, 2, 1), (5, 1, 3), (4, 4, 3)]
    sizes = [*square, ((4, 6), 2, 3), ((9, 3), 3, 2), ((2, 8), 2, 1)]
    for image_size, P, C in sizes:
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        d = draw.integer(1, 7)
        label = f"image size {image_size}, patches of {P}, {C} channels, width {d}"
        journal.step(f"{label}: building")
        module = PatchEmbedding(image_size, P, C, d).double()
        shapes = states.linear("proj", C * P * P, d)
        module.load_state_dict(draw.state(shapes))
        journal.note(f"{label}: n_patches", module.n_patches)
        weights = [module.get_parameter(name) for name in shapes]
        for B in (1, 3):
            x = draw.normal(B, C, height, width).requires_grad_()
            output = journal.untouched(label, [x], lambda: module(x))  # noqa: B023
            journal.note(label, output)
            journal.gradients(label, [output], [x, *weights], [draw.normal(*output.shape)])
        journal.call(f"{label}: non-contiguous", module, draw.normal(2, width, height, C).permute(0, 3, 2, 1))
        smaller = [(height - 1, width), (height, width - 1)]
        for other in ((height + P, width), (height, width + P), (2 * height, 2 * width), *smaller):
            if min(other) > 0:
                journal.attempt(f"{label}: an image of {other}", module, draw.normal(2, C, *other))
        if height != width:
            journal.attempt(f"{label}: a lying image", module, draw.normal(2, C, width, height))
        second = PatchEmbedding(image_size, patch_size=P, n_channels=C, d_model=d)
        second.load_state_dict({name: weight.float() for name, weight in draw.state(shapes).items()})
        journal.call(f"{label}: float32", second, draw.normal(2, C, height, width, dtype=torch.float32))
        another = PatchEmbedding((2 * P + 2, P + 1), P + 1, C + 1, d + 1)
        journal.note(f"{label}: n_patches of another", another.n_patches)
        journal.call(f"{label}: the first one again", module, draw.normal(1, C, height, width))
    for image_size, P in ((5, 2), (4, 3), ((4, 5), 2), ((5, 4), 2), ((6, 4), 4), (3, 4)):
        journal.attempt(f"image size {image_size}, patches of {P}", PatchEmbedding, image_size, P, 2, 3)
