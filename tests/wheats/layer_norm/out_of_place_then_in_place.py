"""A copy is changed in place; x is not."""

def layer_norm(x, gain, bias, eps=1e-5):
    out = x - x.mean(dim=-1, keepdim=True)
    scale = out.square().mean(dim=-1, keepdim=True).add(eps).sqrt()
    out = out / scale
    out = out.mul(gain)
    out += bias
    return out
