"""Drives `next_token_loss`."""

import torch
from torch import Tensor

from .drawing import Draw
from .observing import Journal, Load


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Masks, ids at places that supervise nothing, gradients, large logits, sizes that can be taken for each other."""
    next_token_loss = load("loss").next_token_loss
    draw = Draw(seed)
    V = draw.integer(4, 9)
    for B, T in ((2, 5), (1, 2), (3, 4), (V, V), (3, V), (V, 3)):
        for scale in (1.0, 30.0, 1e4):
            for masked in (False, True):
                logits = (scale * draw.normal(B, T, V)).requires_grad_()
                ids, mask = _ids(draw, B, T, V, masked)
                label = f"{B} x {T} tokens of {V}, logits of size {scale:g}, mask {masked}"
                inputs = [logits, ids, *([] if mask is None else [mask])]
                loss = journal.untouched(label, inputs, lambda: next_token_loss(logits, ids, mask))  # noqa: B023
                journal.note(label, loss)
                journal.gradients(label, [loss], [logits], [torch.tensor(1.0)])
    logits = draw.normal(3, 6, V)
    ids, mask = _ids(draw, 3, 6, V, True)
    journal.call("the mask by its name", next_token_loss, logits, ids, mask=mask)
    assert mask is not None
    noisy = torch.where(
        torch.cat([mask[:, 1:], mask[:, :1] & False], dim=1)[..., None], logits, 1e6 * draw.normal(3, 6, V)
    )
    journal.call("huge logits that supervise nothing", next_token_loss, noisy, ids, mask)
    journal.dtype("bfloat16", next_token_loss, logits.bfloat16(), ids, mask)
    journal.call("float32", next_token_loss, logits.float(), ids, mask)
    journal.call("float32, no mask", next_token_loss, logits.float(), draw.integers(0, V - 1, 3, 6))
    journal.call(
        "non-contiguous", next_token_loss, draw.normal(V, 6, 3).transpose(0, 2), draw.integers(0, V - 1, 6, 3).T
    )


def _ids(draw: Draw, B: int, T: int, V: int, masked: bool) -> tuple[Tensor, Tensor | None]:
    """Ids, any integers where they supervise nothing, and a mask with some target."""
    ids = draw.integers(0, V - 1, B, T)
    anything = torch.where(draw.booleans(B, T), -100, draw.integers(-5, V + 40, B, T))
    if not masked:
        return torch.cat([anything[:, :1], ids[:, 1:]], dim=1), None
    mask = draw.booleans(B, T, share=0.6)
    mask[draw.integer(0, B - 1), draw.integer(1, T - 1)] = True
    counts = mask.clone()
    counts[:, 0] = False
    return torch.where(counts, ids, anything), mask
