"""Sorts from the least probable token and removes the tail that sums to 1 - p or less."""

import torch


def temperature(logits, tau):
    if tau <= 0:
        raise ValueError(f"tau must be above 0, got {tau}")
    return logits / tau


def top_k(logits, k):
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    values, indices = logits.topk(min(k, logits.shape[-1]), dim=-1)
    return torch.full_like(logits, float("-inf")).scatter(-1, indices, values)


def top_p(logits, p):
    if not 0 < p <= 1:
        raise ValueError(f"p must be in (0, 1], got {p}")
    if p == 1:
        return logits.clone()
    ordered, indices = torch.sort(logits, descending=False)
    removed = ordered.softmax(dim=-1).cumsum(dim=-1) <= 1 - p
    removed[..., -1:] = False
    return logits.masked_fill(removed.scatter(-1, indices, removed), float("-inf"))


def sample(logits, tau=1.0, k=None, p=None, generator=None):
    if logits.dim() != 2:
        raise ValueError(f"logits must be (B, V), got {tuple(logits.shape)}")
    logits = temperature(logits, tau)
    if k is not None:
        logits = top_k(logits, k)
    if p is not None:
        logits = top_p(logits, p)
    probabilities = logits.softmax(dim=-1)
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]
