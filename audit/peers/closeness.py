"""Comparing as other graders do: loosely, and with no word about dtype or about axes that broadcast."""

from typing import Any

import torch
from torch import Tensor

from graders.compare import assert_true, describe
from graders.verdict import CheckFailed


def tensor_in(got: Any, what: str = "the output") -> Tensor:
    """A real tensor of any shape and dtype.

    Raises:
        CheckFailed: it is something else.
    """
    if not isinstance(got, Tensor) or got.is_complex():
        raise CheckFailed(f"{what}: expected a tensor, got {describe(got)}.")
    return got


def require_shape(got: Any, shape: tuple[int, ...], what: str = "the output") -> Tensor:
    """A tensor of this shape, whatever its dtype.

    Raises:
        CheckFailed: it is something else.
    """
    tensor = tensor_in(got, what)
    assert_true(tuple(tensor.shape) == shape, f"{what}: expected the shape {shape}, got {describe(got)}.")
    return tensor


def require_close(got: Any, expected: Tensor, *, atol: float, rtol: float = 0.0, what: str = "the output") -> None:
    """What `torch.allclose` says of two tensors whose shapes broadcast.

    Raises:
        CheckFailed: no tensor, a shape that does not broadcast, or a difference beyond the tolerance.
    """
    tensor = tensor_in(got, what).to(torch.float64)
    expected = expected.detach().to(torch.float64)
    try:
        torch.broadcast_shapes(tensor.shape, expected.shape)
    except RuntimeError:
        shape = tuple(expected.shape)
        raise CheckFailed(f"{what}: expected the shape {shape}, got {describe(got)}.") from None
    assert_true(torch.allclose(tensor, expected, atol=atol, rtol=rtol), f"{what} is wrong.")
