"""Frames and values: raw tensor bytes and plain JSON, nothing else.

A frame is a fixed header (magic, nonce, length of the JSON part, length of the payload), a JSON tree, and the raw bytes
of the tensors that the tree refers to. Both ends use this module. The judge trusts nothing that it decodes: lengths are
capped before anything is read, dtypes come from a list, byte counts must match exactly.
"""

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

MAGIC = b"HMW1"
NONCE_BYTES = 16
HEADER = struct.Struct(f"!4s{NONCE_BYTES}sIQ")  # magic, nonce, JSON bytes, payload bytes
MAX_JSON = 256 * 1024
MAX_DEPTH = 24
MAX_TENSORS = 20_000
ALIGNMENT = 16  # each tensor starts at a multiple of this, so that it can be used in place
_SMALL = 1 << 16  # a copy of so few bytes costs less than a view of them
_LEAST, _END = -(2**63), 2**63  # integers from the first on, below the second

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.complex64,
        torch.complex128,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.uint8,
        torch.bool,
    )
}
_DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_NUMPY = {dtype: np.dtype(name) for name, dtype in DTYPES.items() if dtype is not torch.bfloat16}
_ITEM_BYTES = {dtype: dtype.itemsize for dtype in DTYPES.values()}


class WireError(Exception):
    """The bytes that arrived are not a frame of this protocol."""


@dataclass(frozen=True)
class Handle:
    """An object that stays in the worker."""

    number: int


@dataclass(frozen=True)
class Opaque:
    """A value that cannot cross the wire; only a description of its type does (untrusted text)."""

    description: str


@dataclass(frozen=True)
class Header:
    """The fixed part of a frame, checked against the caps."""

    nonce: bytes
    json_bytes: int
    payload_bytes: int


def read_header(data: bytes, max_json: int = MAX_JSON, max_payload: int = 1 << 40) -> Header:
    """Parse and check a frame's header.

    Raises:
        WireError: not a header, or a length above its cap.
    """
    if len(data) != HEADER.size or not data.startswith(MAGIC):
        raise WireError("the reply does not start like a frame")
    _, nonce, json_bytes, payload_bytes = HEADER.unpack(data)
    if json_bytes > max_json:
        raise WireError(f"the reply announces {json_bytes} bytes of structure, at most {max_json} are allowed")
    if payload_bytes > max_payload:
        raise WireError(f"the reply announces {payload_bytes} bytes of tensors, at most {max_payload} are expected")
    return Header(nonce, json_bytes, payload_bytes)


# ---------------------------------------------------------------------------------------------------- encoding


_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)  # a tree has no circles


def _is_plain(items: list[Any]) -> bool:
    """Whether a list holds nothing but integers, or strings, or finite numbers, as they cross the wire."""
    kinds = set(map(type, items))
    if kinds == {int}:
        return bool(min(items) >= _LEAST and max(items) < _END)
    return kinds == {str} or (kinds == {float} and all(map(math.isfinite, items)))


class _Encoder:
    """Collects the tensors of a tree while it is turned into JSON."""

    def __init__(self) -> None:
        self.table: list[list[Any]] = []
        self.buffers: list[bytes | memoryview] = []
        self.payload_bytes = 0

    def value(self, value: Any, depth: int = 0) -> Any:
        try:
            return self._value(value, depth)
        except Exception:  # a subclass whose methods raise, a tensor that has no storage, …
            return {"$opaque": describe_type(value)}

    def _value(self, value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            return {"$opaque": "a structure nested too deeply"}
        kind = type(value)
        if kind is Tensor:
            return self.tensor(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is list and _is_plain(value):
            return value
        if kind is int:
            return value if _LEAST <= value < _END else {"$opaque": "int beyond 64 bits"}
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        if isinstance(value, Tensor):
            return self.tensor(value)
        if isinstance(value, (Handle, Opaque)):
            return {"$handle": value.number} if isinstance(value, Handle) else {"$opaque": value.description}
        if isinstance(value, tuple):
            return {"$tuple": [self.value(item, depth + 1) for item in tuple.__iter__(value)]}
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in list.__iter__(value)]
        if isinstance(value, dict):
            pairs = list(dict.items(value))
            if all(type(k) is str for k, _ in pairs):
                return {"$names": {k: self.value(v, depth + 1) for k, v in pairs}}
            return {"$dict": [[self.value(k, depth + 1), self.value(v, depth + 1)] for k, v in pairs]}
        if isinstance(value, np.generic):
            return self.value(value.item(), depth + 1)
        if isinstance(value, np.ndarray):
            return self.array(value)
        if isinstance(value, (bool, int, float, str)):  # subclasses, such as an IntEnum
            base = next(base for base in (int, float, str) if isinstance(value, base))
            return self.value(base(value), depth + 1)
        return {"$opaque": describe_type(value)}

    def tensor(self, tensor: Tensor) -> Any:
        name = _DTYPE_NAMES.get(tensor.dtype)
        if name is None or tensor.layout is not torch.strided or tensor.device.type == "meta" or tensor.is_quantized:
            return {"$opaque": f"a tensor of dtype {tensor.dtype}, layout {tensor.layout}, device {tensor.device.type}"}
        if tensor.requires_grad:
            tensor = tensor.detach()
        if tensor.device.type != "cpu":
            tensor = tensor.cpu()
        if tensor.is_complex() or tensor.is_neg():
            tensor = tensor.resolve_conj().resolve_neg()
        order: list[int] = []
        if not tensor.is_contiguous():
            order = sorted(range(tensor.dim()), key=lambda axis: -tensor.stride()[axis])
            stored = tensor.permute(order)
            if stored.is_contiguous():
                tensor = stored
            else:
                tensor, order = tensor.contiguous(), []
        return {"$tensor": self._add(name, tensor, order)}

    def array(self, array: np.ndarray[Any, Any]) -> Any:
        try:
            tensor = torch.from_numpy(np.ascontiguousarray(array).copy())
        except (TypeError, ValueError):
            return {"$opaque": f"a numpy array of dtype {array.dtype}"}
        encoded = self.tensor(tensor.reshape(array.shape))
        return {"$array": encoded["$tensor"]} if "$tensor" in encoded else encoded

    def _add(self, name: str, stored: Tensor, order: list[int]) -> int:
        entry: list[Any] = [name, list(stored.shape)]
        if order:
            entry.append(order)
        n_bytes = stored.nbytes
        if n_bytes:
            if stored.dtype is torch.bfloat16:
                stored = stored.reshape(-1).view(torch.uint8)
            array = stored.numpy()
            self.buffers.append(array.tobytes() if n_bytes <= _SMALL else array.reshape(-1).data.cast("B"))
        self.table.append(entry)  # only now: whatever raised above leaves nothing behind
        padding = -n_bytes % ALIGNMENT
        if padding:
            self.buffers.append(bytes(padding))
        self.payload_bytes += n_bytes + padding
        return len(self.table) - 1


def encode(value: Any, nonce: bytes) -> list[bytes | memoryview]:
    """Turn a value into the buffers of one frame.

    Tensors keep the order of their strides (a transposed tensor arrives transposed). What cannot cross the wire becomes
    an `Opaque` with the name of its type.
    """
    encoder = _Encoder()
    with torch._C.DisableTorchFunctionSubclass():
        tree = encoder.value(value)
    text = _JSON.encode([tree, encoder.table]).encode()
    return [HEADER.pack(MAGIC, nonce, len(text), encoder.payload_bytes), text, *encoder.buffers]


def describe_type(value: object) -> str:
    """Name a value's type for a message: module and class, cut to 120 characters."""
    kind = type(value)
    try:
        return f"{kind.__module__}.{kind.__qualname__}"[:120].removeprefix("builtins.")
    except Exception:  # a metaclass can make both raise
        return "an object whose type has no name"


# ---------------------------------------------------------------------------------------------------- decoding


def decode(text: bytes, payload: bytearray) -> Any:
    """Rebuild a value from a frame's JSON part and payload.

    Raises:
        WireError: malformed JSON, an unknown tag or dtype, nesting beyond MAX_DEPTH, or byte counts that do not match.
    """
    try:
        frame = _DECODER.decode(str(text, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"the reply's structure is not valid JSON: {type(error).__name__}") from None
    if type(frame) is not list or len(frame) != 2 or type(frame[1]) is not list or len(frame[1]) > MAX_TENSORS:
        raise WireError("the reply's structure is not a tree with a table of tensors")
    return _tree(frame[0], _tensors(frame[1], payload), 0)


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _tensors(table: list[Any], payload: bytearray) -> list[Tensor | None]:
    tensors: list[Tensor | None] = []
    offset = 0
    for entry in table:
        if type(entry) is not list or len(entry) not in (2, 3) or type(entry[0]) is not str:
            raise WireError("a tensor's description is malformed")
        dtype, shape = DTYPES.get(entry[0]), entry[1]
        if dtype is None:
            raise WireError("a tensor has a dtype that is not on the list")
        if type(shape) is not list or len(shape) > 16:
            raise WireError("a tensor's shape is malformed")
        for n in shape:
            if type(n) is not int or not 0 <= n < 2**40:
                raise WireError("a tensor's shape is malformed")
        count = math.prod(shape)
        if (count or math.prod(n or 1 for n in shape)) >= 2**60:  # with no elements at all, yet strides beyond 64 bits
            raise WireError("a tensor's shape is beyond 64 bits")
        n_bytes = count * _ITEM_BYTES[dtype]
        if offset + n_bytes > len(payload):
            raise WireError(f"a tensor of shape {shape} needs more bytes than the reply holds")
        if n_bytes == 0:
            tensor = torch.empty(shape, dtype=dtype)
        elif dtype is torch.bfloat16:
            tensor = torch.frombuffer(payload, dtype=dtype, count=count, offset=offset).view(shape)
        elif dtype is torch.bool:  # whatever the bytes are
            tensor = torch.from_numpy(np.asarray(np.ndarray(shape, np.uint8, payload, offset) != 0))
        else:
            tensor = torch.from_numpy(np.ndarray(shape, _NUMPY[dtype], payload, offset))
        if len(entry) == 3:
            tensor = _restore_order(tensor, entry[2])
        tensors.append(tensor)
        offset += n_bytes + -n_bytes % ALIGNMENT
    if offset != len(payload):
        raise WireError(f"the tensors need {offset} bytes, the reply holds {len(payload)}")
    return tensors


def _restore_order(stored: Tensor, order: Any) -> Tensor:
    if type(order) is not list or not all(type(axis) is int for axis in order):
        raise WireError("a tensor's order of axes is malformed")
    if sorted(order) != list(range(stored.dim())):
        raise WireError("a tensor's order of axes is malformed")
    inverse = sorted(range(len(order)), key=order.__getitem__)
    return stored.permute(inverse)


def _tree(node: Any, tensors: list[Tensor | None], depth: int) -> Any:
    if depth > 2 * MAX_DEPTH:
        raise WireError("the reply's structure is nested too deeply")
    kind = type(node)
    if node is None or kind is str or kind is bool:
        return node
    if kind is list:
        return node if _is_plain(node) else [_tree(item, tensors, depth + 1) for item in node]
    if kind is int or kind is float:
        if not _is_plain([node]):
            raise WireError("the reply's structure has a number beyond 64 bits")
        return node
    if kind is not dict or len(node) != 1:
        raise WireError("the reply's structure has an unknown node")
    [(tag, body)] = node.items()
    if tag in ("$tensor", "$array"):
        if type(body) is not int or not 0 <= body < len(tensors):
            raise WireError("the reply refers to a tensor that it does not hold")
        tensor, tensors[body] = tensors[body], None
        if tensor is None:
            raise WireError("the reply refers to a tensor twice")
        return tensor if tag == "$tensor" else _as_array(tensor)
    if tag == "$tuple" and type(body) is list:
        return tuple(_tree(item, tensors, depth + 1) for item in body)
    if tag == "$names" and type(body) is dict:
        return {name: _tree(item, tensors, depth + 1) for name, item in body.items()}
    if tag == "$dict" and type(body) is list:
        return _mapping(body, tensors, depth)
    if tag == "$float" and body in ("nan", "inf", "-inf"):
        return float(body)
    if tag == "$handle" and type(body) is int and _LEAST <= body < _END:
        return Handle(body)
    if tag == "$opaque" and type(body) is str:
        return Opaque(body)
    raise WireError("the reply's structure has an unknown tag")


def _as_array(tensor: Tensor) -> Any:
    if tensor.dtype is torch.bfloat16:
        raise WireError("a numpy array cannot hold bfloat16")
    return tensor.numpy()


def _mapping(pairs: list[Any], tensors: list[Tensor | None], depth: int) -> dict[Any, Any]:
    mapping = {}
    for pair in pairs:
        if type(pair) is not list or len(pair) != 2:
            raise WireError("the reply's structure has a malformed mapping")
        key = _tree(pair[0], tensors, depth + 1)
        try:
            mapping[key] = _tree(pair[1], tensors, depth + 1)
        except TypeError:
            raise WireError("the reply's structure has a mapping with an unusable key") from None
    return mapping
