"""Without a temperature the tokens are drawn at 0.5.

rejected by: generate.frequencies
"""

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


@torch.no_grad()
def generate(model, ids, n_new_tokens, tau=0.5, k=None, p=None, generator=None):
    ids = ids.clone()
    block_size = getattr(model, "block_size", None)
    for _ in range(n_new_tokens):
        window = ids if block_size is None else ids[:, -block_size:]
        logits = model(window)
        if isinstance(logits, tuple):
            logits = logits[0]
        new = sample(logits[:, -1], tau, k, p, generator)
        ids = torch.cat([ids, new], dim=1)
    return ids
