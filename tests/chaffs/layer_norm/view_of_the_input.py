"""x is flattened by view, which works for contiguous inputs only.

rejected by: layer_norm.non_contiguous_input
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    shape = x.shape
    x = x.view(-1, shape[-1])
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return (normed * gain + bias).view(shape)
