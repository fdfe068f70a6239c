"""Values as code: what is written must make the same value again."""

import base64
import math
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, tensor

from graders.snippets.literals import INTEGERS, PACKED, NoLiteral, of_number, of_tensor, of_text

INF, NAN = math.inf, math.nan


def made(code: str) -> Any:
    """What the code makes, with the names that a snippet has."""
    space: dict[str, Any] = {"torch": torch, "base64": base64, "inf": INF, "nan": NAN}
    exec(PACKED, space)
    return eval(code, space)


def strides(value: Tensor) -> list[int]:
    """The strides that matter: those of axes with more than one place."""
    return [step for n, step in zip(value.shape, value.stride(), strict=True) if n > 1 and value.numel()]


def is_same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are alike: shape, dtype, order of strides, and values to seven digits."""
    if (one.shape, one.dtype, strides(one)) != (other.shape, other.dtype, strides(other)):
        return False
    if one.dtype in INTEGERS:
        return torch.equal(one, other)
    return torch.allclose(one.double(), other.double(), rtol=1e-6, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (tensor([[1.0, -0.5], [1e-7, 1 / 3]]), "torch.tensor([[1., -0.5], [1e-07, 0.3333333]])"),
        (tensor(2.5), "torch.tensor(2.5)"),
        (tensor([[True, False]]), "torch.tensor([[True, False]])"),
        (tensor([1, -2]), "torch.tensor([1, -2])"),
        (tensor([1], dtype=torch.int32), "torch.tensor([1], dtype=torch.int32)"),
        (tensor([1 / 3], dtype=torch.float64), "torch.tensor([0.3333333333333333], dtype=torch.float64)"),
        (tensor([INF, -INF, NAN]), "torch.tensor([inf, -inf, nan])"),
        (torch.empty(2, 0), "torch.empty(2, 0)"),
        (torch.empty(0, dtype=torch.int64), "torch.empty(0, dtype=torch.int64)"),
        (torch.zeros(2, 3), "torch.zeros(2, 3)"),
        (torch.ones(5, dtype=torch.bool), "torch.full((5,), True)"),
        (torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).mT,
         "torch.tensor([[1., 2., 3.], [4., 5., 6.]]).permute(1, 0)"),
    ],
    ids=str,
)  # fmt: skip
def test_tensors(value: Tensor, expected: str) -> None:
    """Protects what a student reads: short numbers, and no dtype where Python's own says it."""
    assert of_tensor(value) == expected
    assert is_same(made(expected), value)


@settings(deadline=None, derandomize=True, max_examples=150, database=None)
@given(
    shape=st.lists(st.integers(0, 5), max_size=4),
    dtype=st.sampled_from([*INTEGERS, torch.float16, torch.bfloat16, torch.float32, torch.float64]),
    seed=st.integers(0, 1000),
    flip=st.booleans(),
    typed=st.sampled_from([0, 12, 40]),
)
def test_every_tensor_comes_back(shape: list[int], dtype: torch.dtype, seed: int, flip: bool, typed: int) -> None:
    """Protects the snippet: whatever the shape, dtype and order of strides, typed or packed, the same tensor is made."""
    rng = torch.Generator().manual_seed(seed)
    value = (50 * torch.rand(shape, generator=rng)).to(dtype)
    value = value.permute(list(reversed(range(value.dim())))) if flip else value
    assert is_same(made(of_tensor(value, typed)), value)


def test_packed_numbers_are_exact() -> None:
    """Protects long tensors: every bit comes back."""
    value = torch.randn(9, 9, generator=torch.Generator().manual_seed(0))
    code = of_tensor(value)
    assert code.startswith('packed("')
    assert torch.equal(made(code), value)


def test_long_tensors_have_a_line_for_each_row() -> None:
    """Protects the page from lines without an end."""
    value = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    lines = of_tensor(value).splitlines()
    assert (len(lines), lines[0], lines[-1]) == (6, "torch.tensor([", "])")
    assert all(line.startswith("    [") for line in lines[1:-1])


def test_what_has_no_literal() -> None:
    """Protects from wrong code: a dtype that is not known is refused."""
    with pytest.raises(NoLiteral):
        of_tensor(torch.zeros(2, dtype=torch.complex64))


@pytest.mark.parametrize(
    ("value", "code"), [(1.0, "1.0"), (0.1, "0.1"), (1e-9, "1e-09"), (-INF, "-inf"), (True, "True"), (3, "3")]
)
def test_numbers(value: float, code: str) -> None:
    """Protects options: floats stay floats, to the last bit."""
    assert of_number(value) == code
    assert made(code) == value


@pytest.mark.parametrize("text", ["plain", 'with "quotes"', "it's", "new\nline", "\x1b[2J", "\\", "σ ⁇", "\u202e"])
def test_texts(text: str) -> None:
    """Protects strings, and the page: control characters are escaped, and one line is one line."""
    code = of_text(text)
    assert made(code) == text
    assert code.isprintable()
