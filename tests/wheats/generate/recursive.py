"""Adds one token and calls itself for the rest."""

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
def generate(model, ids, n_new_tokens, tau=1.0, k=None, p=None, generator=None):
    if n_new_tokens == 0:
        return ids.clone()
    limit = getattr(model, "block_size", ids.shape[1])
    output = model(ids[:, max(0, ids.shape[1] - limit) :])
    logits = output[0] if type(output) is tuple else output
    longer = torch.hstack([ids, sample(logits[:, -1], tau, k, p, generator)])
    # a chain of calls must not grow deeper than Python allows
    if n_new_tokens > 200:
        half = n_new_tokens // 2
        longer = generate(model, longer, half, tau, k, p, generator)
        return generate(model, longer, n_new_tokens - half - 1, tau, k, p, generator)
    return generate(model, longer, n_new_tokens - 1, tau, k, p, generator)
