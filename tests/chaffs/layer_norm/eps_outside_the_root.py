"""eps is added to the standard deviation in the place of the variance.

rejected by: layer_norm.eps_in_its_place
misconception: eps_outside_the_root
"""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    normed = (x - mean) / (torch.sqrt(variance) + eps)
    return normed * gain + bias
