"""The diagonal is always on, so padding attends to itself.

rejected by: mask.padding_agrees
misconception: padding_sees_itself
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    T = ids.shape[1]
    not_padding = (ids != pad_id)[:, None, None, :]
    return causal_mask(T) & not_padding | torch.eye(T, dtype=torch.bool)
