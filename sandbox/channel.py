"""The judge's end of a worker's socket: one request, one reply, one deadline, capped sizes."""

import os
import secrets
import select
import signal
import time
from typing import Any

from . import wire
from .errors import Loss, StudentError, WorkerLost
from .launch import Process, Zygote

MAX_OUTPUT = 16 * 1024
_CHUNK = 1 << 16


class Channel:
    """Requests to one worker, in strict turns.

    Attributes:
        output: the first 16 KiB of what the worker printed; the rest is read and thrown away.
        frames: number of frames that have crossed the wire, both ways.
        waited: seconds from the last byte of a request to the last byte of its reply, or to the loss of the worker, all
            requests together.
    """

    def __init__(self, zygote: Zygote, process: Process) -> None:
        self._zygote = zygote
        self._process = process
        self._alive = True
        self._poll = select.poll()
        self._poll.register(process.output, select.POLLIN)
        self.output = bytearray()
        self.frames = 0
        self.waited = 0.0

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def request(self, operation: str, arguments: dict[str, Any], seconds: float, max_payload: int) -> Any:
        """Send one request and wait for its reply.

        Args:
            operation: a name of `worker.Worker.operations`.
            arguments: its keyword arguments; tensors, plain values and handles.
            seconds: the whole exchange must end within this time.
            max_payload: greatest number of tensor bytes in the reply.

        Raises:
            StudentError: the student's code answered with an error.
            WorkerLost: it did not answer properly; the worker is dead.
        """
        if not self._alive:
            raise WorkerLost(Loss.EXIT, "the worker had ended before")
        nonce = secrets.token_bytes(wire.NONCE_BYTES)
        deadline = time.monotonic() + seconds
        try:
            self._send(wire.encode([operation, arguments], nonce), deadline)
            self.frames += 1
            sent = time.perf_counter()
            try:
                header, body = self._reply(nonce, deadline, max_payload)
            finally:
                self.waited += time.perf_counter() - sent
            self.frames += 1
            reply = wire.decode(bytes(body[: header.json_bytes]), body[header.json_bytes :])
        except TimeoutError:
            self._lose(WorkerLost(Loss.TIMEOUT, f"{seconds:g}"))
        except wire.WireError as error:
            self._lose(WorkerLost(Loss.PROTOCOL, str(error)))
        except OSError:
            self._lose(None)
        if type(reply) is list and len(reply) == 2:
            if reply[0] == "ok":
                return reply[1]
            if reply[0] == "error" and type(reply[1]) is dict:
                raise StudentError(reply[1])
        self._lose(WorkerLost(Loss.PROTOCOL, "the reply is neither a value nor an error"))
        raise AssertionError  # _lose always raises

    def close(self) -> None:
        """Kill the worker and keep what it printed; its last moments are not waited for."""
        if self._alive:
            self._zygote.dispose(self._process)
            self._leave()

    def kill(self) -> None:
        """Kill the worker, from another thread: the request that waits for it is told that it is lost."""
        self._zygote.kill(self._process)

    # ------------------------------------------------------------------------------------------ bytes

    def _send(self, buffers: list[bytes | memoryview], deadline: float) -> None:
        data = memoryview(b"".join(buffers))
        connection = self._process.connection
        while data:
            try:
                data = data[connection.send(data) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)

    def _reply(self, nonce: bytes, deadline: float, max_payload: int) -> tuple[wire.Header, bytearray]:
        start = bytearray(_CHUNK)
        n_start = self._fill(memoryview(start), wire.HEADER.size, deadline)
        header = wire.read_header(bytes(start[: wire.HEADER.size]), max_payload=max_payload)
        if header.nonce != nonce:
            raise wire.WireError("the reply does not answer the request")
        body = bytearray(header.json_bytes + header.payload_bytes)
        n_early = n_start - wire.HEADER.size
        if n_early > len(body):
            raise wire.WireError("the reply is longer than it announces")
        body[:n_early] = start[wire.HEADER.size : n_start]
        self._fill(memoryview(body)[n_early:], len(body) - n_early, deadline)
        return header, body

    def _fill(self, view: memoryview, at_least: int, deadline: float) -> int:
        """Read at least so many bytes into a view; returns how many came."""
        got = 0
        while got < at_least:
            self._wait(select.POLLIN, deadline)
            try:
                n = self._process.connection.recv_into(view[got:])
            except BlockingIOError:
                continue
            if n == 0:
                raise ConnectionResetError
            got += n
        return got

    def _wait(self, event: int, deadline: float) -> None:
        """Wait until the socket is ready, reading what the worker prints meanwhile."""
        connection = self._process.connection.fileno()
        self._poll.register(connection, event)
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            ready = dict(self._poll.poll(remaining * 1000))
            if self._process.output in ready:
                self._drain(1)
            if connection in ready:
                return

    def _drain(self, max_chunks: int) -> None:
        for _ in range(max_chunks):
            try:
                chunk = os.read(self._process.output, _CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                self._poll.unregister(self._process.output)
                return
            self.output += chunk[: MAX_OUTPUT - len(self.output)]

    # ------------------------------------------------------------------------------------------ the end

    def _lose(self, lost: WorkerLost | None) -> None:
        status = self._end()
        raise lost or _explain(status)

    def _end(self) -> int | None:
        """Kill and reap; the status tells how the worker ended, if it ended by itself."""
        status = self._zygote.reap(self._process)
        self._leave()
        return status

    def _leave(self) -> None:
        """Keep what was printed, close what is open."""
        self._alive = False
        self._process.connection.close()
        try:
            self._drain(64)
        except (OSError, KeyError):
            pass
        os.close(self._process.output)


def _explain(status: int | None) -> WorkerLost:
    """Turn the wait status of a worker that closed its socket into a loss."""
    if status is None:
        return WorkerLost(Loss.EXIT, "without a status")
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return WorkerLost(Loss.SIGNAL, names.get(-code, str(-code)))  # most real-time signals have no name
    return WorkerLost(Loss.EXIT, f"status {code}")
