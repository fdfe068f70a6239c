"""The triangle is copied for each row, then the padded columns are switched off."""

import torch


def causal_mask(n_tokens):
    mask = torch.zeros(n_tokens, n_tokens, dtype=torch.bool)
    for t in range(n_tokens):
        mask[t, : t + 1] = True
    return mask


def attention_mask(ids, pad_id):
    copies = causal_mask(ids.shape[1]).repeat(len(ids), 1, 1)
    return copies.masked_fill((ids == pad_id).unsqueeze(1), False).unsqueeze(1)
