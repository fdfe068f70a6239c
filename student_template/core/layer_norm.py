"""Layer normalisation.

Source: Ba, Kiros and Hinton 2016, "Layer Normalization", section 3, equations 3 and 4; eps as in PyTorch.
"""

import torch
from torch import Tensor


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Normalise each token over its features: (x − mean) / √(variance + eps) · gain + bias.

    Args:
        x: (…, d) floating point.
        gain: (d,), the dtype of `x`.
        bias: (d,), the dtype of `x`.
        eps: added to the variance, which is the biased one (the sum of squares divided by d, not by d − 1).

    Returns:
        The shape and dtype of `x`; `x` itself is not modified.
    """
    raise NotImplementedError("layer_norm: centre and scale the last axis (biased variance), then gain and bias")
