"""Both statistics come from one function; the biased variance is asked for in the old spelling."""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    variance, mean = torch.var_mean(x, dim=-1, unbiased=False, keepdim=True)
    return torch.addcmul(bias, (x - mean) * (variance + eps).pow(-0.5), gain)
