"""The judge's handle on the zygote: start it, fork workers from it, collect their exit statuses."""

import json
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .confine import Limits, kill_with_children
from .errors import SandboxError

START_SECONDS = 120.0
# the modules that live in the zygote, under this package:
_INSIDE = (
    "chain",
    "checkpoint",
    "confine",
    "execution",
    "landlock",
    "loading",
    "main_program",
    "masked_part",
    "notebook",
    "part",
    "probes",
    "profiles",
    "scan",
    "seccomp",
    "slicing",
    "stand_ins",
    "statements",
    "text_model",
    "training",
    "watching",
    "window_model",
    "wire",
    "worker",
    "zygote",
)
_PACKAGE = "_headmaster"

# What the zygote runs. Its modules arrive as text through its standard input: no path of the checkout is in its
# memory, its command line or its sys.path.
_BOOTSTRAP = f"""
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import importlib.abc, importlib.util, json, os, socket
bundle = json.load(sys.stdin)
sys.path += bundle["site_packages"]
for room in ("reference", "graders", "gradescope"):
    if importlib.util.find_spec(room):
        sys.exit(f"the package {{room}} is importable where student code runs")
class Modules(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        if name in bundle["modules"]:
            return importlib.util.spec_from_loader(name, self, is_package=name == {_PACKAGE!r})
    def get_source(self, name):
        return bundle["modules"][name]
sys.meta_path.append(Modules())
sys.dont_write_bytecode = True
import numpy.random, torch
torch.set_num_threads(1)
from {_PACKAGE} import zygote
control = socket.socket(fileno=bundle["control"])
del bundle["control"], bundle["site_packages"]
zygote.main(control)
"""

# PYTHONHASHSEED fixes the order of sets, so that the same submission gets the same verdict in each run. It is why the
# interpreter is isolated by `-S -s`, an environment made from nothing and a path without the working directory,
# and not by `-I`, which would ignore it.
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "LANG": "C.UTF-8",
    "HOME": "/",
}


@dataclass
class Process:
    """A worker as the judge sees it: its pid, the socket to it, the pipe with what it prints."""

    pid: int
    connection: socket.socket
    output: int


class Zygote:
    """Starts at once in the background; the first `spawn` waits until it is ready. A context manager.

    Attributes:
        deaths: how often it has died. Its workers died with it then, whatever they were asked.
    """

    def __init__(self, *, _control: socket.socket | None = None) -> None:
        self.deaths = 0
        self._popen: subprocess.Popen[bytes] | None = None
        self._is_twin = self._ready = _control is not None
        if _control is None:
            self._start()
        else:
            self._control = _control
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (`close` closes it)

    def __enter__(self) -> "Zygote":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (`close` closes it)
        with theirs:
            self._popen = subprocess.Popen(
                [sys.executable, "-s", "-S", "-c", _BOOTSTRAP],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                cwd="/",
                env=_ENVIRONMENT,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
            assert self._popen.stdin is not None
            try:
                with self._popen.stdin as stdin:
                    stdin.write(_bundle(theirs.fileno()))
            except BrokenPipeError:
                pass  # it ended before it read; `wait_until_ready` says why
        self._ready = False

    def wait_until_ready(self) -> None:
        """Wait until torch is loaded in the zygote.

        Raises:
            SandboxError: it did not start; the message holds the end of what it printed.
        """
        if not self._ready and self._receive(START_SECONDS) != b"ready":
            self._errors.seek(0)
            tail = self._errors.read()[-2000:].decode(errors="replace").strip()
            self.close()
            raise SandboxError(f"the sandbox's parent process did not start:\n{tail}")
        self._ready = True

    def twin(self) -> "Zygote":
        """Another zygote, forked from this one, for another process that judges; it has to be there before it is forked.

        Each of two processes needs one of its own: what a zygote is asked and what it answers goes through one socket. The
        twin ends when it is closed, and at the latest with this one. If it dies, its next `spawn` starts one from scratch.

        Raises:
            SandboxError: this one is gone.
        """
        self.wait_until_ready()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._control, [json.dumps({"twin": True}).encode()], [theirs.fileno()])
            except OSError:
                pass  # it is gone; `_ask` sees that too
            try:
                self._ask()
            except SandboxError:
                ours.close()
                raise
        return Zygote(_control=ours)

    def spawn(self, limits: Limits, folders: Sequence[str] = (), scratch: str = "") -> Process:
        """Fork a worker.

        Args:
            limits: what it may use.
            folders: what it may read besides the interpreter and the system's libraries.
            scratch: a folder in which it may make, change and remove files; "" = none.

        Raises:
            SandboxError: the zygote is gone and could not be started again.
        """
        if self._is_twin or (self._popen is not None and self._popen.poll() is None):
            self.wait_until_ready()
            try:
                return self._fork(limits, folders, scratch)
            except SandboxError:
                pass  # it has died since, perhaps by a student's hand: no reason to judge nothing
        elif self._popen is not None:
            self._has_died()
        self.close()
        self._start()
        self.wait_until_ready()
        return self._fork(limits, folders, scratch)

    def _fork(self, limits: Limits, folders: Sequence[str], scratch: str) -> Process:
        ours, theirs = socket.socketpair()
        output_read, output_write = os.pipe()
        try:
            order = {"limits": asdict(limits), "folders": list(folders), "scratch": scratch}
            message = json.dumps(order).encode()
            try:
                socket.send_fds(self._control, [message], [theirs.fileno(), output_write])
            except OSError:
                pass  # it is gone; `_ask` sees that too
            reply = self._ask()
        except SandboxError:
            ours.close()
            os.close(output_read)
            raise
        finally:
            theirs.close()
            os.close(output_write)
        ours.setblocking(False)
        os.set_blocking(output_read, False)
        return Process(int(reply["pid"]), ours, output_read)

    def kill(self, process: Process) -> None:
        """Kill a worker that is reaped or disposed of later."""
        try:
            kill_with_children(process.pid)
        except (ProcessLookupError, PermissionError):
            pass  # it is gone

    def reap(self, process: Process) -> int | None:
        """Kill a worker and return its wait status; None if the zygote has lost it. Closes nothing."""
        try:
            kill_with_children(process.pid)
        except (ProcessLookupError, PermissionError):
            self._has_died()  # and its workers with it: otherwise this one would still have its status
            return None
        try:
            self._control.send(json.dumps({"reap": process.pid}).encode())
            status = self._ask()["status"]
        except SandboxError:
            return None
        except OSError:
            self._has_died()
            return None
        return status if type(status) is int else None

    def dispose(self, process: Process) -> None:
        """Kill a worker without asking how it ended; it is gone at the latest when the zygote is closed."""
        try:
            kill_with_children(process.pid)
            self._control.send(json.dumps({"forget": process.pid}).encode())
        except OSError:
            pass  # the zygote died and its workers with it

    def leave(self) -> None:
        """Leave it to another process that has it since a fork."""
        self._control.close()
        self._errors.close()

    def close(self) -> None:
        """End the zygote and every worker of it; returns when the zygote is gone. A twin is gone a moment later."""
        self._control.close()
        if self._popen is not None:
            if not self._ready:
                self._popen.kill()  # it has no workers yet, and may be busy loading torch
            try:
                self._popen.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
            self._popen = None
        self._is_twin = False
        self._errors.close()

    def _ask(self) -> dict[str, Any]:
        answer = self._receive(10.0)
        if not answer:
            self._has_died()
            raise SandboxError("the sandbox's parent process is gone")
        reply: dict[str, Any] = json.loads(answer)
        return reply

    def _has_died(self) -> None:
        """Have the next `spawn` start another."""
        if self._is_twin or self._popen is not None:
            self.deaths += 1
        self._is_twin = False
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()
            self._popen = None

    def _receive(self, seconds: float) -> bytes:
        try:
            self._control.settimeout(seconds)
            return self._control.recv(65536)
        except OSError:
            return b""


def _bundle(control_fd: int) -> bytes:
    here = Path(__file__).parent
    modules = {f"{_PACKAGE}.{name}": (here / f"{name}.py").read_text(encoding="utf-8") for name in _INSIDE}
    modules[_PACKAGE] = ""
    paths = sysconfig.get_paths()
    site_packages = list(dict.fromkeys([paths["purelib"], paths["platlib"]]))
    return json.dumps({"modules": modules, "site_packages": site_packages, "control": control_fd}).encode()
