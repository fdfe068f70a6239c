"""Comparing untrusted values: what agrees, what does not, and every word of what is said then."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, tensor

from graders import compare
from graders.compare import (
    assert_agrees,
    assert_agrees_with_one,
    assert_equal,
    assert_true,
    describe,
    dtype_name,
    number,
    require_pair,
    require_tensor,
    show,
)
from graders.verdict import CheckFailed
from sandbox.wire import Opaque

NAN, INF = math.nan, math.inf


def refusal(function: Any, *args: Any, **kwargs: Any) -> str:
    """The message of the CheckFailed that a call raises."""
    with pytest.raises(CheckFailed) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def float64(*values: float) -> Tensor:
    return tensor(values, dtype=torch.float64)


# ---------------------------------------------------------------------------------------------------- describe


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (torch.zeros(2, 3), "a float32 tensor of shape (2, 3)"),
        (torch.tensor(True), "a bool tensor of shape ()"),
        (torch.zeros(0, dtype=torch.int64), "a int64 tensor of shape (0,)"),
        (True, "the bool True"),
        (7, "the int 7"),
        (-0.5, "the float -0.5"),
        (NAN, "the float nan"),
        ("attention", "a str"),
        ({"output": 1}, "a dict"),
        (torch.zeros(2).numpy(), "a ndarray"),
        (Opaque("student.Result"), "a value of type student.Result"),
        ((), "a tuple of 0 ()"),
        ((1, None), "a tuple of 2 (the int 1, None)"),
        ([torch.ones(1)] * 6, "a list of 6 (" + "a float32 tensor of shape (1,), " * 4 + "…)"),
    ],
    ids=repr,
)
def test_describe(value: object, expected: str) -> None:
    """Protects the short names of what came back: a person sees at once what kind of thing it was."""
    assert expected == describe(value)


def test_describe_cleans_what_the_student_named() -> None:
    """Protects the terminal and the page: a type's name is the student's text, without control characters, one cut line."""
    assert describe(Opaque("evil\x1b[31m\u202egnp")) == "a value of type evil\ufffd[31m\ufffdgnp"
    assert describe(Opaque("x\n\nAll checks passed.")) == "a value of type x All checks passed."
    assert describe(Opaque("x" * 5000)) == "a value of type " + "x" * 57 + " […] " + "x" * 57


def test_describe_is_one_short_line_for_any_nesting() -> None:
    """Protects the reader: however much is nested in a value, its description ends."""
    value: Any = Opaque("deep" * 20)
    for _ in range(12):
        value = (value, value)
    assert len(describe(value)) <= 400


@pytest.mark.parametrize(("dtype", "name"), [(torch.float32, "float32"), (torch.bool, "bool")])
def test_dtype_name(dtype: torch.dtype, name: str) -> None:
    """Protects messages from `torch.`, which says nothing."""
    assert name == dtype_name(dtype)


# ---------------------------------------------------------------------------------------------------- kind and shape


@pytest.mark.parametrize(
    ("got", "found"),
    [
        (None, "None"),
        (Opaque("numpy.matrix"), "a value of type numpy.matrix"),
        ((torch.zeros(2, 3), None), "a tuple of 2 (a float32 tensor of shape (2, 3), None)"),
        (torch.zeros(2, 3).numpy(), "a ndarray"),
        (0.0, "the float 0.0"),
        ([[0.0] * 3] * 2, "a list of 2 (a list of 3 (the float 0.0, the float 0.0, the float 0.0), "
         "a list of 3 (the float 0.0, the float 0.0, the float 0.0))"),
        (torch.zeros(3, 2), "a float32 tensor of shape (3, 2)"),
        (torch.zeros(6), "a float32 tensor of shape (6,)"),
        (torch.zeros(2, 3, dtype=torch.float64), "a float64 tensor of shape (2, 3)"),
        (torch.zeros(2, 3, dtype=torch.bool), "a bool tensor of shape (2, 3)"),
    ],
    ids=describe,
)  # fmt: skip
def test_another_kind_shape_or_dtype_is_refused(got: object, found: str) -> None:
    """Protects every comparison: before a value is looked at, it is a tensor of the right shape and dtype."""
    expected = f"the output: expected a float32 tensor of shape (2, 3), got {found}."
    assert expected == refusal(require_tensor, got, "the output", (2, 3), torch.float32)
    assert expected == refusal(assert_agrees, got, torch.zeros(2, 3, dtype=torch.float64))
    assert expected == refusal(assert_equal, got, torch.zeros(2, 3))


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 1), (1, 2, 3)])
def test_shapes_that_broadcast_are_refused(shape: tuple[int, ...]) -> None:
    """Protects from broadcasting: one right number is not a tensor of right numbers."""
    expected = f"the output: expected a float32 tensor of shape (2, 3), got a float32 tensor of shape {shape}."
    assert expected == refusal(assert_agrees, torch.ones(shape), torch.ones(2, 3))
    assert expected == refusal(assert_equal, torch.ones(shape), torch.ones(2, 3))


def test_require_tensor_returns_the_tensor_itself() -> None:
    """Protects its use in expressions."""
    value = torch.zeros(2, 3)
    assert value is require_tensor(value, "x", (2, 3), torch.float32)


def test_require_pair() -> None:
    """Protects the unpacking of (output, weights) and of (x, y)."""
    assert require_pair((1, 2), "attention", ("output", "weights")) == (1, 2)
    assert require_pair([1, 2], "attention", ("output", "weights")) == (1, 2)
    start = "attention must return two values, output and weights; it returned "
    for value, found in (
        (torch.zeros(2, 3), "a float32 tensor of shape (2, 3)."),
        (None, "None."),
        ((1, 2, 3), "a tuple of 3 (the int 1, the int 2, the int 3)."),
        ("ab", "a str."),
        ({0: 1, 1: 2}, "a dict."),
    ):
        assert start + found == refusal(require_pair, value, "attention", ("output", "weights"))


# ---------------------------------------------------------------------------------------------------- values


def test_agreeing_values_pass() -> None:
    """Protects the right solution: equal values, and those within the tolerance, raise nothing."""
    expected = float64(1.0, -2.0, 0.0)
    assert_agrees(expected.float(), expected)
    assert_agrees(expected.float() + 0.9e-5, expected)


def test_the_tolerance_is_absolute_plus_relative() -> None:
    """Protects the tolerance from both sides: atol + rtol · |expected| is still right, a hair more is wrong."""
    expected = float64(4.0)
    for off, agrees in ((0.875, True), (0.9, False), (-0.875, True), (-0.9, False)):
        got = expected + off
        if agrees:
            assert_agrees(got, expected, atol=0.375, rtol=0.125, dtype=torch.float64)  # 0.375 + 0.125 · 4 = 0.875
        else:
            refusal(assert_agrees, got, expected, atol=0.375, rtol=0.125, dtype=torch.float64)


def test_a_tolerance_may_differ_by_place() -> None:
    """Protects RoPE's cache, where large angles are known less well than small ones."""
    atol = float64(0.0, 1.0)[:, None]
    expected = torch.zeros(2, 3, dtype=torch.float64)
    got = expected.clone()
    got[1] = 1.0
    assert_agrees(got, expected, atol=atol, rtol=0, dtype=torch.float64)
    got[0, 2] = 1e-9
    message = refusal(assert_agrees, got, expected, atol=atol, rtol=0, dtype=torch.float64)
    assert message.splitlines()[0] == "the output: 1 of 6 values are wrong, the first at index [0, 2]."


def test_a_difference_is_shown_side_by_side() -> None:
    """Protects the message for small matrices: how many, where, how far, and both sides, a row for a row."""
    expected = float64(1.0, 2.0, 1 / 3, 4.0).view(2, 2)
    got = tensor([[1.0, 2.0], [0.25, 40000.0]])
    assert refusal(assert_agrees, got, expected, "the weights") == (
        "the weights: 2 of 4 values are wrong, the first at index [1, 0].\n"
        "  expected 0.33333, got 0.25; largest difference: 39996\n"
        "  row  expected           got\n"
        "  [0]  [      1,     2]   [      1,     2]\n"
        "  [1]  [0.33333,     4]   [   0.25, 40000]  <- wrong"
    )


def test_rows_that_do_not_fit_stand_one_below_the_other() -> None:
    """Protects wide matrices: only the rows that are wrong are shown, their columns aligned."""
    expected = torch.linspace(0.0, 1.0, 14, dtype=torch.float64).view(2, 7) * 1.23456
    got = expected.float()
    got[1, 2] = -2.5
    assert refusal(assert_agrees, got, expected) == (
        "the output: 1 of 14 values are wrong, the first at index [1, 2].\n"
        "  expected 0.8547, got -2.5; largest difference: 3.3547\n"
        "  row [0]: as expected\n"
        "  row [1]:\n"
        "  expected  [0.66476, 0.75973, 0.8547, 0.94966, 1.0446, 1.1396, 1.2346]\n"
        "  got       [0.66476, 0.75973,   -2.5, 0.94966, 1.0446, 1.1396, 1.2346]"
    )


def test_rows_of_more_axes_are_named_by_their_index() -> None:
    """Protects batches: each row says which one it is."""
    expected = torch.arange(8, dtype=torch.float64).view(2, 2, 2)
    got = expected.float()
    got[1, 0, 1] = 0.5
    assert refusal(assert_agrees, got, expected).splitlines()[2:] == [
        "  row     expected   got",
        "  [0, 0]  [0,   1]   [0,   1]",
        "  [0, 1]  [2,   3]   [2,   3]",
        "  [1, 0]  [4,   5]   [4, 0.5]  <- wrong",
        "  [1, 1]  [6,   7]   [6,   7]",
    ]


def test_a_vector_is_shown_in_two_lines() -> None:
    """Protects vectors, long ones too: expected above got, in pieces that fit a line."""
    assert refusal(assert_agrees, tensor([1.0, 2.5]), float64(1.0, 2.0)) == (
        "the output: 1 of 2 values are wrong, the first at index [1].\n"
        "  expected 2, got 2.5; largest difference: 0.5\n"
        "  expected  [1,   2]\n"
        "  got       [1, 2.5]"
    )
    lines = refusal(assert_agrees, torch.zeros(40), torch.full((40,), 1 / 3, dtype=torch.float64)).splitlines()[2:]
    assert [line.partition("[")[0].strip() for line in lines] == ["expected", "got"] * (len(lines) // 2)
    assert sum(line.count("0.33333") for line in lines) == 40


def test_a_large_difference_is_shown_around_its_first_place() -> None:
    """Protects the reader from a wall of numbers: above 40 elements a part of one row is printed."""
    expected = torch.zeros(41, dtype=torch.float64)
    got = torch.zeros(41)
    got[17] = 2.5
    assert refusal(assert_agrees, got, expected) == (
        "the output: 1 of 41 values are wrong, the first at index [17].\n"
        "  expected 0, got 2.5; largest difference: 2.5\n"
        "  places 14 to 20:\n"
        "  expected  [0, 0, 0,   0, 0, 0, 0]\n"
        "  got       [0, 0, 0, 2.5, 0, 0, 0]"
    )


def test_a_large_matrix_is_shown_by_the_row_of_its_first_place() -> None:
    """Protects large matrices: the row is named, and the places where it is cut."""
    expected = torch.zeros(2, 3, 9, dtype=torch.float64)
    got = torch.zeros(2, 3, 9)
    got[1, 0, 8] = 2.5
    lines = refusal(assert_agrees, got, expected).splitlines()
    assert lines[2:] == [
        "  row [1, 0], places 2 to 8:",
        "  expected  [0, 0, 0, 0, 0, 0,   0]",
        "  got       [0, 0, 0, 0, 0, 0, 2.5]",
    ]
    narrow = refusal(assert_agrees, got.view(9, 6) + 1, expected.view(9, 6)).splitlines()
    assert narrow[2] == "  row [0]:"


@pytest.mark.parametrize(
    "shape",
    [(), (1,), (40,), (40, 1), (1, 40), (20, 2), (2, 20), (5, 8), (2, 2, 10), (2,) * 5, (41,), (3, 300), (7, 6, 5)],
)
def test_every_message_is_short(shape: tuple[int, ...]) -> None:
    """Protects the page: whatever the shape and the numbers, a message has a few lines of a bounded length."""
    rng = torch.Generator().manual_seed(0)
    got = torch.randn(shape, generator=rng) * 10.0 ** torch.randint(-30, 30, shape, generator=rng)
    lines = refusal(assert_agrees, got, got.double() + 1e31).splitlines()
    assert max(map(len, lines)) <= 115
    assert len(lines) <= 123
    assert sum(map(len, lines)) <= 4000


def test_the_first_line_tells_no_expected_value() -> None:
    """Protects homeworks whose feedback is a hint: they show this line alone."""
    got, expected = tensor([[1.0, 7.25], [2.0, 3.0]]), float64(1.0, 8.125, 2.0, 3.0).view(2, 2)
    assert "8.125" not in refusal(assert_agrees, got, expected).splitlines()[0]
    assert "8" not in refusal(assert_equal, tensor([7, 9]), tensor([8, 9])).splitlines()[0]


def test_both_sides_are_kept() -> None:
    """Protects the snippet: the failed comparison carries what came, as it came, and what was expected."""
    got, expected = tensor([1.0, NAN]), float64(2.0, NAN)
    for compare_them in (
        lambda: assert_agrees(got, expected),
        lambda: assert_agrees_with_one(got, [expected]),
        lambda: assert_equal(got, expected.float()),
    ):
        with pytest.raises(CheckFailed) as caught:
            compare_them()
        assert caught.value.got is got
        assert torch.equal(caught.value.expected.double().nan_to_num(), expected.nan_to_num())
    with pytest.raises(CheckFailed) as caught:
        require_tensor(got, "x", (3,), torch.float32)
    assert (caught.value.got is got, caught.value.expected) == (True, None)


def test_a_scalar_has_no_index() -> None:
    """Protects 0-d tensors, such as a loss."""
    assert_agrees(torch.tensor(2.0), torch.tensor(2.0, dtype=torch.float64))
    message = refusal(assert_agrees, torch.tensor(2.0), torch.tensor(3.0, dtype=torch.float64), "the loss")
    expected = "the loss: 1 of 1 values are wrong, the first.\n  expected 3, got 2"
    assert expected == message


def test_empty_tensors_agree_if_their_shapes_do() -> None:
    """Protects cases without elements: there is nothing to be wrong but the shape."""
    empty = torch.zeros(0, 3)
    assert_agrees(empty, empty.double())
    assert_equal(empty, empty)
    refusal(assert_agrees, torch.zeros(3, 0), empty.double())


@pytest.mark.parametrize(("odd", "name"), [(NAN, "nan"), (INF, "inf"), (-INF, "-inf")])
def test_what_is_not_finite_is_named(odd: float, name: str) -> None:
    """Protects from NaN, which is neither larger nor smaller than a tolerance; the message says what it is."""
    got = tensor([5.0, 2.0, odd])  # the first value is wrong too: the odd one is the better news
    assert (
        "the output: 1 of 3 values are NaN or infinite, the first at index [2].\n"
        f"  expected 3, got {name}; largest difference: 4\n"
        f"  expected  [1, 2, {'3':>{len(name)}}]\n"
        f"  got       [5, 2, {name}]"
    ) == refusal(assert_agrees, got, float64(1.0, 2.0, 3.0))


@pytest.mark.parametrize("expected", [NAN, INF, -INF])
@pytest.mark.parametrize("got", [0.0, 1e30, NAN, INF, -INF])
@pytest.mark.parametrize("rtol", [0.0, 1e-5])
def test_nothing_agrees_with_what_is_not_finite(expected: float, got: float, rtol: float) -> None:
    """Protects comparisons between two of the student's own values: an infinite tolerance is no tolerance."""
    refusal(assert_agrees, tensor([got]), float64(expected), rtol=rtol)


def test_all_values_not_finite() -> None:
    """Protects the message where no difference is a number: its line is left out."""
    expected = "x: 1 of 1 values are NaN or infinite, the first at index [0].\n  expected 0, got nan"
    assert expected == refusal(assert_agrees, tensor([NAN]), float64(0.0), "x")


def test_float64_is_compared_as_float64() -> None:
    """Protects sharp tolerances: nothing is rounded to float32 on the way."""
    refusal(assert_agrees, float64(1.0 + 1e-12), float64(1.0), atol=1e-13, rtol=0.0, dtype=torch.float64)


def test_bfloat16_and_float32_expectations() -> None:
    """Protects `expected` of any dtype: both sides are compared in float64."""
    assert_agrees(torch.ones(2, dtype=torch.bfloat16), torch.ones(2), dtype=torch.bfloat16)


# ---------------------------------------------------------------------------------------------------- exact equality


def test_equal_tensors_pass() -> None:
    """Protects masks, ids and unchanged inputs."""
    for value in (tensor([True, False]), tensor([[1, 2]]), tensor(0.5), tensor([0.1], dtype=torch.bfloat16)):
        assert_equal(value.clone(), value)


def test_bool_difference() -> None:
    """Protects the message about masks: True and False, not 1 and 0."""
    assert refusal(assert_equal, tensor([True, True]), tensor([True, False]), "the mask") == (
        "the mask: 1 of 2 values are wrong, the first at index [1].\n"
        "  expected False, got True; largest difference: 1\n"
        "  expected  [True, False]\n"
        "  got       [True,  True]"
    )


def test_int_difference() -> None:
    """Protects the message about ids: whole numbers stay whole, however large."""
    message = refusal(assert_equal, tensor([7, 1234567]), tensor([7, 1234568]), "ids")
    assert message == (
        "ids: 1 of 2 values are wrong, the first at index [1].\n"
        "  expected 1234568, got 1234567; largest difference: 1\n"
        "  expected  [7, 1234568]\n"
        "  got       [7, 1234567]"
    )


def test_equal_means_to_the_last_bit() -> None:
    """Protects `is not modified`: the smallest change counts, and NaN equals nothing."""
    value = tensor([1.0])
    refusal(assert_equal, torch.nextafter(value, tensor([2.0])), value)
    refusal(assert_equal, tensor([NAN]), tensor([NAN]))


def test_equal_refuses_another_dtype() -> None:
    """Protects masks from 0/1 floats."""
    expected = "the mask: expected a bool tensor of shape (1,), got a float32 tensor of shape (1,)."
    assert expected == refusal(assert_equal, tensor([1.0]), tensor([True]), "the mask")


# ---------------------------------------------------------------------------------------------------- words and numbers


def test_assert_true() -> None:
    """Protects plain conditions: the message is what the caller wrote."""
    assert_true(True, "never seen")
    assert refusal(assert_true, False, "Some weights are negative.") == "Some weights are negative."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "True"),
        (12345678, "12345678"),
        (0.0, "0"),
        (1 / 3, "0.33333"),
        (123456.789, "1.2346e+05"),
        (1e-12, "1e-12"),
        (NAN, "nan"),
        (-INF, "-inf"),
    ],
)
def test_number(value: float, expected: str) -> None:
    """Protects numbers that a person can follow: at most five digits, nothing cut off whole numbers."""
    assert expected == number(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (tensor(1.5), "1.5"),
        (tensor([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (tensor([True]), "[True]"),
        (torch.zeros(0), "[]"),
        (torch.zeros(8, 5), "[" + ", ".join(["[0, 0, 0, 0, 0]"] * 8) + "]"),
        (torch.zeros(41), "float32 (41,)"),
        (torch.zeros(7, 6, dtype=torch.int64), "int64 (7, 6)"),
    ],
    ids=describe,
)
def test_show(value: Tensor, expected: str) -> None:
    """Protects how tensors are printed: whole up to 40 elements, by dtype and shape beyond."""
    assert expected == show(value)


def test_the_default_tolerance_is_float32s() -> None:
    """Protects the catalogue's honesty: a looser default would let wrong solutions through unseen."""
    assert (compare.ATOL, compare.RTOL) == (1e-5, 1e-5)


def test_what_is_not_finite_may_be_expected() -> None:
    """Protects students whose part gives NaN in another question: it is right where it is expected, and nowhere else."""
    value = tensor([1.0, NAN, -INF])
    assert_agrees_with_one(value, [value.double()])
    for other in ([1.0, NAN, INF], [1.0, 2.0, -INF], [NAN, NAN, -INF], [3.0, NAN, -INF]):
        with pytest.raises(CheckFailed):
            assert_agrees_with_one(tensor(other), [value.double()])
    with pytest.raises(CheckFailed):
        assert_agrees_with_one(tensor([NAN, NAN]), [tensor([NAN, NAN], dtype=torch.float64)])
