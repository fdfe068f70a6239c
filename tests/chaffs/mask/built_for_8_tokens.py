"""The causal mask is built once for at most 8 tokens, so longer inputs do not fit.

rejected by: mask.any_length
"""

import torch

TRIANGLE = torch.ones(8, 8, dtype=torch.bool).tril()


def causal_mask(n_tokens):
    return TRIANGLE[:n_tokens, :n_tokens]


def attention_mask(ids, pad_id):
    not_padding = (ids != pad_id)[:, None, None, :]
    return causal_mask(ids.shape[1]) & not_padding
