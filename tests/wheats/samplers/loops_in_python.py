"""Both filters as plain loops over the rows, and over the tokens from the most probable one on."""

import torch


def temperature(logits, tau):
    if tau <= 0:
        raise ValueError(f"tau must be above 0, got {tau}")
    return logits / tau


def top_k(logits, k):
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    kept = torch.full_like(logits, float("-inf"))
    rows, out = logits.reshape(-1, logits.shape[-1]), kept.view(-1, logits.shape[-1])
    for row, target in zip(rows, out):
        for i in sorted(range(len(row)), key=row.tolist().__getitem__, reverse=True)[:k]:
            target[i] = row[i]
    return kept


def top_p(logits, p):
    if not 0 < p <= 1:
        raise ValueError(f"p must be in (0, 1], got {p}")
    V = logits.shape[-1]
    drop = []
    for values in logits.double().softmax(dim=-1).reshape(-1, V).tolist():
        out, total = [True] * V, 0.0
        for i in sorted(range(V), key=lambda j: -values[j]):
            if total >= p and p < 1:
                break
            out[i] = False
            total += values[i]
        drop.append(out)
    return logits.masked_fill(torch.tensor(drop).view(logits.shape), float("-inf"))


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
