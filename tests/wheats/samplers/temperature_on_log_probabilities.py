"""sample works on log-probabilities, normalised after each filter."""

import torch
import torch.nn.functional as F


def temperature(logits, tau):
    if not tau > 0:
        raise ValueError("the temperature must be positive")
    return torch.div(logits, tau)


def top_k(logits, k):
    if k <= 0:
        raise ValueError("k must be positive")
    n_dropped = max(logits.size(-1) - k, 0)
    dropped = torch.argsort(logits, dim=-1, stable=True)[..., :n_dropped]
    return logits.scatter(-1, dropped, -torch.inf)


def top_p(logits, p):
    if p <= 0 or p > 1:
        raise ValueError("p must lie in (0, 1]")
    if p == 1:
        return 1 * logits
    order = logits.argsort(dim=-1, descending=True)
    mass = F.softmax(logits, dim=-1).gather(-1, order).cumsum(dim=-1)
    n_kept = (mass < p).sum(dim=-1, keepdim=True) + 1
    ranks = order.argsort(dim=-1)
    return logits.masked_fill(ranks >= n_kept, -torch.inf)


def sample(logits, tau=1.0, k=None, p=None, generator=None):
    B, V = logits.shape
    log_p = F.log_softmax(temperature(logits, tau), dim=-1)
    if k is not None:
        log_p = F.log_softmax(top_k(log_p, k), dim=-1)
    if p is not None:
        log_p = F.log_softmax(top_p(log_p, p), dim=-1)
    return log_p.exp().multinomial(num_samples=1, generator=generator).view(B)
