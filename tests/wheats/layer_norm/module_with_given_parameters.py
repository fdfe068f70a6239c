"""PyTorch's module is made for the width of x and called with the given gain and bias."""

from torch import nn
from torch.func import functional_call


def layer_norm(x, gain, bias, eps=1e-5):
    module = nn.LayerNorm(x.shape[-1], eps=eps)
    return functional_call(module, {"weight": gain, "bias": bias}, (x,))
