"""Without a temperature the tokens are drawn at 0.7.

rejected by: samplers.draws_agree
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


def sample(logits, tau=0.7, k=None, p=None, generator=None):
    if logits.dim() != 2:
        raise ValueError(f"logits must be (B, V), got {tuple(logits.shape)}")
    logits = temperature(logits, tau)
    if k is not None:
        logits = top_k(logits, k)
    if p is not None:
        logits = top_p(logits, p)
    u = torch.rand(logits.shape, generator=generator, dtype=torch.float64).clamp(min=1e-300)
    noise = -torch.log(-torch.log(u))
    return (logits.double() + noise).argmax(dim=-1)
