"""What graders use: a submission, opened in fresh workers, and the objects that live there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from . import wire
from .channel import Channel
from .confine import Limits
from .errors import SandboxError
from .intake import Snapshot
from .launch import Zygote

_MIN_PAYLOAD = 4 << 20


@dataclass(frozen=True)
class Patience:
    """Seconds that each kind of request may take."""

    load: float = 20.0
    call: float = 10.0


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
        channel = Channel(self.zygote, self.zygote.spawn(self.limits))
        worker = Worker(channel, self.patience)
        try:
            worker.request("seed", seed=seed)
            worker.request(
                "open",
                root=str(self.snapshot.root / self.code),
                working_directory=str(self.snapshot.root),
                aliases=[self.code] if self.code.isidentifier() else [],
            )
        except BaseException:
            worker.close()
            raise
        return worker


class Worker:
    """A worker process with a submission opened in it. A context manager that ends the process."""

    def __init__(self, channel: Channel, patience: Patience) -> None:
        self.channel = channel
        self.patience = patience

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process; returns when it is gone."""
        self.channel.close()

    def request(
        self, operation: str, /, *, seconds: float | None = None, max_payload: int = _MIN_PAYLOAD, **arguments: Any
    ) -> Any:
        """Send one request (see `Channel.request`); the time allowed is that of a call."""
        return self.channel.request(operation, arguments, seconds or self.patience.call, max_payload)

    def layers(self) -> dict[str, bool]:
        """Which layers of confinement the worker reports. To be asked before student code is imported."""
        reply = self.request("hello")
        if type(reply) is not dict or type(reply.get("layers")) is not dict:
            raise SandboxError("the worker did not report its layers")
        return {str(name): holds is True for name, holds in reply["layers"].items()}

    def resolve(self, module: str, name: str) -> "Remote":
        """Import a module of the submission and get one of its functions or classes.

        Raises:
            StudentError: missing_module, missing_name, syntax, or what the import raised.
            WorkerLost: the import never ended, or ended the process.
        """
        handle = self.request("resolve", seconds=self.patience.load, module=module, name=name)
        return Remote(self, _handle(handle), name)

    def make(self, kind: str, **arguments: Any) -> wire.Handle:
        """Make an argument that has no plain form in the worker: random, generator, encoder, namespace."""
        return _handle(self.request("make", kind=kind, arguments=arguments))

    def seed(self, seed: int) -> None:
        """Set the random states that student code may draw from."""
        self.request("seed", seed=seed)


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
        """Call it and keep what it returns in the worker."""
        return Remote(self.worker, _handle(self._call("", args, kwargs, keep=True)), self.name)

    def inputs_after(self, *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        """Call it; return its value and the positional arguments as they are after the call."""
        reply = self._call("", args, kwargs, inputs_back=True)
        if type(reply) is not tuple or len(reply) != 3 or type(reply[1]) is not list:
            raise SandboxError("the worker did not return the arguments")
        return reply[0], reply[1]

    def call_many(self, calls: Sequence[Sequence[Any]], attribute: str = "") -> list[Any]:
        """Call it once for each list of arguments, in order, in one exchange."""
        reply = self.worker.request(
            "call_many", target=self.handle, attribute=attribute, calls=[list(args) for args in calls]
        )
        if type(reply) is not list or len(reply) != len(calls):
            raise SandboxError("the worker did not answer every call")
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
            raise SandboxError("the worker did not return gradients")
        if len(reply[0]) != len(wrt):
            raise SandboxError("the worker did not return one gradient for each argument")
        return reply

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of a module's parameters, in order."""
        reply = self.worker.request("parameters", target=self.handle)
        return {str(name): tuple(shape) for name, shape in reply}

    def get(self, attribute: str) -> Any:
        """Read an attribute."""
        return self.worker.request("get", target=self.handle, attribute=attribute)

    def describe(self) -> dict[str, Any]:
        """What kind of object it is, and its parameters as [name, kind, has a default]; None if it has no signature."""
        reply = self.worker.request("describe", target=self.handle)
        if type(reply) is not dict:
            raise SandboxError("the worker did not describe the object")
        return reply

    def _call(
        self,
        attribute: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        keep: bool = False,
        inputs_back: bool = False,
    ) -> Any:
        return self.worker.request(
            "call",
            max_payload=_payload_cap(args),
            target=self.handle,
            attribute=attribute,
            args=list(args),
            kwargs=dict(kwargs),
            keep=keep,
            inputs_back=inputs_back,
        )


def _payload_cap(args: Sequence[Any]) -> int:
    """A reply may hold 16 times the bytes of its arguments, and at least 4 MiB."""
    return max(_MIN_PAYLOAD, 16 * sum(arg.nbytes for arg in args if isinstance(arg, Tensor)))


def _handle(value: Any) -> wire.Handle:
    if not isinstance(value, wire.Handle):
        raise SandboxError("the worker did not return a handle")
    return value
