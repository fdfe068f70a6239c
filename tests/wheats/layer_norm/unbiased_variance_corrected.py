"""The unbiased variance is multiplied by (d − 1) / d."""

def layer_norm(x, gain, bias, eps=1e-5):
    d = x.shape[-1]
    centred = x - x.sum(-1, keepdim=True) / d
    variance = centred.var(-1, keepdim=True) * (d - 1) / d
    return centred / (variance + eps) ** 0.5 * gain + bias
