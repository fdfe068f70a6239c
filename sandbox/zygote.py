"""The zygote: an interpreter with torch loaded, from which a worker is forked for each check.

It is started by `launch`, isolated, sees neither the checkout nor a secret, computes nothing (a thread pool that
runs before a fork hangs after it), and listens to the judge alone. The judge asks for two things: a worker, and the
exit status of one that it has killed. When the judge disappears, the zygote ends its workers and itself.
"""

import gc
import json
import os
import signal
import socket
import sys

from . import confine, worker

CONNECTION_FD = 3


def main(control: socket.socket) -> None:
    """Serve the judge until it closes the control socket."""
    confine.die_with_parent()
    gc.collect()
    gc.freeze()
    children: set[int] = set()
    control.send(b"ready")
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(control, 65536, 2)
        except InterruptedError:
            continue
        if not message:
            break
        request = json.loads(message)
        if "limits" in request:
            pid = os.fork()
            if pid == 0:
                _become_worker(control, descriptors, confine.Limits(**request["limits"]))
            children.add(pid)
            for descriptor in descriptors:
                os.close(descriptor)
            control.send(json.dumps({"pid": pid}).encode())
        else:
            pid = request["reap"]
            status = None
            if pid in children:
                status = os.waitpid(pid, 0)[1]
                children.discard(pid)
            control.send(json.dumps({"status": status}).encode())
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


def _become_worker(control: socket.socket, descriptors: list[int], limits: confine.Limits) -> None:
    """Turn the forked child into a worker; never returns."""
    status = 1
    try:
        zygote_pid = os.getppid()
        connection_fd, output_fd = descriptors
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output_fd, 1)
        os.dup2(output_fd, 2)
        control.detach()
        if connection_fd != CONNECTION_FD:
            os.dup2(connection_fd, CONNECTION_FD)
        os.closerange(CONNECTION_FD + 1, 4096)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (these three live as long as the worker)
        sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        os.environ.clear()
        layers = confine.apply(limits, zygote_pid)
        worker.serve(socket.socket(fileno=CONNECTION_FD), layers)
        status = 0
    finally:
        os._exit(status)
