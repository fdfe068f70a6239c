"""Values as JSON beside arrays: what goes in comes out, and nothing else does."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from graders.packing import Packer, PackingError, Unpacker
from graders.strategies import AttentionCase
from graders.strategies.perplexity import TextCase
from graders.tasks import HeadSizes, ModelSpec


def through(value: Any) -> Any:
    """A value packed, written, read and unpacked."""
    packer = Packer()
    packed = json.loads(json.dumps(packer.packed(value)))
    return Unpacker(packer.arrays()).value(packed)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -3, 2**40, 0.1, float("inf"), "ß 日 \n", torch.bfloat16, [], [1, [2, (3,)]], (), {"a": {1, 2}},
        {"b": frozenset({"x"}), 3: None}, HeadSizes(12, 3, d_head=5), ModelSpec(7, None, 1),
    ],
)  # fmt: skip
def test_values_come_back(value: Any) -> None:
    """Protects cases: numbers, texts, containers and sizes are what they were, of the same type."""
    back = through(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 1, 4)])
def test_tensors_come_back(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Protects cases: shape, dtype and values are kept, also of views; a float64 that a float32 can hold is exact."""
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    for value in (drawn, drawn.unsqueeze(-1).expand(*shape, 3)):
        back = through(value)
        assert back.dtype == dtype
        assert torch.equal(back, value)


def test_float64_keeps_nine_digits() -> None:
    """Protects tolerances: of float64 what is stored is within 2⁻²⁸ of the value; infinities and NaN stay."""
    values = torch.randn(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) ** 9
    assert ((through(values) - values).abs() <= 2**-28 * values.abs()).all()
    odd = torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0, -0.0], dtype=torch.float64)
    assert torch.equal(through(odd).nan_to_num(nan=5.0), odd.nan_to_num(nan=5.0))


def test_equal_tensors_are_stored_once() -> None:
    """Protects the kit's size: the same weights in several cases cost nothing more."""
    packer = Packer()
    weights = torch.ones(50)
    packed = [packer.packed(weights) for _ in range(3)]
    assert packed[0] == packed[2]
    assert len(packer.arrays()["float32"]) == 50


def test_cases_come_back() -> None:
    """Protects cases: fields are kept, what is computed from them is not stored, what a check changes is a copy."""
    case = AttentionCase(torch.ones(2, 3), torch.ones(4, 3), torch.ones(4, 1), None)
    packer = Packer()
    packed = packer.packed(case)
    unpacker = Unpacker(packer.arrays())
    back, again = unpacker.value(packed), unpacker.value(packed)
    assert vars(back).keys() == {"query", "key", "value", "mask"}
    back.query.mul_(2)
    assert torch.equal(again.query, case.query)
    text = through(TextCase([torch.zeros(1, 2, 3)], [torch.zeros(1, 2, dtype=torch.int64)], None))
    assert text.logits_shapes == [(1, 2, 3)]


@dataclass
class Foreign:
    x: int = 1


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "a value of type object cannot be stored"),
        (Foreign(), "a value of type Foreign cannot be stored"),
        ([lambda: 1], "a value of type function cannot be stored"),
        (torch.zeros(1, dtype=torch.bfloat16), "a bfloat16 tensor cannot be stored; there are float32"),
    ],
)
def test_what_cannot_be_stored_is_refused(value: Any, says: str) -> None:
    """Protects the record: nothing is stored as something else."""
    with pytest.raises(PackingError, match=says):
        Packer().packed(value)


@pytest.mark.parametrize(
    "packed", [{"object": ["os", "system", {}]}, {"pickle": "x"}, {"object": ["sandbox.wire", "Opaque", {}]}]
)
def test_a_record_makes_only_cases(packed: Any) -> None:
    """Protects whoever opens a kit: no class outside of the graders is looked up, no other kind is understood."""
    with pytest.raises(PackingError, match="found "):
        Unpacker({}).value(packed)
