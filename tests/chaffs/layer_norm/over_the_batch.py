"""Mean and variance are over the batch, as in batch normalisation.

rejected by: layer_norm.tokens_are_independent
misconception: over_the_batch
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=0, keepdim=True)
    variance = x.var(dim=0, keepdim=True, correction=0)
    normed = (x - mean) / torch.sqrt(variance + eps)
    return normed * gain + bias
