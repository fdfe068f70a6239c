"""The judge's end of the wire: bytes from a worker that knows every nonce, as one stream in pieces of any size."""

import os
import socket
from typing import Any
from unittest.mock import patch

import torch

from sandbox import channel as channel_module
from sandbox import wire
from sandbox.channel import MAX_OUTPUT, Channel
from sandbox.errors import Loss, StudentError, WorkerLost
from sandbox.launch import Process
from tests.fuzz.bounds import bounded

NONCES = [bytes([number]) * wire.NONCE_BYTES for number in b"12"]
MAX_PAYLOAD = 1 << 16
MAX_STREAM = 1 << 17  # fits into a socket's buffer, so that nobody has to read while it is written
MAX_PRINTED = 1 << 15


class _Pieces(socket.socket):
    """A socket that hands out at most so many bytes at a time."""

    at_most = MAX_STREAM

    def recv_into(self, buffer: Any, *arguments: Any) -> int:
        return super().recv_into(memoryview(buffer)[: self.at_most], *arguments)


class _Grave:
    """Stands for the zygote: the worker that it is asked about has ended by itself."""

    def reap(self, process: Process) -> int:
        return 0

    def dispose(self, process: Process) -> None:
        pass


def target(data: bytes) -> None:
    """Two requests, answered by a stream: the first byte is the size of its pieces (0 = all at once).

    Raises:
        AssertionError: bytes that are no reply to the request were taken for one, or something stayed open.
        Exceeded: more than 10 seconds, or more memory than the caps and 200 times what arrived.
    """
    size, stream = data[:1], data[1 : 1 + MAX_STREAM]
    ours, theirs = socket.socketpair()
    output_read, output_write = os.pipe()
    connection = _Pieces(fileno=ours.detach())
    connection.at_most = size[0] if size and size[0] else MAX_STREAM
    connection.setblocking(False)
    os.set_blocking(output_read, False)
    os.set_blocking(output_write, False)
    try:
        theirs.sendall(stream)
        os.write(output_write, stream[:MAX_PRINTED] or b"x")
        theirs.shutdown(socket.SHUT_WR)
        channel = Channel(_Grave(), Process(0, connection, output_read))  # type: ignore[arg-type]
        caps = wire.MAX_JSON + MAX_PAYLOAD
        nonces = iter(NONCES)
        with (
            patch.object(channel_module.secrets, "token_bytes", lambda n_bytes: next(nonces)),
            bounded(seconds=10, n_bytes=(1 << 20) + 2 * caps + 200 * len(stream)),
        ):
            answered = _requests(channel)
        assert answered == 0 or stream.startswith(wire.MAGIC + NONCES[0]), "the first reply does not answer the request"
        assert answered < 2 or wire.MAGIC + NONCES[1] in stream, "the second reply does not answer the request"
        channel.close()
        assert connection.fileno() == -1
        assert len(channel.output) <= MAX_OUTPUT
    finally:
        theirs.close()
        connection.close()
        os.close(output_write)


def _requests(channel: Channel) -> int:
    """Ask twice; how many requests were answered, by a value or an error."""
    for answered in range(len(NONCES)):
        try:
            channel.request("hello", {}, 5.0, MAX_PAYLOAD)
        except StudentError as error:
            _check_facts(error)
        except WorkerLost as lost:
            _check_loss(lost)
            return answered
    return len(NONCES)


def _check_facts(error: StudentError) -> None:
    assert {type(fact) for fact in error.facts.values()} <= {str, bool, int, float, type(None)}


def _check_loss(lost: WorkerLost) -> None:
    assert lost.loss is not Loss.TIMEOUT, "the stream has ended, and is waited for"


def frame(value: Any, number: int = 0) -> bytes:
    """The frame of a reply to the first or the second request."""
    return b"".join(wire.encode(value, NONCES[number]))


def values() -> list[Any]:
    """Replies as workers send them: every kind of node and tensor."""
    tensors = [torch.arange(6).reshape(2, 3).to(dtype) for dtype in wire.DTYPES.values()]
    return [
        ["ok", None],
        ["ok", tensors],
        ["ok", ({"weight": tensors[0].T, 3: [True, -1, 0.5]}, float("nan"), float("-inf"), wire.Handle(7))],
        ["ok", [torch.zeros(0, 2), tensors[2].numpy(), wire.Opaque("student.Thing"), "σ \ud800 \u202e"]],
        ["error", {"kind": "raised", "type": "ValueError", "message": "no", "line": 3, "file": None}],
        ["maybe", 1],
    ]


def seeds() -> list[bytes]:
    """Streams to begin with: each reply, alone and followed by a second one, at once and in pieces."""
    return [
        bytes([size]) + frame(value) + second
        for size in (0, 1, 40)
        for value in values()
        for second in (b"", frame(["ok", 2], 1))
    ]
