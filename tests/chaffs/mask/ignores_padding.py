"""The padding is ignored: only the causal mask is repeated for each row.

rejected by: mask.padding_agrees
misconception: padding_ignored
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    B, T = ids.shape
    return causal_mask(T).expand(B, 1, T, T)
