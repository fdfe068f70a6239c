"""Writes into a buffer that is as long as the text will be, and reads the model's window from it."""

import torch


def sample(logits, tau=1.0, k=None, p=None, generator=None):
    logits = logits / tau
    if k is not None:
        kept = logits.topk(min(k, logits.shape[-1]), dim=-1).indices
        logits = logits.masked_fill(torch.ones_like(logits).scatter(-1, kept, 0.0).bool(), float("-inf"))
    if p is not None and p < 1:
        ordered, order = logits.sort(dim=-1, descending=True)
        probabilities = ordered.softmax(dim=-1)
        removed = probabilities.cumsum(dim=-1) - probabilities >= p
        logits = logits.masked_fill(removed.gather(-1, order.argsort(dim=-1)), float("-inf"))
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)


@torch.inference_mode()
def generate(model, ids, n_new_tokens, tau=1.0, k=None, p=None, generator=None):
    block_size = getattr(model, "block_size", None)
    B, T = ids.shape
    text = torch.empty(B, T + n_new_tokens, dtype=ids.dtype)
    text[:, :T] = ids
    for end in range(T, T + n_new_tokens):
        start = 0 if block_size is None else max(0, end - block_size)
        window = text[:, start:end]
        logits = model(window)
        if isinstance(logits, tuple):
            logits = logits[0]
        text[:, end] = sample(logits[:, -1], tau, k, p, generator).squeeze(1)
    return text
