"""Gain and bias of the first call are kept for each width.

rejected by: layer_norm.call_order_is_irrelevant
"""

import torch


kept = {}


def layer_norm(x, gain, bias, eps=1e-5):
    gain, bias = kept.setdefault(x.shape[-1], (gain, bias))
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
