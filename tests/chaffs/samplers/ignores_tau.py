"""sample takes a temperature and never uses it.

rejected by: samplers.draws_agree
misconception: ignores_tau
"""

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
    ordered, indices = logits.sort(dim=-1, descending=True)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    ordered = ordered.masked_fill((before >= p) & (p < 1), float("-inf"))
    return torch.empty_like(logits).scatter(-1, indices, ordered)


def sample(logits, tau=1.0, k=None, p=None, generator=None):
    if logits.dim() != 2:
        raise ValueError(f"logits must be (B, V), got {tuple(logits.shape)}")
    if k is not None:
        logits = top_k(logits, k)
    if p is not None:
        logits = top_p(logits, p)
    probabilities = logits.softmax(dim=-1)
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]
