"""Frames and values: what is encoded arrives as it was, and what is malformed is refused and nothing worse."""

import enum
import itertools
import json
import math
import struct
import warnings
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sandbox import wire
from sandbox.wire import DTYPES, Handle, Opaque, WireError

examples = settings(derandomize=True, deadline=None, database=None, max_examples=200)
NONCE = bytes(range(16))


def frame(value: Any) -> tuple[bytes, bytearray]:
    """A value's JSON part and payload."""
    _, text, *buffers = wire.encode(value, NONCE)
    return bytes(text), bytearray(b"".join(buffers))


def round_trip(value: Any) -> Any:
    return wire.decode(*frame(value))


def decode(tree: Any, table: list[Any], payload: bytes = b"") -> Any:
    """Decode a frame written by hand."""
    return wire.decode(json.dumps([tree, table]).encode(), bytearray(payload))


def bits(value: Any) -> Any:
    """A value as something that `==` compares bit by bit, shapes, dtypes and types of containers included."""
    if isinstance(value, Tensor):
        flat = value.contiguous().reshape(-1).view(torch.uint8) if value.numel() else torch.empty(0, dtype=torch.uint8)
        return "tensor", value.dtype, tuple(value.shape), bytes(flat.tolist())
    if isinstance(value, np.ndarray):
        return "array", value.dtype, value.shape, value.tobytes()
    if isinstance(value, (list, tuple)):
        return type(value), [bits(item) for item in value]
    if isinstance(value, dict):
        return dict, [(bits(key), bits(item)) for key, item in value.items()]
    return type(value), repr(value)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Tensors of every dtype: 0-d, without elements, with axes of size 1, with permuted strides, of any bit pattern."""
    dtype = draw(st.sampled_from(list(DTYPES.values())))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    n_bytes = math.prod(shape) * dtype.itemsize
    raw = torch.randint(0, 256, (n_bytes,), generator=generator, dtype=torch.uint8)
    if dtype is torch.bool:
        raw = raw % 2
    tensor = raw.view(dtype).reshape(shape) if n_bytes else torch.empty(shape, dtype=dtype)
    return tensor.permute(draw(st.permutations(range(len(shape)))))


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    """Numpy arrays of the dtypes that torch shares."""
    names = [name for name in DTYPES if name != "bfloat16"]
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    array = np.arange(math.prod(shape)).reshape(shape).astype(draw(st.sampled_from(names)))
    return array.T if draw(st.booleans()) else array


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.builds(Handle, st.integers(0, 2**31))
    | st.builds(Opaque, st.text(max_size=20))
)
keys = st.text(max_size=5) | st.integers(-5, 5) | st.tuples(st.integers(0, 3), st.booleans()) | st.none()
values = st.recursive(
    scalars | tensors() | arrays(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


# ---------------------------------------------------------------------------------------------------- round trips


@examples
@given(value=values)
def test_values_arrive_as_they_were(value: Any) -> None:
    """Protects every value that can cross: types, shapes, dtypes and bits, NaN payloads and lone surrogates too."""
    assert bits(value) == bits(round_trip(value))


@examples
@given(tensor=tensors())
def test_strides_arrive_in_their_order(tensor: Tensor) -> None:
    """Protects code that depends on memory order: a transposed tensor arrives transposed."""
    arrived = round_trip(tensor)
    expected = [(n, stride) for n, stride in zip(tensor.shape, tensor.stride(), strict=True) if n > 1]
    got = [(n, stride) for n, stride in zip(arrived.shape, arrived.stride(), strict=True) if n > 1]
    assert tensor.numel() == 0 or expected == got


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype(name: str) -> None:
    """Protects each dtype of the list by itself, as a tensor with axes of size 1 and as a 0-d one."""
    tensor = torch.tensor([[[0], [1], [1]]]).to(DTYPES[name])
    for value in (tensor, tensor[0, 1, 0], tensor.transpose(0, 1), tensor[:, :0]):
        assert bits(value) == bits(round_trip(value))


@pytest.mark.parametrize(
    "view",
    [
        torch.arange(24).reshape(4, 6)[:, ::2],
        torch.arange(24).reshape(4, 6)[1:, 1:].T,
        torch.arange(3).expand(4, 3),
        torch.arange(4.0).requires_grad_(),
        torch.nn.Parameter(torch.arange(4.0)),
        torch.tensor([1 + 2j, 3 - 4j]).conj(),
        torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
    ],
    ids=["strided", "sliced and transposed", "expanded", "requires grad", "parameter", "conjugate", "negative"],
)
def test_views_arrive_by_value(view: Tensor) -> None:
    """Protects views, lazily conjugated tensors and leaves that require gradients: their values cross, no error."""
    arrived = round_trip(view)
    assert bits(view.detach().resolve_conj().resolve_neg()) == bits(arrived)
    assert not arrived.requires_grad


def test_containers_arrive_as_plain_ones() -> None:
    """Protects what comes close to plain data: named tuples, sizes, ordered dicts, enumerations, numpy scalars."""
    value = [
        namedtuple("Pair", "a b")(1, 2),
        torch.Size([2, 3]),
        OrderedDict(a=1),
        enum.IntEnum("Color", "RED").RED,
        np.float32(0.5),
        np.int64(7),
        np.bool_(True),
        np.str_("text"),
        np.array(3.0),
    ]
    expected = [(1, 2), (2, 3), {"a": 1}, 1, 0.5, 7, True, "text", np.array(3.0)]
    assert bits(expected) == bits(round_trip(value))


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=">i4"),
        np.arange(6)[::-2],
        np.broadcast_to(np.arange(3), (2, 3)),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
    ],
    ids=["big-endian", "reversed", "broadcast", "fortran"],
)
def test_unusual_arrays(value: np.ndarray[Any, Any]) -> None:
    """Protects numpy arrays that torch does not take as they are: they arrive by value or as an `Opaque`."""
    arrived = round_trip(value)
    assert isinstance(arrived, Opaque) or value.tolist() == arrived.tolist()


# ---------------------------------------------------------------------------------------------------- what cannot cross


def batched() -> Tensor:
    """A tensor that has outlived its `vmap`: it has no storage of its own."""
    leaked: list[Tensor] = []

    def leak(x: Tensor) -> Tensor:
        leaked.append(x)
        return x

    torch.vmap(leak)(torch.ones(2))
    return leaked[0]


def nested() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a prototype, says torch
        return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])


def quantized() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to drop them
        return torch._empty_affine_quantized([2], scale=1.0, zero_point=0, dtype=torch.quint8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.eye(2).to_sparse(),
        lambda: torch.empty(2, device="meta"),
        lambda: torch.zeros(2).to(torch.float8_e4m3fn),
        lambda: torch.zeros(2, dtype=torch.uint16),
        quantized,
        batched,
        nested,
        lambda: np.array(["text"]),
        lambda: np.array([object()]),
        lambda: np.zeros(2, dtype=[("a", "i4")]),
        lambda: np.datetime64("2026-01-01"),
        lambda: np.longdouble(1),
        lambda: 2**63,
        lambda: -(2**63) - 1,
        lambda: 10**5000,
        lambda: 1j,
        lambda: b"bytes",
        lambda: {1, 2},
        lambda: iter([1]),
        torch.nn.Identity,
        lambda: Tensor,
        lambda: torch,
    ],
)
def test_what_cannot_cross_becomes_opaque(make: Any) -> None:
    """Protects the worker from values that are no plain data: the judge gets a description, among the other values."""
    before, opaque, after = round_trip([torch.ones(3), make(), torch.zeros(2)])
    assert isinstance(opaque, Opaque)
    assert 0 < len(opaque.description) <= 200
    assert bits([torch.ones(3), torch.zeros(2)]) == bits([before, after])


def test_complex_numbers_cross_as_tensors_only() -> None:
    """Protects the list of dtypes: complex tensors are on it, for rotary embeddings."""
    assert bits(torch.tensor([1 + 2j])) == bits(round_trip(torch.tensor([1 + 2j])))


class Liar(Tensor):
    """Tells lies about itself to whoever asks through torch's functions."""

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return True

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = Tensor.__hash__


class Raiser(Tensor):
    """Raises whatever is asked."""

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError("no")


class NoDtype(Tensor):
    """Its attributes raise."""

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no")


class Pretender:
    """Claims to be a tensor."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return Tensor


class Nameless(type):
    """Raises when its classes are asked for their names."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("no")


class RaisingText(str):
    """Cannot be made into a plain string."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("kind", [Liar, Raiser])
def test_lying_subclasses_arrive_as_plain_tensors(kind: type[Tensor]) -> None:
    """Protects the comparison from a tensor subclass whose methods lie: only its bytes cross."""
    arrived = round_trip(torch.arange(3.0).as_subclass(kind))
    assert Tensor is type(arrived)
    assert arrived.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.ones(2).as_subclass(NoDtype),
        Pretender,
        lambda: Nameless("A", (), {})(),
        lambda: RaisingText("a"),
    ],
    ids=["no dtype", "pretender", "nameless", "text"],
)
def test_values_that_raise_become_opaque(make: Any) -> None:
    """Protects the worker from values whose every attribute raises: the reply is made, its other tensors are whole."""
    before, opaque, after = round_trip([torch.ones(3), make(), torch.zeros(2)])
    assert isinstance(opaque, Opaque)
    assert bits([torch.ones(3), torch.zeros(2)]) == bits([before, after])


@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "itself"])
def test_deep_nesting_is_cut(kind: str) -> None:
    """Protects both ends from running out of stack: beyond MAX_DEPTH a structure becomes an `Opaque`."""
    value: Any = 0
    for _ in range(1000):
        value = {"list": [value], "tuple": (value,), "dict": {0: value}, "itself": []}[kind]
    if kind == "itself":
        value.append(value)
    arrived, depth = round_trip(value), 0
    while not isinstance(arrived, Opaque):
        [arrived] = arrived.values() if isinstance(arrived, dict) else arrived
        depth += 1
    assert depth == wire.MAX_DEPTH + 1


# ---------------------------------------------------------------------------------------------------- memory


@examples
@given(value=st.lists(tensors(), max_size=4))
def test_decoded_tensors_do_not_overlap(value: list[Tensor]) -> None:
    """Protects one decoded tensor from a change to another: in the frame's buffer each has bytes of its own."""
    arrived = round_trip(value)
    spans = sorted((tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes) for tensor in arrived if tensor.numel())
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_a_tensor_cannot_be_referred_to_twice() -> None:
    """Protects against two names for one tensor, and against a small reply that grows large."""
    with pytest.raises(WireError, match="twice"):
        decode([{"$tensor": 0}, {"$array": 0}], [["uint8", [1]]], bytes(16))


def test_the_same_tensor_twice_crosses_twice() -> None:
    """Protects calls such as attention(x, x, x): the arguments arrive, each with memory of its own."""
    x = torch.ones(2)
    first, second = round_trip([x, x])
    first.zero_()
    assert [1.0, 1.0] == second.tolist() == x.tolist()


def test_bytes_of_a_bool_are_made_true_or_false() -> None:
    """Protects torch from bools that are neither 0 nor 1, with which its operations disagree."""
    arrived = decode({"$tensor": 0}, [["bool", [4]]], bytes([0, 1, 2, 255]) + bytes(12))
    assert arrived.view(torch.uint8).tolist() == [0, 1, 1, 1]


# ---------------------------------------------------------------------------------------------------- refusals


def header(magic: bytes = wire.MAGIC, json_bytes: int = 0, payload_bytes: int = 0) -> bytes:
    return struct.pack("!4s16sIQ", magic, NONCE, json_bytes, payload_bytes)


def test_header() -> None:
    """Protects the header's meaning: nonce, length of the structure, length of the tensors."""
    text, payload = frame(torch.ones(3))
    assert wire.Header(NONCE, len(text), len(payload)) == wire.read_header(wire.encode(torch.ones(3), NONCE)[0])
    assert len(payload) % wire.ALIGNMENT == 0


@pytest.mark.parametrize(
    "data",
    [
        header(magic=b"HTTP"),
        header(json_bytes=wire.MAX_JSON + 1),
        header(json_bytes=2**32 - 1),
        header(payload_bytes=101),
        header(payload_bytes=2**64 - 1),
        header()[:-1],
        b"",
    ],
)
def test_headers_that_are_refused(data: bytes) -> None:
    """Protects the judge's memory: nothing is reserved for a length beyond its cap, or on the word of garbage."""
    with pytest.raises(WireError):
        wire.read_header(data, max_payload=100)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[1,",
        b"1",
        b"{}",
        b"[0]",
        b"[0,[],0]",
        b"[0,{}]",
        b"[NaN,[]]",
        b"[-Infinity,[]]",
        b"[1e400,[]]",
        b"[-1e400,[]]",
        b"[9223372036854775808,[]]",
        b"[[1,9223372036854775808],[]]",
        b"[[-9223372036854775809,1],[]]",
        b"[[0.5,1e400],[]]",
        b"[[0.5,-1e400,1],[]]",
        b'[{"$handle":9223372036854775808},[]]',
        b'[{"$names":{"a":1e400}},[]]',
        b"[-9223372036854775809,[]]",
        b"[" + b"9" * 4000 + b",[]]",
        b"[" + b"9" * 50_000 + b",[]]",
        b"[" * 100_000,
        b"[" + b"[" * 900 + b"]" * 900 + b",[]]",
        b'[{"$tuple":' * 100 + b"0" + b"}]" * 100,
        b"[{},[]]",
        b'[{"$tensor":0},[]]',
        b'[{"$tensor":true},[["uint8",[0]]]]',
        b'[{"$tensor":-1},[["uint8",[0]]]]',
        b'[{"$tensor":0.0},[["uint8",[0]]]]',
        b'[{"$tuple":0},[]]',
        b'[{"$tuple":[],"$dict":[]},[]]',
        b'[{"$dict":{}},[]]',
        b'[{"$names":[]},[]]',
        b'[{"$names":{"a":{"$names":0}}},[]]',
        b'[{"$dict":[0]},[]]',
        b'[{"$dict":[[0]]},[]]',
        b'[{"$dict":[[[],0]]},[]]',
        b'[{"$dict":[[{"$tuple":[[]]},0]]},[]]',
        b'[{"$dict":[[{"$dict":[]},0]]},[]]',
        b'[{"$float":"1"},[]]',
        b'[{"$float":[]},[]]',
        b'[{"$handle":true},[]]',
        b'[{"$handle":"1"},[]]',
        b'[{"$opaque":1},[]]',
        b'[{"$pickle":"gASVIAAAAAAAAA=="},[]]',
        b'[{"a":1},[]]',
        b"[0,[" + b",".join([b'["uint8",[0]]'] * (wire.MAX_TENSORS + 1)) + b"]]",
    ],
    ids=lambda text: repr(text[:40]),
)
def test_structures_that_are_refused(text: bytes) -> None:
    """Protects the judge from forged structures: each is a `WireError`, never another exception or a value."""
    with pytest.raises(WireError):
        wire.decode(text, bytearray())


@pytest.mark.parametrize(
    "entry",
    [
        "uint8",
        [],
        ["uint8"],
        ["uint8", [16], [0], 0],
        [8, [16]],
        [["uint8"], [16]],
        ["float8_e4m3fn", [16]],
        ["object", [2]],
        ["quint8", [16]],
        ["uint8", 16],
        ["uint8", [15.0]],
        ["uint8", [True] * 2],
        ["uint8", [-16]],
        ["uint8", [-4, -4]],
        ["uint8", ["16"]],
        ["uint8", [2**40]],
        ["uint8", [0, 2**39, 2**39]],
        ["uint8", [2**39, 2**39, 0, 2**39]],
        ["uint8", [1] * 17],
        ["uint8", [17]],
        ["int64", [3]],
        ["float32", [2**39, 2**39]],
        ["uint8", []],
        ["uint8", [0]],
        ["uint8", [4, 4], 0],
        ["uint8", [4, 4], []],
        ["uint8", [4, 4], [0]],
        ["uint8", [4, 4], [0, 0]],
        ["uint8", [4, 4], [1, 2]],
        ["uint8", [4, 4], [-1, 0]],
        ["uint8", [4, 4], [False, True]],
        ["uint8", [4, 4], [0.0, 1.0]],
        ["uint8", [4, 4], ["0", "1"]],
        ["uint8", [4, 4], [[0], [1]]],
        ["uint8", [4, 4], {"0": 1, "1": 0}],
    ],
    ids=repr,
)
def test_tensors_that_are_refused(entry: Any) -> None:
    """Protects the judge from forged tensors: unknown dtypes, impossible shapes, counts that do not match the bytes."""
    expected = 32 if entry in (["uint8", []], ["uint8", [0]]) else 16
    with pytest.raises(WireError):
        decode(None, [entry], bytes(expected))


def test_an_order_nested_as_deep_as_json_allows() -> None:
    """Protects the judge's stack from an order of axes that is nested as deep as the JSON parser goes."""
    for depth in range(20, 1200, 20):
        with pytest.raises(WireError):
            wire.decode(b'[0,[["uint8",[0],' + b"[" * depth + b"]" * depth + b"]]]", bytearray())


def test_an_array_of_bfloat16_is_refused() -> None:
    """Protects the judge from an array that numpy cannot hold."""
    with pytest.raises(WireError, match="bfloat16"):
        decode({"$array": 0}, [["bfloat16", [8]]], bytes(16))


def test_a_payload_too_long_is_refused() -> None:
    """Protects against bytes that no tensor accounts for."""
    with pytest.raises(WireError, match="need 16 bytes, the reply holds 32"):
        decode({"$tensor": 0}, [["uint8", [16]]], bytes(32))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.sampled_from(["nan", "inf", *DTYPES]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
        | st.builds(
            lambda tag, body: {tag: body},
            st.sampled_from(["$tensor", "$array", "$tuple", "$dict", "$names", "$float", "$handle", "$opaque"]),
            inner | st.integers(0, 2) | st.lists(st.lists(inner, min_size=2, max_size=2), max_size=2),
        )
    ),
    max_leaves=10,
)
sizes = st.integers(0, 4) | st.integers(-2, 2**65) | st.booleans()
entries = st.tuples(st.sampled_from(list(DTYPES)), st.lists(sizes, max_size=4)) | st.tuples(
    st.sampled_from(list(DTYPES)), st.lists(st.integers(0, 3), max_size=3), st.lists(st.integers(-1, 3), max_size=3)
)


@settings(examples, max_examples=400)
@given(
    tree=json_values,
    table=st.lists(entries, max_size=3) | st.lists(json_values, max_size=3) | json_values,
    payload=st.binary(max_size=64) | st.integers(0, 6).map(lambda n: bytes(16 * n)),
)
def test_any_json_decodes_or_is_refused(tree: Any, table: Any, payload: bytes) -> None:
    """Protects the judge from every structure: it decodes, or it is a `WireError`, and nothing else ever."""
    try:
        wire.decode(json.dumps([tree, table]).encode(), bytearray(payload))
    except WireError:
        pass


@settings(examples, max_examples=200)
@given(value=values, data=st.data())
def test_a_damaged_frame_decodes_or_is_refused(value: Any, data: st.DataObject) -> None:
    """Protects the judge from a true frame of which a few bytes were changed, cut off or added."""
    text, payload = frame(value)
    where = data.draw(st.integers(0, len(text)))
    text = text[:where] + data.draw(st.binary(max_size=3)) + text[where + data.draw(st.integers(0, 3)) :]
    payload += data.draw(st.binary(max_size=16))
    try:
        wire.decode(text, payload)
    except WireError:
        pass
