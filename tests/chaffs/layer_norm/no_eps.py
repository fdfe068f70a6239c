"""eps is accepted and not used, so that a constant token divides by 0.

rejected by: layer_norm.constant_tokens_give_the_bias
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance)
    return normed * gain + bias
