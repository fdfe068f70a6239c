"""Mean and variance are over the tokens of a sequence.

rejected by: layer_norm.tokens_are_independent
misconception: over_the_tokens
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-2, keepdim=True)
    variance = x.var(dim=-2, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
