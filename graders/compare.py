"""Comparing what came from a worker with what was expected. Nothing here trusts the value's type."""

import itertools
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
_NEAR = 7  # so many values of a row of a larger one
_LINE = 100  # longest line that numbers fill


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
        raise CheckFailed(f"{what}: expected {wanted}, got {describe(got)}.", got)
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
    off, bad = _compared(tensor, expected, atol, rtol)
    if bad.any():
        raise CheckFailed(_difference(tensor, expected.to(torch.float64), bad, off, what), got, expected)


def agrees(
    got: Any,
    expected: Tensor,
    *,
    atol: float | Tensor = ATOL,
    rtol: float = RTOL,
    dtype: torch.dtype = torch.float32,
) -> bool:
    """Whether `assert_agrees` would pass. For whoever tries many values: no message is written."""
    if not isinstance(got, Tensor) or got.shape != expected.shape or got.dtype != dtype:
        return False
    return not bool(_compared(got.to(torch.float64), expected, atol, rtol)[1].any())


def _compared(got: Tensor, expected: Tensor, atol: float | Tensor, rtol: float) -> tuple[Tensor, Tensor]:
    """How far values are off, and which are bad."""
    expected = expected.to(torch.float64)
    off = (got - expected).abs()
    # NaN counts as bad, and so does an infinite expected value: nothing is within its tolerance
    return off, ~((off <= atol + rtol * expected.abs()) & torch.isfinite(off))


def assert_agrees_with_one(
    got: Any, expected: Iterable[Tensor], what: str = "the output", *, atol: float = ATOL, rtol: float = RTOL
) -> None:
    """Require agreement with one of several values that all count as right; they are made one by one, as needed.

    Where an expected value is not finite, the same is right, unless none is: it comes from a part of the student's own that
    is graded elsewhere.

    Raises:
        CheckFailed: it agrees with none. The message compares with the first, which is the likely one.
    """
    first: Tensor | None = None
    for value in expected:
        if agrees(*_without_common_infinities(got, value), atol=atol, rtol=rtol):
            return
        first = value if first is None else first
    assert first is not None, "at least one value must count as right"
    try:
        assert_agrees(*_without_common_infinities(got, first), what, atol=atol, rtol=rtol)
    except CheckFailed as failed:
        failed.got, failed.expected = got, first  # in the place of those without their infinities
        raise


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
        raise CheckFailed(_difference(tensor, expected, bad, off, what), got, expected)


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
    """Say how many elements differ and where the first one is; then show both sides, and how far the worst is off.

    The first line holds no expected value: it may be told where the others are not.
    """
    finite = torch.isfinite(got.to(torch.float64))
    odd = bad & ~finite
    shown = odd if odd.any() else bad
    first = tuple(int(i) for i in shown.nonzero()[0])
    place = f" at index {list(first)}" if first else ""
    fault = "NaN or infinite" if odd.any() else "wrong"
    lines = [f"{what}: {int(shown.sum())} of {got.numel()} values are {fault}, the first{place}."]
    worst = off[torch.isfinite(off)]
    largest = f"; largest difference: {number(worst.max().item())}" if got.numel() > 1 and worst.numel() else ""
    lines.append(f"  expected {number(expected[first].item())}, got {number(got[first].item())}{largest}")
    if 1 < got.numel() <= _SMALL:
        lines += _whole(got, expected, bad)
    elif got.numel() > 1:
        lines += _around(got, expected, first)
    return "\n".join(lines)


def _whole(got: Tensor, expected: Tensor, bad: Tensor) -> list[str]:
    """Small tensors, row by row: side by side where the lines do not get too long, else one below the other."""
    if got.dim() == 1:
        return _stacked("", expected.tolist(), got.tolist())
    width = got.shape[-1]
    rows = [expected.reshape(-1, width).tolist(), got.reshape(-1, width).tolist()]
    cells = [[[number(value) for value in row] for row in side] for side in rows]
    names = [f"{list(place)}" for place in itertools.product(*map(range, got.shape[:-1]))]
    marks = ["  <- wrong" if any(row) else "" for row in bad.reshape(-1, width).tolist()]
    widths = [max(len(row[j]) for side in cells for row in side) for j in range(width)]
    left, right = ([_row(row, widths) for row in side] for side in cells)
    first = max(map(len, names))
    lines = [
        f"  {name:<{first}}  {one}   {other}{mark}"
        for name, one, other, mark in zip(names, left, right, marks, strict=True)
    ]
    if max(map(len, lines)) <= _LINE:
        return [f"  {'row':<{first}}  {'expected':<{len(left[0])}}   got".rstrip(), *lines]
    stacked = []
    for name, wanted, found, mark in zip(names, *rows, marks, strict=True):
        stacked += _stacked(f"row {name}", wanted, found) if mark else [f"  row {name}: as expected"]
    return stacked


def _around(got: Tensor, expected: Tensor, first: tuple[int, ...]) -> list[str]:
    """Of larger tensors, the part of a row around one place."""
    n = got.shape[-1]
    start = max(0, min(first[-1] - _NEAR // 2, n - _NEAR))
    end = min(n, start + _NEAR)
    row = [f"row {list(first[:-1])}"] if got.dim() > 1 else []
    places = [f"places {start} to {end - 1}"] if end - start < n else []
    name = ", ".join([*row, *places])
    return _stacked(name, expected[first[:-1]][start:end].tolist(), got[first[:-1]][start:end].tolist())


def _stacked(name: str, expected: list[Any], got: list[Any]) -> list[str]:
    """Two rows, one below the other, their columns aligned; long ones in several pieces."""
    pairs = [(number(one), number(other)) for one, other in zip(expected, got, strict=True)]
    widths = [max(len(one), len(other)) for one, other in pairs]
    lines = [f"  {name}:"] if name else []
    start = 0
    while start < len(pairs):
        end, length = start, 0
        while end < len(pairs) and (end == start or length + widths[end] + 2 <= _LINE - 16):
            length += widths[end] + 2
            end += 1
        for label, side in (("expected", 0), ("got", 1)):
            lines.append(f"  {label:<8}  {_row([pair[side] for pair in pairs[start:end]], widths[start:end])}")
        start = end
    return lines


def _row(cells: list[str], widths: list[int]) -> str:
    return "[" + ", ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) + "]"
