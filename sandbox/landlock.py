"""What a worker may see of the disk: the interpreter, the libraries, the submission. It may write to its own folder at most.

Landlock (Linux 5.13 and later; docs.kernel.org/userspace-api/landlock.html) denies every right that is not granted here; with
newer kernels also TCP, signals to processes outside, and sockets in the abstract namespace.
"""

import glob
import os
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from typing import Any

from .profiles import PROFILES, Profile

landlockpy: Any
try:
    import landlockpy
except ImportError:  # macOS, or an installation without it
    landlockpy = None

_READ_ONLY = (
    *("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/usr/share/locale"),
    *("/etc/ld.so.cache", "/etc/localtime", "/dev/zero", "/dev/urandom", "/dev/random"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup"),
)
_WRITABLE = ("/dev/null",)
_LOADERS = ("/lib64/ld-linux-*", "/lib/ld-linux*", "/lib/ld-musl-*")


@cache
def abi() -> int:
    """The version of the kernel's interface; 0 = there is no Landlock here."""
    return 0 if landlockpy is None else int(landlockpy.abi_version())


@cache
def interpreter_folders() -> tuple[str, ...]:
    """The folders from which this interpreter imports. The zygote finds them once."""
    paths = sysconfig.get_paths()
    known = [*(paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")), *sys.path]
    known.append(os.path.join(sys.base_prefix, "lib"))
    return tuple(dict.fromkeys(os.path.realpath(path) for path in known if path and os.path.isdir(path)))


def keeps_signals_in() -> bool:
    """Whether the kernel keeps the signals of a restricted process to itself and its children (since Linux 6.12)."""
    return abi() >= 6


def restrict(folders: Sequence[str], profile: Profile = PROFILES["cpu"], scratch: str = "") -> bool:
    """Deny the calling process everything but reading and what its profile needs, for good.

    Args:
        folders: what may be read besides the system's libraries: the interpreter's folders, the submission's.
        profile: its kind.
        scratch: a folder in which it may make, change and remove files; "" = none.

    Returns:
        Whether the kernel enforces it.
    """
    if not abi():
        return False
    access, scope = landlockpy.AccessFS, landlockpy.Scope
    read_file, read_folder = access.READ_FILE, access.READ_FILE | access.READ_DIR
    device = read_file | access.WRITE_FILE | access.IOCTL_DEV
    own = read_folder | access.WRITE_FILE | access.TRUNCATE | access.MAKE_REG | access.REMOVE_FILE
    own |= access.MAKE_DIR | access.REMOVE_DIR | access.REFER
    readable = [path for pattern in profile.readable for path in glob.glob(pattern)]
    if profile.processes:
        # not sys.prefix, which `-S` leaves at the base installation's
        readable.append(os.path.join(os.path.dirname(os.path.dirname(sys.executable)), "pyvenv.cfg"))
    with landlockpy.Ruleset(scoped=scope.ABSTRACT_UNIX_SOCKET | scope.SIGNAL) as rules:
        for path in (*_READ_ONLY, *folders, *readable, f"/proc/{os.getpid()}"):
            if os.path.isdir(path):
                rules.allow_path(path, read_folder)
            elif os.path.exists(path):
                rules.allow_path(path, read_file)
        for path in _WRITABLE:
            rules.allow_path(path, read_file | access.WRITE_FILE)
        for path in (path for pattern in profile.devices for path in glob.glob(pattern)):
            rules.allow_path(path, device)
        if profile.processes:
            for path in _programs():
                rules.allow_path(path, read_file | access.EXECUTE)
        if scratch:
            rules.allow_path(scratch, own)
        rules.restrict()
    return True


def _programs() -> list[str]:
    """This Python, and what loads it: the only files that may be run."""
    loaders = [path for pattern in _LOADERS for path in glob.glob(pattern)]
    return [os.path.realpath(path) for path in (sys.executable, *loaders)]
