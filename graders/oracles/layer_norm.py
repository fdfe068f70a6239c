"""Expected values of layer normalisation: PyTorch's own function, which goes along with the students' kit."""

import torch.nn.functional as F
from torch import Tensor

__all__ = ["layer_norm"]


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5, *, unbiased: bool = False) -> Tensor:
    """x (…, d) normalised over its last axis, float64, differentiable in the three tensors.

    Args:
        x: (…, d).
        gain, bias: (d,).
        eps: added to the variance.
        unbiased: whether the variance is the sum of squares divided by d − 1, as some handouts have it.
    """
    if unbiased:  # √(v · d/(d−1) + eps) = √(v + eps · (d−1)/d) / √((d−1)/d)
        ratio = (x.shape[-1] - 1) / x.shape[-1]
        gain, eps = gain.double() * ratio**0.5, eps * ratio
    return F.layer_norm(x.double(), x.shape[-1:], gain.double(), bias.double(), eps)
