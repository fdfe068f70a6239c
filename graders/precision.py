"""Which precision a GPU has computed with, told from the errors of its results alone."""

from enum import Enum

import torch
from torch import Tensor

MANTISSA = {"TF32": 10, "bfloat16": 7, "float16": 10}  # bits behind the point
_EXPONENTS = (-30, -22, -12, -4, 0, 4, 12, 22, 30)  # of the columns' magnitudes: float16 has only −24 to 15


class Precision(Enum):
    """What a result of float32 inputs can have been computed with; the value is how a message calls it."""

    FLOAT32 = "float32"
    TF32 = "TF32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    UNKNOWN = "something coarser than float32"


def columns(n: int) -> Tensor:
    """Magnitudes for n columns that tell float16 from what has float32's range, (n,) float64, powers of two."""
    exponents = torch.tensor([_EXPONENTS[i % len(_EXPONENTS)] for i in range(n)], dtype=torch.float64)
    return torch.exp2(exponents)


def recognise(got: Tensor, expected: Tensor) -> Precision:
    """The precision that a matrix product whose columns have the magnitudes of `columns` was computed with.

    With m bits behind the point each factor is off by up to 2^−(m+1) of itself: in the root mean square a product of two is
    off by 2^−(m+1) · √(2/3), and so is a sum of them with random signs, relative to itself. float32 has m = 23; its errors
    of summing and of exponentials are still a hundred times smaller than those of TF32.

    Args:
        got: (…, n) float32, as it came.
        expected: the same in float64.
    """
    got = got.double()
    if not got.isfinite().all():
        return Precision.FLOAT16
    size = expected.abs().flatten(0, -2).amax(0)  # (n,)
    if (got.abs().flatten(0, -2).amax(0) < size / 1e3).any():  # small columns have become 0
        return Precision.FLOAT16
    error = float((((got - expected) / size) ** 2).mean().sqrt()) / float(((expected / size) ** 2).mean().sqrt())
    if error < 2.0**-17:
        return Precision.FLOAT32
    if error < 2.0**-10.3:
        return Precision.TF32
    return Precision.BFLOAT16 if error < 2.0**-7 else Precision.UNKNOWN


def rounded(tensor: Tensor, mantissa: int) -> Tensor:
    """Float32 numbers rounded to fewer bits behind the point, to nearest, ties to even: what such a unit reads."""
    bits = tensor.float().view(torch.int32)
    drop = 23 - mantissa
    half = (1 << (drop - 1)) - 1 + ((bits >> drop) & 1)
    return ((bits + half) >> drop << drop).view(torch.float32)
