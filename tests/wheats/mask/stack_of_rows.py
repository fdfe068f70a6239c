"""One mask is built for each row of the batch and the masks are stacked."""

import torch


def causal_mask(n_tokens):
    indices = torch.tril_indices(n_tokens, n_tokens)
    mask = torch.zeros((n_tokens, n_tokens), dtype=torch.bool)
    mask[indices[0], indices[1]] = True
    return mask


def attention_mask(ids, pad_id):
    masks = []
    for row in ids:
        mask = causal_mask(len(row))
        mask[:, row == pad_id] = False
        masks.append(mask[None])
    return torch.stack(masks)
