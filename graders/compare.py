"""Comparing what came from a worker with what was expected. Nothing here trusts the value's type."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from sandbox.text import clean
from sandbox.wire import Opaque

from .verdict import CheckFailed

ATOL = 1e-5
RTOL = 1e-5
_SMALL = 40  # tensors of at most so many elements are printed whole


def describe(value: Any) -> str:
    """Say what kind of value came back, in one short line of plain text."""
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return f"a {dtype_name(value.dtype)} tensor of shape {tuple(value.shape)}"
    if isinstance(value, Opaque):
        return f"a value of type {' '.join(clean(value.description, 120).split())}"
    if isinstance(value, (tuple, list)):
        kind = type(value).__name__
        inside = ", ".join(describe(item) for item in value[:4]) + (", …" if len(value) > 4 else "")
        return f"a {kind} of {len(value)} ({inside})"[:400]
    if isinstance(value, (bool, int, float)):
        return f"the {type(value).__name__} {value!r}"
    return f"a {type(value).__name__}"


def dtype_name(dtype: torch.dtype) -> str:
    """`torch.float32` → `float32`."""
    return str(dtype).removeprefix("torch.")


def require_tensor(got: Any, what: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Check type, shape and dtype.

    Raises:
        CheckFailed: the message says what was expected and what came.
    """
    wanted = f"a {dtype_name(dtype)} tensor of shape {tuple(shape)}"
    if not isinstance(got, Tensor) or tuple(got.shape) != tuple(shape) or got.dtype != dtype:
        raise CheckFailed(f"{what}: expected {wanted}, got {describe(got)}.")
    return got


def require_pair(value: Any, what: str, names: tuple[str, str]) -> tuple[Any, Any]:
    """Check that a function returned two values.

    Raises:
        CheckFailed: it returned something else.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise CheckFailed(f"{what} must return two values, {names[0]} and {names[1]}; it returned {describe(value)}.")
    return value[0], value[1]


def assert_agrees(
    got: Any,
    expected: Tensor,
    what: str = "the output",
    *,
    atol: float | Tensor = ATOL,
    rtol: float = RTOL,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Require a tensor of the expected shape whose values are within atol + rtol·|expected|.

    Args:
        got: what came from the worker.
        expected: the oracle's values, float64.
        what: how the message calls it.
        atol: a number, or a tensor that broadcasts to `expected`.
        rtol: relative tolerance.
        dtype: the dtype that `got` must have.

    Raises:
        CheckFailed: another type, shape or dtype, a value that is not finite, or a difference beyond the tolerance.
    """
    tensor = require_tensor(got, what, tuple(expected.shape), dtype).to(torch.float64)
    expected = expected.to(torch.float64)
    if expected.numel() == 0:
        return
    off = (tensor - expected).abs()
    # NaN counts as bad, and so does an infinite expected value: nothing is within its tolerance
    bad = ~((off <= atol + rtol * expected.abs()) & torch.isfinite(off))
    if not bad.any():
        return
    raise CheckFailed(_difference(tensor, expected, bad, off, what))


def assert_agrees_with_one(
    got: Any, expected: Iterable[Tensor], what: str = "the output", *, atol: float = ATOL, rtol: float = RTOL
) -> None:
    """Require agreement with one of several values that all count as right; they are made one by one, as needed.

    Where an expected value is not finite, the same is right, unless none is: it comes from a part of the student's own that
    is graded elsewhere.

    Raises:
        CheckFailed: it agrees with none. The message compares with the first, which is the likely one.
    """
    first: CheckFailed | None = None
    for value in expected:
        try:
            assert_agrees(*_without_common_infinities(got, value), what, atol=atol, rtol=rtol)
            return
        except CheckFailed as failed:
            first = first or failed
    assert first is not None, "at least one value must count as right"
    raise first


def _without_common_infinities(got: Any, expected: Tensor) -> tuple[Any, Tensor]:
    """Both with 0 where both are NaN or the same infinity; as they are if this is nowhere so, or everywhere."""
    if not isinstance(got, Tensor) or got.shape != expected.shape or not got.is_floating_point():
        return got, expected
    common = ~expected.isfinite() & ((got == expected) | (got.isnan() & expected.isnan()))
    if not common.any() or common.all():
        return got, expected
    return got.masked_fill(common, 0), expected.masked_fill(common, 0)


def assert_equal(got: Any, expected: Tensor, what: str = "the output") -> None:
    """Require exactly the expected tensor: shape, dtype and every value.

    Raises:
        CheckFailed: anything differs.
    """
    tensor = require_tensor(got, what, tuple(expected.shape), expected.dtype)
    bad = tensor != expected
    if bad.any():
        off = (tensor.to(torch.float64) - expected.to(torch.float64)).abs()
        raise CheckFailed(_difference(tensor, expected, bad, off, what))


def assert_true(holds: bool, message: str) -> None:
    """Require a condition.

    Raises:
        CheckFailed: with the message.
    """
    if not holds:
        raise CheckFailed(message)


def number(value: float | int | bool) -> str:
    """A number as a person reads it: at most five significant digits."""
    if isinstance(value, (bool, int)):
        return str(value)
    return f"{value:.5g}" if math.isfinite(value) else str(value)


def show(tensor: Tensor) -> str:
    """Print a small tensor whole, a larger one by its shape only."""
    if tensor.numel() > _SMALL:
        return f"{dtype_name(tensor.dtype)} {tuple(tensor.shape)}"
    return _rows(tensor.tolist())


def _rows(values: Any) -> str:
    if isinstance(values, list):
        return "[" + ", ".join(_rows(value) for value in values) + "]"
    return number(values)


def _difference(got: Tensor, expected: Tensor, bad: Tensor, off: Tensor, what: str) -> str:
    """Say how many elements differ, where the first one is, and how far the worst is off."""
    first = tuple(int(i) for i in bad.nonzero()[0])
    place = f" at index {list(first)}" if first else ""
    lines = []
    if not torch.isfinite(got.to(torch.float64))[bad].all():
        odd = bad & ~torch.isfinite(got.to(torch.float64))
        first = tuple(int(i) for i in odd.nonzero()[0])
        place = f" at index {list(first)}" if first else ""
        lines.append(f"{what}: {int(odd.sum())} of {got.numel()} values are NaN or infinite, the first{place}.")
    else:
        lines.append(f"{what}: {int(bad.sum())} of {got.numel()} values are wrong, the first{place}.")
    lines.append(f"  expected {number(expected[first].item())}, got {number(got[first].item())}")
    worst = off[torch.isfinite(off)]
    if worst.numel():
        lines.append(f"  largest difference: {number(worst.max().item())}")
    if 1 < got.numel() <= _SMALL:
        lines.append(f"  expected: {show(expected)}")
        lines.append(f"  got:      {show(got)}")
    return "\n".join(lines)
