"""x itself is centred.

rejected by: layer_norm.leaves_inputs_alone
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    with torch.no_grad():
        x.sub_(mean)
    normed = x / torch.sqrt(variance + eps)
    return normed * gain + bias
