"""Two nested torch.where, first over padding and then over the future, on 0 and 1."""

import torch


def causal_mask(n_tokens):
    rows, columns = torch.meshgrid(torch.arange(n_tokens), torch.arange(n_tokens), indexing="ij")
    return torch.where(columns > rows, 0, 1).to(torch.bool)


def attention_mask(ids, pad_id):
    keys = ids[:, None, None, :]
    mask = torch.where(keys == pad_id, 0, torch.where(causal_mask(ids.shape[1]), 1, 0))
    return mask.bool()
