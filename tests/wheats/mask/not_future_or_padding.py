"""What is forbidden is collected first and negated at the end."""

import torch


def causal_mask(n_tokens):
    return ~torch.ones(n_tokens, n_tokens, dtype=torch.bool).triu(1)


def attention_mask(ids, pad_id):
    future = torch.ones(ids.shape[1], ids.shape[1]).triu(1).bool()
    padding = (ids == pad_id)[:, None, None]
    return torch.logical_not(future | padding)
