"""Values as Python code that a person can read and paste: tensors, numbers, texts, and what is made of them.

Up to `TYPED` floats are typed with as many digits as matter; more are packed, exactly, in base 64.
"""

import base64
import math
from typing import Any

import torch
from torch import Tensor

TYPED = 40
_LINE = 100
_DEFAULT = (torch.float32, torch.int64, torch.bool)  # what torch.tensor makes of Python's numbers
PACKED = """def packed(text, *shape, dtype=torch.float32):
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=dtype).view(shape)
"""
INTEGERS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


class NoLiteral(Exception):
    """A value that cannot be written as code."""


def of_number(value: float | int | bool, digits: int = 17) -> str:
    """A number; infinities and NaN as the names `inf` and `nan` of the module math."""
    if isinstance(value, (bool, int)):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.{digits}g}" if digits < 17 else repr(value)
    return text if any(mark in text for mark in ".e") else f"{text}."


def of_text(text: str) -> str:
    """A string, in double quotes if that is no loss."""
    code = repr(text)
    return f'"{text}"' if code == f"'{text}'" and '"' not in text else code


def of_tensor(tensor: Tensor, typed: int = TYPED) -> str:
    """A call that makes the tensor anew: same values, shape, dtype and order of strides.

    Args:
        tensor: any.
        typed: so many floats are typed; more are packed.

    Raises:
        NoLiteral: its dtype has no place here.
    """
    stored = tensor.detach()
    order: list[int] = []
    if not stored.is_contiguous():  # as in `sandbox/wire.py`
        order = sorted(range(stored.dim()), key=lambda axis: -stored.stride()[axis])
        stored = stored.permute(order)
        if not stored.is_contiguous():
            stored, order = tensor.detach().contiguous(), []
    text = _contiguous(stored, typed)
    if order:
        inverse = sorted(range(len(order)), key=order.__getitem__)
        text += f".permute({', '.join(map(str, inverse))})"
    return text


def _contiguous(tensor: Tensor, typed: int) -> str:
    if tensor.dtype not in (*INTEGERS, torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise NoLiteral(str(tensor.dtype))
    shape = ", ".join(map(str, tensor.shape))
    dtype = "" if tensor.dtype in _DEFAULT else f", dtype={tensor.dtype}"
    if tensor.numel() == 0:
        return (
            f"torch.empty({shape}, dtype={tensor.dtype})" if tensor.dtype != torch.float32 else f"torch.empty({shape})"
        )
    first = tensor.flatten()[0]
    if tensor.numel() > 4 and bool((tensor == first).all()):
        value = first.item()
        if value == 0 and not math.copysign(1, value) < 0:
            return f"torch.zeros({shape}{_dtype_of(tensor)})"
        return f"torch.full(({shape},), {of_number(value, _digits(tensor))}{dtype})"
    if tensor.dtype in INTEGERS or tensor.numel() <= typed or _is_whole(tensor):
        return f"torch.tensor({_nested(tensor.tolist(), _digits(tensor))}{dtype})"
    raw = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
    return f'packed("{base64.b64encode(raw).decode()}", {shape}{dtype})'


def _is_whole(tensor: Tensor) -> bool:
    """Whether all numbers are whole and short, as those of a mask or an identity: they are shorter typed than packed."""
    return bool((tensor.abs() < 100).all()) and torch.equal(tensor, tensor.round())


def _dtype_of(tensor: Tensor) -> str:
    return "" if tensor.dtype is torch.float32 else f", dtype={tensor.dtype}"


def _digits(tensor: Tensor) -> int:
    return 17 if tensor.dtype is torch.float64 else 7


def _nested(values: Any, digits: int) -> str:
    """Nested lists of numbers; what is too long for a line gets a line for each of its items."""
    if not isinstance(values, list):
        return of_number(values, digits)
    items = [_nested(value, digits) for value in values]
    line = f"[{', '.join(items)}]"
    if len(line) <= _LINE or not isinstance(values[0], list):
        return line
    return "[\n" + "".join(f"    {item.replace(chr(10), chr(10) + '    ')},\n" for item in items) + "]"
