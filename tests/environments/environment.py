"""The environments by name: how a command is started in each, and which layers must hold there."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .container import contained
from .place import EnvironmentMissing, Place

USER = 12345  # a number that no account has
_VARIABLES = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Environment:
    """One of the three.

    Attributes:
        name: what it is called.
        layers: those that must hold in it.
        known_open: attacks that no layer stops there, and what each may get; docs/security.md says so.
    """

    name: str
    layers: frozenset[str]
    known_open: Mapping[str, str]

    @contextmanager
    def started(self, place: Place, arguments: Sequence[str], errors: IO[bytes]) -> Iterator["subprocess.Popen[str]"]:
        """Run the prepared Python with these arguments, in the copy of the checkout; all of it is ended afterwards.

        Args:
            place: see `prepared`.
            arguments: of the interpreter.
            errors: a file that takes what goes to stderr.

        Raises:
            EnvironmentMissing: the environment cannot be made here.
        """
        command = [str(place.python), "-B", "-s", *arguments]
        if self.name != "user" and os.geteuid() != 0:
            raise EnvironmentMissing(f"the environment {self.name!r} needs root: run as root, or choose 'user' alone")
        with ExitStack() as stack:
            user, cwd = None, place.checkout
            if self.name == "user" and os.geteuid() == 0:
                user = USER
            elif self.name == "container":
                command, cwd = stack.enter_context(contained(place, command, _VARIABLES)), Path("/")
            process = stack.enter_context(_process(command, cwd, user, errors))
            yield process


@contextmanager
def _process(command: list[str], cwd: Path, user: int | None, errors: IO[bytes]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=_VARIABLES,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        umask=0o022,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


ENVIRONMENTS = (
    Environment("root", frozenset({"uid", "landlock", "seccomp", "rlimits"}), {}),
    Environment(
        "user",
        frozenset({"landlock", "seccomp", "rlimits"}),
        {
            "measures_secret": "stat() tells that a file exists, its size and its time",
            "thread_bomb": "the limit on processes counts all of a user, and is set only where a worker has its own",
        },
    ),
    Environment("container", frozenset({"uid", "landlock", "seccomp", "rlimits"}), {}),
)
