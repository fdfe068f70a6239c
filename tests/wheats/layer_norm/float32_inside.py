"""Half precision is normalised in float32, as large models do it, and cast back."""

import torch


def layer_norm(x, gain, bias, eps=1e-5):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    centred = wide - wide.mean(-1, keepdim=True)
    normed = centred / (centred.pow(2).mean(-1, keepdim=True) + eps).sqrt()
    return normed.to(x.dtype) * gain + bias
