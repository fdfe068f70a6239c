"""Group normalisation with one group, each token a sample of its own."""

import torch.nn.functional as F


def layer_norm(x, gain, bias, eps=1e-5):
    d = x.shape[-1]
    return F.group_norm(x.reshape(-1, d), 1, gain, bias, eps).reshape(x.shape)
