"""Products are summed by broadcasting, log(mask) is the bias, logsumexp normalises."""

import math


def attention(query, key, value, mask=None):
    products = query.unsqueeze(-2) * key.unsqueeze(-3)  # (..., T, S, d)
    scores = products.sum(dim=-1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores + mask.to(scores.dtype).log()  # log 1 = 0, log 0 = -inf
    weights = (scores - scores.logsumexp(dim=-1, keepdim=True)).exp()
    output = (weights.unsqueeze(-1) * value.unsqueeze(-3)).sum(dim=-2)
    return output, weights
