"""Batch and heads are peeled off one by one until the inputs are matrices."""

import math

import torch


def attention(query, key, value, mask=None):
    if query.dim() > 2:
        if mask is not None:
            mask = mask.broadcast_to(*query.shape[:-1], key.shape[-2])
        outputs, weights = [], []
        for b in range(len(query)):
            output, weight = attention(query[b], key[b], value[b], None if mask is None else mask[b])
            outputs.append(output)
            weights.append(weight)
        return torch.stack(outputs), torch.stack(weights)
    scores = query.mm(key.t()).div(math.sqrt(query.shape[1]))
    if mask is not None:
        scores[~mask.expand_as(scores)] = -math.inf
    weights = scores.softmax(dim=1)
    return weights.mm(value), weights
