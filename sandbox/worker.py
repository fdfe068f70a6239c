"""The worker: one process, one check, one submission. It answers requests until its socket closes.

A request is a list [operation, arguments]; the reply is ["ok", value] or ["error", facts]. Whatever the student's code
does to this process, the judge believes only bytes that it compares itself.
"""

import difflib
import functools
import importlib
import inspect
import os
import random
import socket
import sys
import tempfile
import traceback
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import chain, checkpoint, execution, loading, main_program, probes, scan, stand_ins, training, wire
from .masked_part import MASKED_PARTS
from .part import first_output, part_class
from .text_model import TextModel, TextTokenizer, call_and_read
from .watching import FunctionsSeen, KernelsSeen
from .window_model import WindowModel

MAX_TEXT = 2000
MAX_NAMES = 1000
_NO_TEXT = "(the exception's own text could not be made)"


class _Refusal(Exception):
    """A request that the submission cannot satisfy; carries the facts of the reply."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.facts = {"kind": kind, **facts}


def serve(connection: socket.socket, layers: dict[str, bool]) -> None:
    """Answer requests until the judge closes the connection."""
    worker = Worker(layers)
    while True:
        request = _receive(connection)
        if request is None:
            return
        nonce, body = request
        reply = worker.answer(body)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # the student may have replaced or closed it
                pass
        _send(connection, wire.encode(reply, nonce))


def _receive(connection: socket.socket) -> tuple[bytes, Any] | None:
    start = connection.recv(1 << 16)
    while 0 < len(start) < wire.HEADER.size:
        more = connection.recv(wire.HEADER.size - len(start))
        if not more:
            return None
        start += more
    if not start:
        return None
    header = wire.read_header(start[: wire.HEADER.size])
    body = bytearray(header.json_bytes + header.payload_bytes)
    got = len(start) - wire.HEADER.size
    body[:got] = start[wire.HEADER.size :]
    view = memoryview(body)
    while got < len(body):
        n = connection.recv_into(view[got:])
        if n == 0:
            return None
        got += n
    return header.nonce, wire.decode(bytes(body[: header.json_bytes]), body[header.json_bytes :])


def _send(connection: socket.socket, buffers: list[bytes | memoryview]) -> None:
    connection.sendall(b"".join(buffers))


class Worker:
    """Holds the objects of one submission and carries out the judge's requests."""

    def __init__(self, layers: dict[str, bool]) -> None:
        self.layers = layers
        self.root = self.top = ""
        self.notebooks: execution.Notebooks | None = None
        self.objects: dict[int, Any] = {}
        self.operations: dict[str, Callable[..., Any]] = {
            "sequence": self.sequence,
            "hello": self.hello,
            "probe": self.probe,
            "run_program": self.run_program,
            "open": self.open,
            "resolve": self.resolve,
            "define": self.define,
            "describe": self.describe,
            "call": self.call,
            "call_many": self.call_many,
            "call_watched": self.call_watched,
            "chain": self.chain,
            "scan": functools.partial(self.read_only, scan.scan),
            "same": functools.partial(self.read_only, scan.same),
            "compare": functools.partial(self.read_only, scan.compare),
            "gradient": self.gradient,
            "parameters": self.parameters,
            "get": self.get,
            "load_checkpoint": self.load_checkpoint,
            "train": self.train,
            "part": self.part,
            "instances": self.instances,
            "set": self.set,
            "make": self.make,
            "seed": self.seed,
        }

    def answer(self, body: Any) -> list[Any]:
        """Carry out one request; whatever goes wrong becomes an error reply."""
        try:
            operation, arguments = body
            return ["ok", self.operations[operation](**arguments)]
        except _Refusal as refusal:
            return ["error", refusal.facts]
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the student's included
            try:
                return ["error", self._facts(error)]
            except BaseException:  # an exception whose attributes raise, too
                return ["error", {"kind": "raised", "type": "exception", "message": _NO_TEXT}]

    # ------------------------------------------------------------------------------------------ operations

    def sequence(self, requests: list[Any]) -> Any:
        """Carry out several requests in order; the reply is that of the last one, or of the first that fails."""
        value = None
        for operation, arguments in requests:
            value = self.operations[operation](**arguments)
        return value

    def hello(self) -> dict[str, Any]:
        """Report the layers that hold, before any student code is imported."""
        return {"layers": self.layers, "python": sys.version.split()[0], "torch": torch.__version__}

    def probe(self, targets: dict[str, Any]) -> dict[str, bool]:
        """Try to break out (`probes.py`); only a worker that runs no student code is asked to."""
        return probes.run(probes.Targets(**targets))

    def run_program(self, folder: str, command: list[str]) -> int:
        """Run a Python file as `python FILE ARGUMENTS` does in a folder; returns the status."""
        os.chdir(folder)
        os.environ.update(HOME=folder, TMPDIR=folder)
        tempfile.tempdir = folder
        stand_ins.install()
        return main_program.run(command)

    def open(self, root: str, working_directory: str, aliases: list[str], top: str) -> None:
        """Make the submission importable and the working directory that of its commands."""
        self.root, self.top = root, top
        self.notebooks = execution.Notebooks(root, top)
        os.chdir(working_directory)
        stand_ins.install()
        loading.install(root, aliases)

    def resolve(self, module: str, name: str, number: int) -> None:
        """Import a module of the submission and keep one of its attributes under a number."""
        try:
            found = importlib.import_module(f"{loading.PACKAGE}.{module}")
        except ModuleNotFoundError as error:
            if error.name == f"{loading.PACKAGE}.{module}":
                raise _Refusal("missing_module", module=module) from None
            raise
        try:
            self.objects[number] = loading.own(found, name)
        except AttributeError:
            names = [key for key in vars(found) if not key.startswith("_")]
            raise _Refusal("missing_name", module=module, name=name, nearest=_nearest(name, names)) from None

    def define(
        self,
        wanted: dict[str, bool],
        constants: dict[str, Any],
        among: list[str],
        numbers: list[int],
        allowed: float,
    ) -> list[bool]:
        """Make names of the submission's notebook, from what they need of it alone, in a fresh module.

        `wanted` says of each name whether it may be absent, `numbers` under which number it stays here; `constants` are
        the values of names whose bindings are left out; `among` are other names by which the notebook is recognised;
        `allowed` is the time in seconds.
        Returns for each wanted name whether it is there.
        """
        assert self.notebooks is not None
        try:
            values = self.notebooks.define(wanted, self._fill(constants), among, allowed)
        except execution.Unavailable as missing:
            facts = dict(missing.facts)
            if missing.kind == "missing_name":
                facts["nearest"] = _nearest(facts["name"], missing.names)
            raise _Refusal(missing.kind, **facts) from None
        self.objects |= {number: values[name] for name, number in zip(wanted, numbers, strict=True) if name in values}
        return [name in values for name in wanted]

    def describe(self, target: wire.Handle) -> dict[str, Any]:
        """Tell what kind of object a handle is and which parameters it takes."""
        thing = self._object(target)
        facts: dict[str, Any] = {"callable": callable(thing), "class": isinstance(thing, type), "parameters": None}
        try:
            parameters = inspect.signature(thing).parameters.values()
        except (TypeError, ValueError):
            return facts
        facts["parameters"] = [[p.name, p.kind.name, p.default is not p.empty] for p in parameters]
        return facts

    def call(
        self,
        target: wire.Handle,
        attribute: str,
        args: list[Any],
        kwargs: dict[str, Any],
        keep: int,
        inputs_back: bool,
    ) -> Any:
        """Call an object or one of its methods.

        `keep` is the number under which the value stays here, or 0 to return it; `inputs_back` returns (value, the
        arguments after the call).
        """
        args, kwargs = self._fill(args), self._fill(kwargs)
        value = self._callable(target, attribute)(*args, **kwargs)
        if keep:
            self.objects[keep] = value
            return None
        return (value, args, kwargs) if inputs_back else value

    def call_many(self, target: wire.Handle, attribute: str, calls: list[list[Any]]) -> list[Any]:
        """Call an object or one of its methods several times, in order."""
        function = self._callable(target, attribute)
        return [function(*self._fill(args)) for args in calls]

    def chain(self, target: wire.Handle, inputs: list[Any], shifts: list[int], device: str) -> list[Any]:
        """Call an object again and again, each time on what came before; see `chain.run`."""
        with torch.no_grad():
            return list(chain.run(self._callable(target, ""), self._fill(inputs), shifts, device))

    def call_watched(self, target: wire.Handle, args: list[Any]) -> list[str]:
        """Call an object; return the names of the torch functions and kernels that ran, sorted."""
        seen: set[str] = set()
        with FunctionsSeen(seen), KernelsSeen(seen):
            self._object(target)(*self._fill(args))
        return sorted(seen)[:MAX_NAMES]

    def read_only(self, function: Callable[..., Any], **arguments: Any) -> Any:
        """Read the submission's files without running them."""
        return function(self.top, **arguments)

    def gradient(
        self,
        target: wire.Handle,
        attribute: str,
        args: list[Any],
        wrt: list[int],
        output: int | None,
        grad_output: Tensor,
        module: wire.Handle | None,
    ) -> Any:
        """Differentiate Σ output · grad_output.

        `wrt` lists the arguments, by position, whose gradients are wanted; `output` picks an item of a returned tuple,
        None takes the value itself; `module` names the object whose parameters are wanted too. Returns the gradients of
        the arguments and those of the parameters by name; None where there is no dependence.
        """
        leaves = [args[i].requires_grad_() for i in wrt]
        names, parameters = [], []
        if module is not None:
            pairs = list(self._object(module).named_parameters())
            names, parameters = [name for name, _ in pairs], [parameter for _, parameter in pairs]
        with torch.enable_grad():
            value = self._callable(target, attribute)(*self._fill(args))
            value = value if output is None else value[output]
        if not isinstance(value, Tensor) or not value.requires_grad:
            return [None] * len(leaves), dict.fromkeys(names)
        wanted = [leaf for leaf in leaves + parameters if leaf.requires_grad]
        # a scalar, since passing grad_outputs makes torch import sympy: half a second in each worker
        scalar = (value * grad_output.to(value.dtype)).sum()
        found = iter(torch.autograd.grad(scalar, wanted, allow_unused=True))
        gradients = [next(found) if leaf.requires_grad else None for leaf in leaves + parameters]
        return gradients[: len(leaves)], dict(zip(names, gradients[len(leaves) :], strict=True))

    def parameters(self, target: wire.Handle) -> list[list[Any]]:
        """List the names and shapes of a module's parameters."""
        return [[name, list(p.shape)] for name, p in self._object(target).named_parameters()]

    def get(self, target: wire.Handle, attribute: str) -> Any:
        """Read an attribute."""
        return getattr(self._object(target), attribute)

    def load_checkpoint(self, path: str, into: wire.Handle | None) -> dict[str, Any]:
        """Open a checkpoint of the submission, and load it into a module if one is given (`checkpoint.answer`)."""
        try:
            return checkpoint.answer(self.top, path, None if into is None else self._object(into))
        except checkpoint.CheckpointError as error:
            raise _Refusal("checkpoint", message=str(error)[:MAX_TEXT]) from None

    def train(
        self,
        target: wire.Handle,
        loss: wire.Handle | None,
        mask: Tensor | None,
        targets: bool,
        table: str,
        batches: Tensor,
        steps: int,
        lr: float,
        probes: list[Tensor],
    ) -> dict[str, Any]:
        """Train a module for some steps (`training.train`); how it makes a loss of ids is told as in `training.step_of`."""
        module = self._object(target)
        step = training.step_of(module, None if loss is None else self._object(loss), mask, targets, table)
        return training.train(module, step, batches, steps, lr, probes)

    def part(self, target: wire.Handle, path: str, number: int) -> None:
        """Keep a part of an object under a number: attributes, items and keys joined by dots, as in `blocks.0.attn`."""
        thing = self._object(target)
        for name in path.split("."):
            thing = thing[name] if type(thing) is dict else thing[int(name)] if name.isdigit() else getattr(thing, name)
        self.objects[number] = thing

    def instances(self, target: wire.Handle, of: wire.Handle, first: int) -> list[str]:
        """Keep a module's submodules of a class under numbers from `first` on; list their names, in registration order.

        A submodule that is registered under several names is listed under each.
        """
        kind = self._object(of)
        found = [
            (name, part)
            for name, part in self._object(target).named_modules(remove_duplicate=False)
            if name and isinstance(part, kind)
        ]
        for number, (_, part) in enumerate(found, start=first):
            self.objects[number] = part
        return [name for name, _ in found]

    def set(self, target: wire.Handle, attribute: str, value: Any) -> None:
        """Set an attribute of an object, past what the object itself does when one is set."""
        object.__setattr__(self._object(target), attribute, self._fill(value))

    def make(self, kind: str, arguments: dict[str, Any], number: int) -> None:
        """Make an argument that has no plain form: a random generator, an encoder, a configuration object."""
        makers: dict[str, Callable[[], Any]] = {
            "random": lambda: random.Random(arguments["seed"]),
            "generator": lambda: torch.Generator().manual_seed(arguments["seed"]),
            "namespace": lambda: types.SimpleNamespace(**arguments),
            "encoder": lambda: functools.partial(_encode, dict(arguments["ids"])),
            "identity": lambda: _identity,
            "model": lambda: WindowModel(**arguments),
            "text_model": lambda: TextModel(**arguments),
            "text_tokenizer": lambda: TextTokenizer(),
            "call_and_read": lambda: call_and_read,
            "device": lambda: torch.device("cpu"),
            "part": lambda: part_class(**arguments),
            "masked_part": lambda: MASKED_PARTS[arguments["of"]],
            "first_output": lambda: first_output(self._object(arguments["of"])),
        }
        self.objects[number] = makers[kind]()

    def seed(self, seed: int) -> None:
        """Set the random states that student code may draw from."""
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed % 2**63)  # torch.manual_seed also looks for other devices

    # ------------------------------------------------------------------------------------------ objects

    def _object(self, handle: wire.Handle) -> Any:
        return self.objects[handle.number]

    def _fill(self, value: Any) -> Any:
        """Put the objects in the place of their handles."""
        if isinstance(value, wire.Handle):
            return self._object(value)
        if type(value) in (list, tuple):
            return type(value)(self._fill(item) for item in value)
        if type(value) is dict:
            return {key: self._fill(item) for key, item in value.items()}
        return value

    def _callable(self, target: wire.Handle, attribute: str) -> Any:
        thing = self._object(target)
        return getattr(thing, attribute) if attribute else thing

    # ------------------------------------------------------------------------------------------ errors

    def _facts(self, error: BaseException) -> dict[str, Any]:
        """Describe an exception of the student's; every part is untrusted text, cut here and again by the judge."""
        facts: dict[str, Any] = {"kind": "raised", "type": type(error).__name__[:100], "message": _text_of(error)}
        if isinstance(error, SyntaxError):
            facts |= {"kind": "syntax", "file": self._relative(str(error.filename)), "line": error.lineno}
            facts["code"] = str(error.text or "").strip()[:200]
            facts["message"] = str(error.msg)[:MAX_TEXT]
            return facts
        if isinstance(error, ModuleNotFoundError):
            facts["missing"] = str(error.name)[:200].removeprefix(loading.PACKAGE + ".")
        if isinstance(error, NameError) and self.notebooks is not None:
            facts = self.notebooks.why_unbound(error) or facts
        if isinstance(error, KeyError) and not facts["message"]:
            facts["message"] = repr(error)
        for frame in reversed(_frames(error)):
            if facts["kind"] == "raised" and self.top and frame.filename.startswith(self.top):
                facts |= {"file": self._relative(frame.filename), "line": frame.lineno}
                facts["code"] = (frame.line or "").strip()[:200]
                break
        return facts

    def _relative(self, path: str) -> str:
        for folder in (self.root, self.top):
            if folder and path.startswith(folder):
                return os.path.relpath(path, folder)
        return path[:200]


def _nearest(name: str, names: Sequence[str]) -> str | None:
    """The name that was most likely meant; case does not count."""
    near = difflib.get_close_matches(name.lower(), [key.lower() for key in names], n=1, cutoff=0.6)
    return next((key for key in names if near and key.lower() == near[0]), None)


def _encode(ids: dict[str, int], text: str) -> list[int]:
    return [ids[character] for character in text]


def _identity(x: Any, *_: Any, **__: Any) -> Any:
    return x


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    try:
        return list(traceback.extract_tb(error.__traceback__, limit=-60))
    except Exception:
        return []


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:MAX_TEXT]
    except BaseException:
        return _NO_TEXT
