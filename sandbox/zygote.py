"""The zygote: an interpreter with torch loaded, from which a worker is forked for each check.

It is started by `launch`, isolated, sees neither the checkout nor a secret, computes nothing (a thread pool that
runs before a fork hangs after it), and listens to the judge alone. The judge asks for a worker, for the exit status
of one that it has killed, to forget one whose status does not matter, or for a twin: another zygote, for another process
that judges. When the judge disappears, the zygote ends its workers and itself.
"""

import gc
import json
import os
import signal
import socket
import sys
import tempfile
import time

from . import confine, worker

CONNECTION_FD = 3
_FAREWELL = 2.0  # seconds


def main(control: socket.socket) -> None:
    """Serve the judge until it closes the control socket."""
    confine.die_with_parent()
    confine.hide_memory()
    confine.prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it was ignored, no status could be asked for
    tempfile.tempdir = "/tmp"  # else whoever asks for it first tries to write there
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    _serve(control)


def _serve(control: socket.socket) -> None:
    """Fork what is asked for, until the control socket is closed."""
    children: set[int] = set()
    twins: set[int] = set()
    doomed: set[int] = set()  # killed by the judge, which does not ask how they ended
    spare, before = _Spare(control), b""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65536, 2)
        if not message:
            break
        request = json.loads(message)
        if "limits" in request:
            if spare.order not in (b"", message):
                spare.end()
                spare = _Spare(control)
            try:
                spare.send(message, descriptors)
            except OSError:  # it is gone: the kernel ends it early when memory runs out
                spare.end()
                spare = _Spare(control)
                spare.send(message, descriptors)
            children.add(spare.pid)
            control.send(json.dumps({"pid": spare.pid}).encode())
            for descriptor in descriptors:
                os.close(descriptor)
            # while the judge goes on; who has asked for the same twice is likely to ask for it again
            spare, before = _Spare(control, message if message == before else b""), message
        elif "twin" in request:
            pid = _twin(control, spare, descriptors[0])
            twins.add(pid)
            control.send(json.dumps({"pid": pid}).encode())
        elif "reap" in request:
            pid = request["reap"]
            status = os.waitpid(pid, 0)[1] if pid in children else None
            children.discard(pid)
            control.send(json.dumps({"status": status}).encode())
        elif request["forget"] in children:
            doomed.add(request["forget"])
        for pid in [pid for pid in doomed if os.waitpid(pid, os.WNOHANG)[0]]:
            doomed.discard(pid)
            children.discard(pid)
    children.add(spare.pid)
    for pid in children:
        confine.kill_with_children(pid)
    for pid in children:
        os.waitpid(pid, 0)
    _see_off(twins)


def _see_off(twins: set[int]) -> None:
    """Wait until twins have ended: each does when whom it serves is gone, and ends its workers, which nobody else can."""
    ends = time.monotonic() + _FAREWELL
    while twins and time.monotonic() < ends:
        twins = {pid for pid in twins if not os.waitpid(pid, os.WNOHANG)[0]}
        time.sleep(0.005)
    for pid in twins:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _twin(control: socket.socket, spare: "_Spare", descriptor: int) -> int:
    """Fork another zygote, which serves another socket; returns its process id."""
    zygote_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            confine.die_with_parent()
            if os.getppid() == zygote_pid:
                control.close()
                spare.leave()
                _serve(socket.socket(fileno=descriptor))
        finally:
            os._exit(0)
    os.close(descriptor)
    return pid


class _Spare:
    """A child that is forked before it is needed, and waits for its socket, its output and its limits.

    Attributes:
        pid: its process id.
        order: the limits that it has put on itself ahead; b"" = none yet.
    """

    def __init__(self, control: socket.socket, order: bytes = b"") -> None:
        self.order = order
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        zygote_pid = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._socket.close()
            _live(control, theirs, order, zygote_pid)
        theirs.close()

    def send(self, message: bytes, descriptors: list[int]) -> None:
        """Turn it into a worker."""
        socket.send_fds(self._socket, [message], descriptors)
        self._socket.close()

    def leave(self) -> None:
        """Have nothing to do with it any more."""
        self._socket.close()

    def end(self) -> None:
        """End it: it is not what is needed."""
        self._socket.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _live(control: socket.socket, orders: socket.socket, order: bytes, zygote_pid: int) -> None:
    """The spare's life, and the worker's that it becomes; never returns."""
    status = 1
    try:
        confine.die_with_parent()
        layers = _confine(order, zygote_pid) if order else {}
        message, descriptors, _, _ = socket.recv_fds(orders, 65536, 2)
        if message:
            orders.detach()  # closed with all other descriptors
            control.detach()
            _take(*descriptors)
            worker.serve(socket.socket(fileno=CONNECTION_FD), layers or _confine(message, zygote_pid))
            status = 0
    finally:
        os._exit(status)


def _confine(order: bytes, zygote_pid: int) -> dict[str, bool]:
    """Put limits on this process; which layers hold."""
    limits = json.loads(order)
    os.environ.clear()
    return confine.apply(confine.Limits(**limits["limits"]), zygote_pid, limits["folders"], limits["scratch"])


def _take(connection_fd: int, output_fd: int) -> None:
    """Make two descriptors this process's socket and its standard output, and close all others."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    if connection_fd != CONNECTION_FD:
        os.dup2(connection_fd, CONNECTION_FD)
    os.closerange(CONNECTION_FD + 1, 4096)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (these three live as long as the worker)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
