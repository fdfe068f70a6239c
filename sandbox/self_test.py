"""Whether confinement holds on this machine, found out by a worker that tries to break out before any student code runs."""

import os
import platform
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import confine, landlock
from .channel import Channel
from .client import Patience, Worker
from .confine import Limits
from .errors import WorkerLost
from .launch import Zygote

# what must be stopped before anything hidden may be graded
REQUIRED = frozenset(
    {
        *("reads hidden files", "writes results", "reads the judge's memory", "reads the judge's environment"),
        *("traces the judge", "signals the judge", "makes processes", "runs programs"),
        *("opens TCP sockets", "opens UDP sockets"),
    }
)


@dataclass(frozen=True)
class Confinement:
    """What was found.

    Attributes:
        layers: those that the worker has put on itself, and whether the kernel took them.
        stopped: of each probe, whether it was stopped. Empty if the worker did not answer.
        landlock_abi: the version of the kernel's Landlock; 0 = none.
        unreadable: the folder that keeps other users from this interpreter; "" = none.
    """

    layers: dict[str, bool]
    stopped: dict[str, bool]
    landlock_abi: int
    unreadable: str

    @property
    def open(self) -> tuple[str, ...]:
        """The probes that succeeded."""
        return tuple(name for name, stopped in self.stopped.items() if not stopped)

    @property
    def holds(self) -> bool:
        """Whether everything that is required is stopped."""
        return bool(self.stopped) and not REQUIRED & set(self.open)

    @property
    def summary(self) -> str:
        """One line for the staff."""
        if not self.stopped:
            return "NOT CONFINED: the self-test did not answer"
        layers = ", ".join(name for name, holds in self.layers.items() if holds)
        if not self.open:
            return f"confined: all {len(self.stopped)} attempts to break out were stopped ({layers})"
        head = "confined but for this" if self.holds else "NOT CONFINED"
        return f"{head}: student code {', '.join(self.open)} (layers: {layers})"

    def advice(self) -> list[str]:
        """What to do about layers that are missing, one sentence each."""
        found = []
        if sys.platform != "linux":
            found.append(
                f"{platform.system()} has none of the kernel's layers: grade on Linux, for example in a container."
            )
            return found
        if not self.layers.get("uid"):
            if os.geteuid() != 0:
                found.append("Workers have the judge's own user: run as root, and each gets a user of its own.")
            elif self.unreadable:
                found.append(
                    f"Other users cannot enter {self.unreadable}, where this Python lies: install Python and its packages "
                    "outside of private homes, for example under /opt."
                )
        if not self.layers.get("landlock"):
            found.append(
                "The kernel offers no Landlock (Linux 5.13 or later, and lsm=landlock,… at boot), or landlockpy is not "
                "installed: files that everybody may read are open. Take them from others: chmod -R go-rwx."
            )
        if not self.layers.get("seccomp"):
            found.append(
                "No filter of system calls could be installed: is seccompy installed, and the kernel's seccomp on?"
            )
        return found

    def as_json(self) -> dict[str, object]:
        """For the staff's part of results.json."""
        return {
            "holds": self.holds,
            "open": list(self.open),
            "layers": self.layers,
            "landlock_abi": self.landlock_abi,
        }


def self_test(zygote: Zygote) -> Confinement:
    """Let a worker try everything that `probes` lists; it is ended afterwards.

    Args:
        zygote: as for the workers that will run student code.
    """
    unreadable = confine.unreadable(landlock.interpreter_folders())
    with tempfile.TemporaryDirectory(prefix="headmaster-") as place, socket.socket(socket.AF_UNIX) as listener:
        secret, results = Path(place, "secret"), Path(place, "results")
        secret.write_bytes(b"hidden")
        secret.chmod(0o600)
        results.mkdir(mode=0o700)
        address = str(Path(place, "socket"))
        listener.bind(address)
        listener.listen()
        targets = {"judge": os.getpid(), "secret": str(secret), "results": str(results), "listener": address}
        with Worker(Channel(zygote, zygote.spawn(Limits())), Patience()) as worker:
            try:
                layers = worker.layers()
                found = worker.request("probe", targets=targets)
            except WorkerLost:
                return Confinement({}, {}, landlock.abi(), unreadable)
    stopped = {str(name): holds is True for name, holds in found.items()} if type(found) is dict else {}
    return Confinement(layers, stopped, landlock.abi(), unreadable)
