"""Python loops fill the mask entry by entry."""

import torch


def causal_mask(n_tokens):
    return torch.tensor([[key <= query for key in range(n_tokens)] for query in range(n_tokens)])


def attention_mask(ids, pad_id):
    B, T = ids.shape
    mask = torch.zeros(B, 1, T, T, dtype=torch.bool)
    rows = ids.tolist()
    for b in range(B):
        for query in range(T):
            for key in range(query + 1):
                mask[b, 0, query, key] = rows[b][key] != pad_id
    return mask
