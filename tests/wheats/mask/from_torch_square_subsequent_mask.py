"""The triangle comes from PyTorch's own additive mask, where 0 means allowed."""

import torch
from torch import nn


def causal_mask(n_tokens):
    return nn.Transformer.generate_square_subsequent_mask(n_tokens) == 0


def attention_mask(ids, pad_id):
    additive = torch.zeros(ids.shape).masked_fill(ids == pad_id, float("-inf"))[:, None, None, :]
    additive = additive + nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
    return additive == 0
