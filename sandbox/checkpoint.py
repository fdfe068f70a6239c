"""Open a student's checkpoint. This runs in the worker only, beside student code: the judge never opens one.

Two formats: what `torch.save` writes, and safetensors, of which the little that there is to parse is parsed here, since its
header must be checked before anything else reads it. Everything that a file announces is compared with its size first: a
file of 2 kB can announce a tensor of 10^12 elements, or hold records that unpack to a thousand times their size.
"""

import hashlib
import json
import math
import os
import re
import stat
import struct
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from . import wire

TORCH_SUFFIXES = (".params", ".pt", ".pth", ".bin")
SAFETENSORS = ".safetensors"
# what came before could be made to run code, or to corrupt memory (CVE-2025-32434, CVE-2026-24747)
OLDEST_TORCH = (2, 10)
MAX_REPLY = 200_000  # characters of names and shapes; a frame's structure holds a little more
MAX_PROBLEMS = 10
# where training scripts put a model's weights beside other things
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name
_NAME = re.compile(r"[A-Za-z0-9_.]{1,200}")
_MAX_AXES, _MAX_LENGTH = 8, 2**31
_REPEATS = 4  # a storage may be told several times: tied weights, views of one another
_HEADER = struct.Struct("<Q")
_DTYPES = dict(wire.DTYPES)  # complex ones too: tables of rotations are kept so, and saved with the weights
_IN_SAFETENSORS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message is for the student."""


@dataclass(frozen=True)
class CheckpointCaps:
    """The most that is opened.

    Attributes:
        file_bytes: of the file.
        tensors: number of them.
        structure_bytes: of the part of the file that says how its tensors are called and shaped.
    """

    file_bytes: int = 64 << 20
    tensors: int = 2000
    structure_bytes: int = 1 << 20


def answer(top: str, path: str, module: Any = None) -> dict[str, Any]:
    """Open a checkpoint for the judge, and load it into a module if one is given and all of it fits.

    Args:
        top: the folder of the submission.
        path: of the file, relative to it.
        module: what a handle stands for; None = only look.

    Returns:
        tensors: [name, dtype, shape] of each; digests: the SHA-256 of their bytes, a row for each; constants: the one value
        that all elements of each have, NaN where they differ; notes: sentences; problems: sentences that say why it does
        not fit the module, which is left as it was then.

    Raises:
        CheckpointError: the file cannot be used, or the object is no module.
    """
    own: dict[str, Tensor] = {}
    if module is not None:
        if not isinstance(module, nn.Module):
            raise CheckpointError(f"weights cannot be loaded into {wire.describe_type(module)}, expected an nn.Module")
        own = {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
    tensors, notes = read(top, path, expected=own)
    table = [[name, str(tensor.dtype).removeprefix("torch."), list(tensor.shape)] for name, tensor in tensors.items()]
    if len(json.dumps(table)) > MAX_REPLY:
        raise CheckpointError(f"{path}: its names and shapes are longer than {MAX_REPLY} characters together")
    problems: list[str] = []
    if module is not None:
        problems = _misfits(path, tensors, own)
        if not problems:
            module.load_state_dict(tensors)
    return {
        "tensors": table,
        "digests": torch.tensor([list(_digest(tensor)) for tensor in tensors.values()], dtype=torch.uint8),
        "constants": torch.tensor([_constant(tensor) for tensor in tensors.values()], dtype=torch.float64),
        "notes": notes,
        "problems": problems,
    }


def _digest(tensor: Tensor) -> bytes:
    return hashlib.sha256(tensor.reshape(-1).view(torch.uint8).numpy().tobytes()).digest()


def _constant(tensor: Tensor) -> float:
    first = tensor.reshape(-1)[:1]
    if tensor.is_complex():
        return math.nan
    return float(first) if len(first) and bool((tensor == first).all()) else math.nan


def read(
    top: str, path: str, caps: CheckpointCaps = CheckpointCaps(), expected: Collection[str] = ()
) -> tuple[dict[str, Tensor], list[str]]:
    """Read the tensors of a checkpoint.

    Args:
        top: the folder of the submission.
        path: of the file, relative to it; its suffix says what it must be.
        caps: the most that is opened.
        expected: the names that a model has. A prefix that all of these have is not taken off the file's names.

    Returns:
        The tensors by name: contiguous, on the CPU, without a gradient; and notes about what was done to find them.

    Raises:
        CheckpointError: not such a file, or not within the caps; the message says what was found and what to do.
    """
    if os.path.isabs(path) or ".." in path.split("/"):
        raise CheckpointError(f"{path} does not lie in the submission")
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (*TORCH_SUFFIXES, SAFETENSORS):
        raise CheckpointError(f"{path}: weights are read from {', '.join(TORCH_SUFFIXES)} or {SAFETENSORS} files")
    try:
        with open(os.path.join(top, path), "rb", opener=_open) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise CheckpointError(f"{path} is not a file")
            if facts.st_size > caps.file_bytes:
                raise CheckpointError(
                    f"{path} has {facts.st_size >> 20} MiB, at most {caps.file_bytes >> 20} MiB are opened: save the "
                    "weights alone, without the optimizer's state"
                )
            if facts.st_size == 0:
                raise CheckpointError(f"{path} is empty: save it again, and look at its size before handing it in")
            reader = _read_safetensors if suffix == SAFETENSORS else _read_torch
            found, notes = reader(path, file, facts.st_size, caps)
            return _checked(path, found, facts.st_size, caps, expected, notes)
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {path} in the submission. Add it, with this name.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    except MemoryError:
        raise CheckpointError(f"{path} needs more memory than there is") from None


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


# ------------------------------------------------------------------------------------------ what torch.save writes


def _read_torch(path: str, file: Any, size: int, caps: CheckpointCaps) -> tuple[Any, list[str]]:
    version = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if version is None or (int(version[1]), int(version[2])) < OLDEST_TORCH:
        raise CheckpointError(
            f"checkpoints are opened by torch {OLDEST_TORCH[0]}.{OLDEST_TORCH[1]} or later only, and here is "
            f"{torch.__version__}: older ones can be made to run code. This is for the staff to change"
        )
    _check_records(path, file, size, caps)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True, map_location="cpu", mmap=False), []
    except MemoryError:
        raise
    except Exception as error:  # whatever it raises; its own text advises to switch the protection off
        raise CheckpointError(f"{path} {_why_not(str(error))}") from None


def _check_records(path: str, file: Any, size: int, caps: CheckpointCaps) -> None:
    """Look at the records of the zip that torch.save writes, before torch does."""
    if file.read(4) != b"PK\x03\x04":
        raise CheckpointError(
            f"{path} is not what torch.save writes (since torch 1.6): save `model.state_dict()` again with torch.save"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            records = archive.infolist()
    except Exception:  # zipfile raises many kinds on bytes that are no archive
        raise CheckpointError(f"{path} is cut off or damaged: upload it again, whole") from None
    if len(records) > 2 * caps.tensors:
        raise CheckpointError(f"{path} holds {len(records)} records: more than {caps.tensors} tensors are not opened")
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise CheckpointError(f"{path} has been compressed afterwards: hand in the file as torch.save has written it")
    if sum(record.file_size for record in records) > size:
        raise CheckpointError(f"{path} announces more than it holds: it is damaged. Save it again with torch.save")
    structure = sum(record.file_size for record in records if record.filename.endswith(".pkl"))
    if structure > caps.structure_bytes:
        raise CheckpointError(
            f"{path} describes its contents in {structure} bytes, at most {caps.structure_bytes} are read: "
            "save `model.state_dict()` alone"
        )


def _why_not(text: str) -> str:
    """What a student must know of why torch refuses a file."""
    if named := re.search(r"GLOBAL ([\w.<>]{1,100})", text):
        return (
            f"holds more than tensors: {named[1]}. Save the weights alone, `torch.save(model.state_dict(), …)`, not the model "
            "and nothing that is no tensor"
        )
    if "TorchScript" in text:
        return "is a TorchScript model: save `model.state_dict()` with torch.save"
    if "allocate" in text:
        return "needs more memory than there is"
    return "cannot be read as tensors: it is damaged, or no state_dict. Save `model.state_dict()` again with torch.save"


# ------------------------------------------------------------------------------------------ safetensors


def _read_safetensors(path: str, file: Any, size: int, caps: CheckpointCaps) -> tuple[Any, list[str]]:
    start = file.read(_HEADER.size)
    length = _HEADER.unpack(start)[0] if len(start) == _HEADER.size else size
    if length > size - _HEADER.size:
        raise CheckpointError(f"{path} is no safetensors file, or cut off: its header is longer than the file")
    if length > caps.structure_bytes:
        raise CheckpointError(f"{path} has a header of {length} bytes, at most {caps.structure_bytes} are read")
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, _RepeatedError) else "its header is not valid JSON"
        raise CheckpointError(f"{path} is no safetensors file: {why}") from None
    if type(header) is not dict:
        raise CheckpointError(f"{path} is no safetensors file: its header is not a table of tensors")
    header.pop("__metadata__", None)
    if len(header) > caps.tensors:
        raise CheckpointError(f"{path} holds {len(header)} tensors, more than {caps.tensors} are not opened")
    spans = {name: _span(path, name, entry) for name, entry in header.items()}
    end = 0
    for first, last, _, _ in sorted(spans.values(), key=lambda span: span[:2]):
        if first != end:
            raise CheckpointError(f"{path} is damaged: its tensors overlap, or leave gaps. Save it again")
        end = last
    if end != size - _HEADER.size - length:
        raise CheckpointError(
            f"{path} is damaged: its tensors need {end} bytes, it holds {size - _HEADER.size - length}"
        )
    data = bytearray(file.read(end))
    if len(data) != end:
        raise CheckpointError(f"{path} is cut off: upload it again, whole")
    return {name: _tensor(data, *span) for name, span in spans.items()}, []


class _RepeatedError(ValueError):
    """A JSON object has a key twice."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise _RepeatedError("a name stands in its header twice")
    return table


def _span(path: str, name: str, entry: Any) -> tuple[int, int, torch.dtype, list[int]]:
    """First byte, byte after the last, dtype and shape of one tensor."""
    if type(entry) is not dict or not entry.keys() >= {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{path} is no safetensors file: {name[:200]} lacks a dtype, a shape or its place")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(dtype) is not str or dtype not in _IN_SAFETENSORS:
        raise CheckpointError(f"{path}: {name[:200]} has dtype {str(dtype)[:20]}, which is not taken: {_dtypes()}")
    if type(shape) is not list or type(offsets) is not list or len(offsets) != 2:
        raise CheckpointError(f"{path} is no safetensors file: the shape or the place of {name[:200]} is no list")
    if not all(type(n) is int and 0 <= n < _MAX_LENGTH for n in [*shape, *offsets]) or len(shape) > _MAX_AXES:
        raise CheckpointError(f"{path} is no safetensors file: the shape or the place of {name[:200]} is malformed")
    first, last = offsets
    if math.prod(shape) * _IN_SAFETENSORS[dtype].itemsize != last - first:
        raise CheckpointError(f"{path} is damaged: {name[:200]} of shape {shape} does not fill its place")
    return first, last, _IN_SAFETENSORS[dtype], shape


def _tensor(data: bytearray, first: int, last: int, dtype: torch.dtype, shape: list[int]) -> Tensor:
    part = data[first:last]  # a copy: what stands in the file need not be aligned
    if not part:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool:
        return torch.frombuffer(part, dtype=torch.uint8).view(shape) != 0
    return torch.frombuffer(part, dtype=dtype).view(shape)


# ------------------------------------------------------------------------------------------ both


def _checked(
    path: str, found: Any, size: int, caps: CheckpointCaps, expected: Collection[str], notes: list[str]
) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of what was read, or the reason why it is no model's weights."""
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a {_kind(found)}, expected the dict that model.state_dict() gives")
    wrapper = next((key for key in _WRAPPERS if isinstance(found.get(key), dict)), None)
    if wrapper is not None:
        found = found[wrapper]
        notes.append(f"The weights were taken from {wrapper!r} in {path}.")
    if _is_optimizer(found):
        raise CheckpointError(f"{path}: this is an optimizer's state, not a model's. Save `model.state_dict()`")
    if not found:
        raise CheckpointError(f"{path} holds no tensors")
    if len(found) > caps.tensors:
        raise CheckpointError(f"{path} holds {len(found)} tensors, more than {caps.tensors} are not opened")
    for name, value in found.items():
        _check_form(path, name, value)
    views = {
        (t.untyped_storage().data_ptr(), t.storage_offset(), t.shape, t.stride()): t.nbytes for t in found.values()
    }
    if sum(views.values()) > _REPEATS * size:
        raise CheckpointError(
            f"{path}: its tensors have {sum(views.values())} bytes together, the file {size}: save them with .contiguous()"
        )
    tensors = {name: value.detach().resolve_conj().resolve_neg().contiguous() for name, value in found.items()}
    for name, tensor in tensors.items():
        _check_values(path, name, tensor)
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) and name != prefix for name in tensors) and not (
            expected and all(name.startswith(prefix) for name in expected)
        ):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
            notes.append(f"All names begin with {prefix!r} (DataParallel or torch.compile): it was taken off.")
    return tensors, notes


def _is_optimizer(found: Mapping[Any, Any]) -> bool:
    return isinstance(found.get("param_groups"), list) and isinstance(found.get("state"), dict)


def _check_form(path: str, name: Any, value: Any) -> None:
    """Check what can be checked without touching the values: that would make them real first."""
    if type(name) is not str or not _NAME.fullmatch(name):
        shown = repr(name)[:100] if type(name) in (str, int) else f"a {_kind(name)}"
        raise CheckpointError(f"{path}: {shown} is no name of a parameter: letters, digits, _ and ., at most 200")
    if type(value) not in (Tensor, nn.Parameter):
        raise CheckpointError(f"{path}: {name} is a {_kind(value)}, expected a tensor: save `model.state_dict()` alone")
    if value.is_nested or value.is_quantized or value.layout is not torch.strided or value.device.type != "cpu":
        kind = "nested" if value.is_nested else "quantized" if value.is_quantized else f"{value.layout}"
        raise CheckpointError(
            f"{path}: {name} is no plain tensor ({kind}, {value.device.type}): save it dense, on the CPU"
        )
    if value.dtype not in _DTYPES.values():
        raise CheckpointError(f"{path}: {name} has dtype {_dtype(value)}, which is not taken: {_dtypes()}")
    if value.dim() > _MAX_AXES or any(n >= _MAX_LENGTH for n in value.shape):
        raise CheckpointError(f"{path}: {name} has the shape {list(value.shape)[:20]}, which no layer has")
    if value.nbytes > value.untyped_storage().nbytes():
        raise CheckpointError(
            f"{path}: {name} announces {value.numel()} elements, but only "
            f"{value.untyped_storage().nbytes()} bytes are stored for it: save it with .contiguous()"
        )


def _check_values(path: str, name: str, tensor: Tensor) -> None:
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if not tensor.is_floating_point():
        return
    finite = tensor.isfinite()
    if finite.all() or _is_mask(tensor, finite):
        return
    what = "NaN" if tensor.isnan().any() else "infinite values"
    raise CheckpointError(f"{path}: {name} holds {what}: the training has diverged, or the file is damaged")


def _is_mask(tensor: Tensor, finite: Tensor) -> bool:
    """Whether it holds -inf and one other value alone, as the masks that models keep as buffers do."""
    rest = tensor[finite]
    return bool((tensor[~finite] == -math.inf).all()) and (rest.numel() == 0 or bool((rest == rest[0]).all()))


def _misfits(path: str, tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Why tensors do not fit into a module that has `own`, one sentence for each kind or tensor."""
    problems = []
    if missing := [name for name in own if name not in tensors]:
        problems.append(f"{path} lacks {_some(missing)}, which the model has.")
    if unexpected := [name for name in tensors if name not in own]:
        problems.append(f"{path} has {_some(unexpected)}, which the model has not.")
    for name, tensor in tensors.items():
        if name in own and tensor.shape != own[name].shape:
            problems.append(f"{name} is {_shape(tensor)} in {path}, and {_shape(own[name])} in the model.")
        elif name in own and _numbers(tensor) != _numbers(own[name]):
            problems.append(f"{name} is {_dtype(tensor)} in {path}, and {_dtype(own[name])} in the model.")
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"And {len(problems) - MAX_PROBLEMS} more of this kind."]
    return problems


def _numbers(tensor: Tensor) -> tuple[bool, bool]:
    """Which kind of numbers a tensor holds: one does not become another when it is loaded."""
    return tensor.is_floating_point(), tensor.is_complex()


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a scalar"


def _kind(value: Any) -> str:
    return type(value).__name__[:100]


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _dtypes() -> str:
    return "expected " + ", ".join(_DTYPES)
