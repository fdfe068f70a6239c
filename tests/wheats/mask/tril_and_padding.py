"""The textbook form: a lower triangle, and padding broadcast over rows and heads."""

import torch


def causal_mask(n_tokens):
    return torch.tril(torch.ones(n_tokens, n_tokens)).bool()


def attention_mask(ids, pad_id):
    keep = ids.ne(pad_id).unsqueeze(1).unsqueeze(2)
    return keep & causal_mask(ids.size(1)).to(ids.device)
