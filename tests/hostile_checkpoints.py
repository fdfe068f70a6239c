"""Checkpoints that nobody should open blindly: each function writes one into a file."""

import io
import json
import math
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def good() -> dict[str, Tensor]:
    """What an honest file holds."""
    values = torch.linspace(-1, 1, 12).view(3, 4)
    return {"proj.weight": values, "proj.bias": values[:, 0].clone()}


def saved(value: Any) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def repacked(
    data: bytes, change: Callable[[str, bytes], bytes] = lambda name, text: text, method: int = zipfile.ZIP_STORED
) -> bytes:
    """A file of torch.save's with its records changed, or compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return buffer.getvalue()


def of_pickle(text: bytes) -> bytes:
    """A file of torch.save's whose pickle is this."""
    return repacked(saved({}), lambda name, old: text if name.endswith(".pkl") else old)


class _Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("import builtins; builtins.owned = True",)


def evil_pickle() -> bytes:
    """Runs code when it is unpickled: afterwards there is a builtin `owned`."""
    return saved({"proj.weight": torch.zeros(2), "proj.bias": _Evil()})


def bare_evil_pickle() -> bytes:
    """The same without the zip around it."""
    return pickle.dumps(_Evil())


def whole_model() -> bytes:
    """The model itself, as torch.save(model) writes it."""
    return saved(nn.Identity())


def deflated_bomb() -> bytes:
    """16 MiB of zeros in records that are compressed."""
    return repacked(saved({"w": torch.zeros(4 << 20)}), method=zipfile.ZIP_DEFLATED)


def strideless_giant() -> bytes:
    """A tensor of 10^12 elements over a single one."""
    return saved({"w": torch.zeros(1).expand(10**6, 10**6)})


def many_views() -> bytes:
    """2000 tensors of 1 MiB that share most of their bytes."""
    base = torch.zeros((1 << 18) + 2000)
    return saved({f"w{n}": base[n : n + (1 << 18)] for n in range(2000)})


def many_tensors() -> bytes:
    """2001 tensors over one storage."""
    base = torch.zeros(2001)
    return saved({f"w{n}": base[n] for n in range(2001)})


def many_more_tensors() -> bytes:
    """20,000 of them: the pickle alone has more than a megabyte."""
    base = torch.zeros(1)
    return saved({f"layer_{n:0100}": base for n in range(20_000)})


def sparse() -> bytes:
    """A sparse tensor."""
    return saved({"w": torch.eye(3).to_sparse()})


def meta() -> bytes:
    """A tensor without values."""
    return saved({"w": torch.zeros(3, device="meta")})


def quantized() -> bytes:
    """A quantized tensor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return saved({"w": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)})


def nested() -> bytes:
    """A nested tensor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return saved({"w": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])})


def complex_nan() -> bytes:
    """A table of rotations that are none."""
    return saved({"w": torch.full((3,), complex(1, math.nan), dtype=torch.complex64)})


def eighth_precision() -> bytes:
    """A dtype that the wire does not know."""
    return saved({"w": torch.ones(3).to(torch.float8_e5m2)})


def not_a_number() -> bytes:
    """A NaN among right values."""
    weights = good()
    weights["proj.weight"][1, 2] = float("nan")
    return saved(weights)


def infinite() -> bytes:
    """Infinite values among others."""
    weights = good()
    weights["proj.weight"][1, 2] = float("-inf")
    return saved(weights)


def deep() -> bytes:
    """Lists in lists, 100,000 deep."""
    return of_pickle(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".")


def truncated() -> bytes:
    """The first half."""
    data = saved({"w": torch.arange(5000.0)})
    return data[: len(data) // 2]


def longer_than_itself() -> bytes:
    """A record that the directory lists a hundred times."""
    data = saved({"w": torch.zeros(1000)})
    (length, start) = struct.unpack_from("<II", data, len(data) - 10)
    entries = data[start : start + length] * 100
    return data[:start] + entries + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 500, 500, len(entries), start, 0)


def empty() -> bytes:
    """Nothing."""
    return b""


def text() -> bytes:
    """A text: what a link to a large file becomes."""
    return b"version https://git-lfs.github.com/spec/v1\n"


def optimizer() -> bytes:
    """The state of an optimizer in the place of the model's."""
    group = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0, "nesterov": False, "params": [0]}
    return saved({"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [group]})


def odd_names() -> bytes:
    """A name that commands terminals."""
    return saved({"w\x1b]0;owned\x07": torch.ones(1)})


def numbers_for_names() -> bytes:
    """Numbers in the place of names."""
    return saved({0: torch.ones(1)})


def no_tensor() -> bytes:
    """A number in the place of a tensor."""
    return saved({"epoch": 3})


def no_dict() -> bytes:
    """A tensor alone."""
    return saved(torch.ones(3))


def nothing_in_it() -> bytes:
    """No tensor at all."""
    return saved({})


# ------------------------------------------------------------------------------------------ right, but not plain


def saved_on_gpu() -> bytes:
    """A file that says its storages lay on a GPU."""
    cpu, cuda = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    return repacked(saved(good()), lambda name, old: old.replace(cpu, cuda) if name.endswith(".pkl") else old)


def data_parallel() -> bytes:
    """All names behind `module.`."""
    return saved({f"module.{name}": value for name, value in good().items()})


def in_a_training_state() -> bytes:
    """The model's weights beside an optimizer's and an epoch."""
    return saved({"epoch": 3, "model_state_dict": good(), "optimizer": {"state": {}, "param_groups": []}})


def tied() -> bytes:
    """One tensor under two names, transposed under a third; a mask; parameters."""
    weights = good()
    weight = weights["proj.weight"]
    mask = torch.full((3, 3), float("-inf")).triu(1)
    return saved(
        {**weights, "tied": weight, "turned": weight.T, "mask": mask, "own": nn.Parameter(weight), "n": torch.tensor(3)}
    )


# ------------------------------------------------------------------------------------------ safetensors


def in_safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with this header, as it stands or as JSON, and these bytes."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head) if length is None else length) + head + data


def entry(first: int, last: int, shape: Sequence[int], dtype: str = "F32") -> dict[str, Any]:
    """One tensor of a header."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [first, last]}


HOSTILE_SAFETENSORS: dict[str, tuple[Callable[[], bytes], str]] = {
    "huge header": (lambda: in_safetensors(b"{}", length=2**60), "its header is longer than the file"),
    "long header": (lambda: in_safetensors(b"{" + b" " * (1 << 20) + b"}"), "has a header of 1048578 bytes, at most"),
    "400,000 tensors": (
        lambda: in_safetensors(
            b'{"__metadata__": {}' + b', "t": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}' * 400_000
        ),
        "bytes, at most 1048576 are read",
    ),
    "2001 tensors": (lambda: in_safetensors({f"t{n}": entry(0, 0, [0]) for n in range(2001)}), "holds 2001 tensors"),
    "overlap": (
        lambda: in_safetensors({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, bytes(12)),
        "its tensors overlap, or leave gaps",
    ),
    "gap": (lambda: in_safetensors({"a": entry(0, 4, [1]), "b": entry(8, 12, [1])}, bytes(12)), "or leave gaps"),
    "behind the end": (lambda: in_safetensors({"a": entry(0, 8, [2])}, bytes(4)), "need 8 bytes, it holds 4"),
    "trailing bytes": (lambda: in_safetensors({"a": entry(0, 4, [1])}, bytes(9)), "need 4 bytes, it holds 9"),
    "huge shape": (lambda: in_safetensors({"a": entry(0, 4, [2**30] * 8)}, bytes(4)), "does not fill its place"),
    "negative": (lambda: in_safetensors({"a": entry(0, 4, [-1, -1])}, bytes(4)), "is malformed"),
    "no number": (lambda: in_safetensors({"a": entry(0, 4, [True])}, bytes(4)), "is malformed"),
    "other dtype": (
        lambda: in_safetensors({"a": entry(0, 4, [4], "F8_E4M3")}, bytes(4)),
        "dtype F8_E4M3, which is not",
    ),
    "nothing said": (lambda: in_safetensors({"a": 3}), "a lacks a dtype, a shape or its place"),
    "a name twice": (
        lambda: in_safetensors(b'{"a": {}, "a": {}}'),
        "is no safetensors file: a name stands in its header twice",
    ),
    "deep": (lambda: in_safetensors(b"[" * 500_000), "its header is not valid JSON"),
    "no JSON": (lambda: in_safetensors(b"\xff\xfe"), "its header is not valid JSON"),
    "a list": (lambda: in_safetensors([]), "its header is not a table of tensors"),
    "cut off": (
        lambda: in_safetensors({"a": entry(0, 400, [100])}, bytes(400))[:20],
        "its header is longer than the file",
    ),
    "seven bytes": (lambda: b"1234567", "its header is longer than the file"),
    "NaN": (lambda: in_safetensors({"a": entry(0, 2, [1], "F16")}, b"\xff\xff"), "a holds NaN"),
    "odd name": (lambda: in_safetensors({"a b": entry(0, 4, [1])}, bytes(4)), "'a b' is no name of a parameter"),
    "no tensors": (lambda: in_safetensors({}), "holds no tensors"),
}

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "whole model": (whole_model, "holds more than tensors: torch.nn.modules.linear.Identity. Save the weights alone"),
    "deflated bomb": (deflated_bomb, "has been compressed afterwards"),
    "strideless giant": (strideless_giant, "announces 1000000000000 elements, but only 4 bytes are stored for it"),
    "many views": (many_views, "bytes together, the file"),
    "many tensors": (many_tensors, "holds 2001 tensors, more than 2000"),
    "many more tensors": (many_more_tensors, "bytes, at most 1048576 are read"),
    "sparse": (sparse, "w is no plain tensor (torch.sparse_coo, cpu)"),
    "meta": (meta, "w is no plain tensor (torch.strided, meta)"),
    "quantized": (quantized, "w is no plain tensor (quantized, cpu)"),
    "nested": (nested, "w is no plain tensor (nested, cpu)"),
    "complex": (complex_nan, "w holds NaN: the training has diverged"),
    "float8": (eighth_precision, "w has dtype float8_e5m2, which is not taken"),
    "NaN": (not_a_number, "proj.weight holds NaN: the training has diverged"),
    "infinite": (infinite, "proj.weight holds infinite values"),
    "deep": (deep, "holds a list, expected the dict"),
    "truncated": (truncated, "is cut off or damaged"),
    "longer than itself": (longer_than_itself, "announces more than it holds"),
    "empty": (empty, "is empty"),
    "text": (text, "is not what torch.save writes"),
    "optimizer": (optimizer, "this is an optimizer's state, not a model's"),
    "odd names": (odd_names, r"'w\x1b]0;owned\x07' is no name of a parameter"),
    "numbers for names": (numbers_for_names, "0 is no name of a parameter"),
    "no tensor": (no_tensor, "epoch is a int, expected a tensor"),
    "no dict": (no_dict, "holds a Tensor, expected the dict"),
    "nothing in it": (nothing_in_it, "holds no tensors"),
    "unreadable": (lambda: of_pickle(b"\x80\x02garbage"), "cannot be read as tensors"),
}


def write(path: Path, data: bytes) -> str:
    """Write one of them; its name."""
    path.write_bytes(data)
    return path.name
