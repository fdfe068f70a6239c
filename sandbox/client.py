"""What graders use: a submission, opened in fresh workers, and the objects that live there."""

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from torch import Tensor

from . import wire
from .channel import Channel
from .confine import Limits
from .errors import Loss, StudentError, WorkerLost
from .intake import Snapshot
from .journal import Entry, note
from .launch import Zygote
from .text import clean

_MIN_PAYLOAD = 4 << 20
MAX_INSTANCES = 256


@dataclass(frozen=True)
class Patience:
    """Seconds that each kind of request may take, and all requests to one worker together.

    Attributes:
        load, call, total: in seconds.
        until: when all must have ended because the run itself ends, by the monotonic clock.
    """

    load: float = 20.0
    call: float = 10.0
    total: float = 90.0
    until: float = math.inf


@dataclass(frozen=True)
class Submission:
    """One submission and the means to run it.

    Attributes:
        zygote: where workers come from.
        snapshot: the copy of what was handed in.
        code: the folder of the code inside the snapshot, relative ("" = its root).
        limits, patience: what a worker may use, and how long it may take.
    """

    zygote: Zygote
    snapshot: Snapshot
    code: str = ""
    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)

    def open(self, seed: int) -> "Worker":
        """Start a fresh worker with the submission importable in it; nothing of it is imported yet.

        Args:
            seed: of the worker's own random states. It tells nothing about the cases.
        """
        worker = Worker(self._channel(), self.patience)
        root = self.snapshot.root / self.code
        worker.defer("seed", seed=seed)
        worker.defer(
            "open",
            root=str(root),
            working_directory=str(root.parent if self.code else root),  # commands run from the folder above the code
            aliases=[name] if (name := self.code.rpartition("/")[2]).isidentifier() else [],
            top=str(self.snapshot.root),
        )
        return worker

    def _channel(self) -> Channel:
        """To a new process."""
        return Channel(self.zygote, self.zygote.spawn(self.limits, [str(self.snapshot.root)]))


class Worker:
    """A worker process with a submission opened in it. A context manager that ends the process.

    Attributes:
        journal: None, or a list in which every request is noted as it is sent, the deferred ones in their places.
    """

    def __init__(self, channel: Channel, patience: Patience) -> None:
        self.channel = channel
        self.patience = patience
        self.journal: list[Entry] | None = None
        own_end = time.monotonic() + patience.total
        self._ends = min(own_end, patience.until)
        self._cut_by = "run" if patience.until < own_end else "check"
        self._deferred: list[list[Any]] = []
        self._numbers = itertools.count(1)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self.channel.close()

    def request(
        self, operation: str, /, *, seconds: float | None = None, max_payload: int = _MIN_PAYLOAD, **arguments: Any
    ) -> Any:
        """Send one request after the deferred ones (see `Channel.request`); the time allowed is that of a call."""
        during = "import" if operation in ("resolve", "define") else "call"
        seconds = seconds or self.patience.call
        remaining = self._ends - time.monotonic()
        if remaining < seconds:
            seconds, during = max(0.001, remaining), self._cut_by
        requests, self._deferred = [*self._deferred, [operation, arguments]], []
        if len(requests) > 1:
            operation, arguments = "sequence", {"requests": requests}
        try:
            reply = self.channel.request(operation, arguments, seconds, max_payload)
        except StudentError as error:
            self._note(requests, error)
            raise
        except WorkerLost as lost:
            lost.during = during
            if during == "check" and lost.loss is Loss.TIMEOUT:
                lost.detail = f"{self.patience.total:g}"
            self._note(requests, lost)
            raise
        self._note(requests, reply)
        return reply

    def _note(self, requests: Sequence[Sequence[Any]], reply: Any) -> None:
        """Write requests that were sent together into the journal; the reply belongs to the last."""
        if self.journal is None:
            return
        for place, (operation, arguments) in enumerate(requests, start=1):
            self.journal.append(note(operation, arguments, reply if place == len(requests) else None))

    def defer(self, operation: str, /, **arguments: Any) -> None:
        """Put a request that has no reply in front of the next one: what it raises is raised there."""
        self._deferred.append([operation, arguments])

    def new_handle(self) -> wire.Handle:
        """A handle for an object that a request is about to make."""
        return wire.Handle(next(self._numbers))

    def new_handles(self, count: int) -> int:
        """The first of `count` numbers in a row, for objects that a request is about to make."""
        first = next(self._numbers)
        self._numbers = itertools.count(first + count)
        return first

    def read_only(self, operation: str, **arguments: Any) -> Any:
        """Have the submission's files read, not run: `scan`, `same` or `compare` of `sandbox/scan.py`.

        Its reply can be believed as long as nothing of the submission has been imported in this worker.
        """
        return self.request(operation, seconds=self.patience.load, **arguments)

    def layers(self) -> dict[str, bool]:
        """Which layers of confinement the worker reports. To be asked before student code is imported."""
        reply = self.request("hello")
        if type(reply) is not dict or type(reply.get("layers")) is not dict:
            self.refuse("the layers")
        return {str(name): holds is True for name, holds in reply["layers"].items()}

    def refuse(self, what: str) -> NoReturn:
        """End a worker whose reply has not the agreed form: student code has forged it, or broken what makes it.

        Raises:
            WorkerLost: always. It is the student's loss, never a fault of the sandbox.
        """
        self.close()
        raise WorkerLost(Loss.PROTOCOL, f"the reply does not hold {what}")

    def resolve(self, module: str, name: str) -> "Remote":
        """Import a module of the submission and get one of its functions or classes.

        Raises:
            StudentError: missing_module, missing_name, syntax, or what the import raised.
            WorkerLost: the import never ended, or ended the process.
        """
        handle = self.new_handle()
        self.request("resolve", seconds=self.patience.load, module=module, name=name, number=handle.number)
        return Remote(self, handle, name)

    def define(
        self, names: Sequence[str], constants: Mapping[str, Any] | None = None, among: Sequence[str] = ()
    ) -> dict[str, "Remote"]:
        """Make names of the submission's notebook: only the statements that they need are run, in a fresh module.

        Args:
            names: wanted functions and classes; `name?` may be absent, and is not in the result then.
            constants: values of names whose own bindings in the notebook are left out, such as n_embd=12.
            among: further names by which the notebook is recognised if there are several.

        Raises:
            StudentError: missing_notebook, notebook (it cannot be read), missing_name, or slice: a statement that a name
                needs has not run.
            WorkerLost: it never ended, or ended the process.
        """
        wanted = {name.removesuffix("?"): name.endswith("?") for name in names}
        handles = {name: self.new_handle() for name in wanted}
        reply = self.request(
            "define",
            seconds=self.patience.load,
            wanted=wanted,
            constants=dict(constants or {}),
            among=list(among),
            numbers=[handle.number for handle in handles.values()],
            allowed=self.patience.load,
        )
        if type(reply) is not list or [type(found) for found in reply] != [bool] * len(wanted):
            self.refuse("which names are there")
        there = dict(zip(wanted, reply, strict=True))
        if not all(there[name] or may_be_absent for name, may_be_absent in wanted.items()):
            self.refuse("every name")
        return {name: Remote(self, handles[name], name) for name, found in there.items() if found}

    def make(self, kind: str, **arguments: Any) -> wire.Handle:
        """Make an argument without a plain form in the worker: random, generator, encoder, namespace, identity, model, part."""
        handle = self.new_handle()
        self.defer("make", kind=kind, arguments=arguments, number=handle.number)
        return handle

    def seed(self, seed: int) -> None:
        """Set the random states that student code may draw from."""
        self.defer("seed", seed=seed)


@dataclass(frozen=True)
class Remote:
    """A function, class or object of the student's, living in a worker. Whatever it returns is untrusted."""

    worker: Worker
    handle: wire.Handle
    name: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; tensors arrive with the same shape, dtype and order of strides."""
        return self.method("", *args, **kwargs)

    def method(self, attribute: str, *args: Any, **kwargs: Any) -> Any:
        """Call one of its methods ("" = the object itself)."""
        return self._call(attribute, args, kwargs)

    def construct(self, *args: Any, **kwargs: Any) -> "Remote":
        """Call it and keep what it returns in the worker; what it raises is raised by the next request."""
        handle = self.worker.new_handle()
        self.worker.defer("call", **self._request("", args, kwargs, keep=handle.number))
        return Remote(self.worker, handle, self.name)

    def do(self, attribute: str, *args: Any, **kwargs: Any) -> None:
        """Call one of its methods for its effect alone; what it raises is raised by the next request."""
        self.worker.defer("call", **self._request(attribute, args, kwargs, keep=self.worker.new_handle().number))

    def inputs_after(self, *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        """Call it; return its value and the positional arguments as they are after the call."""
        reply = self._call("", args, kwargs, inputs_back=True)
        if type(reply) is not tuple or len(reply) != 3 or type(reply[1]) is not list or len(reply[1]) != len(args):
            self.worker.refuse("the arguments")
        return reply[0], reply[1]

    def call_watched(self, *args: Any) -> list[str]:
        """Call it; the names of the torch functions and kernels that ran, as the worker tells them."""
        reply = self.worker.request("call_watched", max_payload=_payload_cap(args), target=self.handle, args=list(args))
        if type(reply) is not list or not all(type(name) is str for name in reply):
            self.worker.refuse("the names of functions")
        return reply

    def call_many(self, calls: Sequence[Sequence[Any]], attribute: str = "") -> list[Any]:
        """Call it once for each list of arguments, in order, in one exchange."""
        reply = self.worker.request(
            "call_many",
            max_payload=_payload_cap([arg for args in calls for arg in args]),
            target=self.handle,
            attribute=attribute,
            calls=[list(args) for args in calls],
        )
        if type(reply) is not list or len(reply) != len(calls):
            self.worker.refuse("a value for every call")
        return reply

    def gradients(
        self,
        args: Sequence[Any],
        wrt: Sequence[int],
        grad_output: Tensor,
        *,
        output: int | None = None,
        parameters: bool = False,
    ) -> tuple[list[Any], dict[str, Any]]:
        """Gradients of Σ output · grad_output: of some arguments, in order, and of the parameters by name.

        Args:
            args: positional arguments.
            wrt: positions of the arguments whose gradients are wanted.
            grad_output: the shape of the output that is differentiated.
            output: index into a returned tuple; None = the value itself.
            parameters: whether the object is a module whose parameters are wanted.
        """
        reply = self.worker.request(
            "gradient",
            max_payload=_payload_cap(args),
            target=self.handle,
            attribute="",
            args=list(args),
            wrt=list(wrt),
            output=output,
            grad_output=grad_output,
            module=self.handle if parameters else None,
        )
        if type(reply) is not tuple or len(reply) != 2 or type(reply[0]) is not list or type(reply[1]) is not dict:
            self.worker.refuse("gradients")
        if len(reply[0]) != len(wrt) or not all(type(name) is str for name in reply[1]):
            self.worker.refuse("one gradient for each argument")
        return reply

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of a module's parameters, in order."""
        reply = self.worker.request("parameters", target=self.handle)
        if type(reply) is not list or not all(_is_parameter(item) for item in reply):
            self.worker.refuse("parameters")
        return {clean(name, 200): tuple(shape) for name, shape in reply}

    def get(self, attribute: str) -> Any:
        """Read an attribute."""
        return self.worker.request("get", target=self.handle, attribute=attribute)

    def part(self, path: str) -> "Remote":
        """A part of it: attributes and items joined by dots, as in `blocks.0.attn`; what it raises comes later."""
        handle = self.worker.new_handle()
        self.worker.defer("part", target=self.handle, path=path, number=handle.number)
        return Remote(self.worker, handle, f"{self.name}.{path}")

    def instances(self, of: "Remote") -> list["Remote"]:
        """The submodules of a module that are instances of a class, in the order of registration; shared ones repeat."""
        first = self.worker.new_handles(MAX_INSTANCES)
        reply = self.worker.request("instances", target=self.handle, of=of.handle, first=first)
        if type(reply) is not list or len(reply) > MAX_INSTANCES or not all(type(name) is str for name in reply):
            self.worker.refuse("the names of submodules")
        return [
            Remote(self.worker, wire.Handle(first + i), f"{self.name}.{clean(name, 100)}")
            for i, name in enumerate(reply)
        ]

    def set(self, attribute: str, value: Any) -> None:
        """Set an attribute, to a plain value or to what a handle stands for."""
        self.worker.defer("set", target=self.handle, attribute=attribute, value=value)

    def describe(self) -> dict[str, Any]:
        """What kind of object it is, and its parameters as [name, kind, has a default]; None if it has no signature."""
        reply = self.worker.request("describe", target=self.handle)
        if type(reply) is not dict or not _is_signature(reply.get("parameters")):
            self.worker.refuse("a description of the object")
        parameters = reply.get("parameters")
        if parameters is not None:
            parameters = [[clean(name, 100), kind, has_default] for name, kind, has_default in parameters]
        return {
            "callable": reply.get("callable") is True,
            "class": reply.get("class") is True,
            "parameters": parameters,
        }

    def _call(self, attribute: str, args: Sequence[Any], kwargs: Mapping[str, Any], inputs_back: bool = False) -> Any:
        request = self._request(attribute, args, kwargs, inputs_back=inputs_back)
        return self.worker.request("call", max_payload=_payload_cap([*args, *kwargs.values()]), **request)

    def _request(
        self,
        attribute: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        keep: int = 0,
        inputs_back: bool = False,
    ) -> dict[str, Any]:
        return {
            "target": self.handle,
            "attribute": attribute,
            "args": list(args),
            "kwargs": dict(kwargs),
            "keep": keep,
            "inputs_back": inputs_back,
        }


def _payload_cap(args: Sequence[Any]) -> int:
    """A reply may hold 16 times the bytes of its arguments, and at least 4 MiB."""
    return max(_MIN_PAYLOAD, 16 * sum(arg.nbytes for arg in args if isinstance(arg, Tensor)))


def _is_parameter(item: Any) -> bool:
    """Whether a part of a reply is [name, shape]."""
    if type(item) is not list or len(item) != 2 or type(item[0]) is not str or type(item[1]) is not list:
        return False
    return all(type(n) is int for n in item[1])


def _is_signature(value: Any) -> bool:
    """Whether a part of a reply is a list of [name, kind, has a default], or None."""
    if value is None:
        return True
    return type(value) is list and all(
        type(item) is list and [type(part) for part in item] == [str, str, bool] for item in value
    )
