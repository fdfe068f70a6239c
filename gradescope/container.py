"""A container by runc, with the rights that Docker gives by default, and the memory and the processor that Gradescope gives.

Not as in Docker: the network is this machine's own, so that pip and apt reach what they reach here; and there is no filter
of system calls around the whole container, only the workers' own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Docker's default, CapEff 0xa80425fb
CAPABILITIES = (
    *(
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FSETID",
        "CAP_FOWNER",
        "CAP_MKNOD",
        "CAP_NET_RAW",
        "CAP_SETGID",
        "CAP_SETUID",
    ),
    *("CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"),
)
_MASKED = (
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"),
    *("/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"),
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_CGROUPS = Path("/sys/fs/cgroup")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PERIOD = 100_000  # microseconds
_LOOKS_PER_SECOND = 4


class ContainerError(Exception):
    """A container could not be made or started; the message says why."""


@dataclass(frozen=True)
class Limits:
    """What the container may use; None = all that there is.

    Attributes:
        memory_mib: memory.
        cpus: processors.
    """

    memory_mib: int | None = None
    cpus: float | None = None


@dataclass(frozen=True)
class Bind:
    """A file or folder of this machine that is seen in the container."""

    source: Path
    target: str
    writable: bool = False


@dataclass
class Ran:
    """How it went.

    Attributes:
        status: exit status of the command.
        output: what it printed.
        peak_mib: the most memory that its processes had together, seen a few times a second; None = not known.
        out_of_memory: whether the kernel ended a process for want of memory.
    """

    status: int
    output: str
    peak_mib: float | None = None
    out_of_memory: bool = False


@dataclass
class _Watch:
    """Reads a cgroup while the container runs."""

    name: str
    peak: float | None = None
    killed: bool = False
    _memory: Path = field(init=False)

    def __post_init__(self) -> None:
        # the first version of cgroups has a folder for memory, the second one for all
        self._memory = _CGROUPS / "memory" if (_CGROUPS / "memory").is_dir() else _CGROUPS

    def look(self) -> None:
        """Note the memory in use, without what the kernel keeps of files, and whether it has ended a process."""
        folder = self._memory / "headmaster" / self.name
        facts = _facts(folder / "memory.stat")
        used = facts.get("total_rss", facts.get("anon"))
        if used is not None:
            self.peak = max(self.peak or 0.0, used / (1 << 20))
        ends = _facts(folder / "memory.oom_control") | _facts(folder / "memory.events")
        self.killed = self.killed or ends.get("oom_kill", 0) > 0


def _facts(file: Path) -> dict[str, int]:
    """The numbers in a file with a name and a number on each line; none if it is not there."""
    try:
        lines = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdecimal()}


def problem() -> str:
    """Why no container can be made here; "" if one can."""
    if sys.platform != "linux":
        return "it is no Linux"
    if os.geteuid() != 0:
        return "it takes root"
    missing = [name for name in ("debootstrap", "runc") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} missing: apt-get install {' '.join(missing)}"
    with tempfile.TemporaryDirectory(prefix="headmaster-") as folder:
        places = [Path(folder, name) for name in ("lower", "upper", "work", "merged")]
        for place in places:
            place.mkdir()
        done = _mount(*places)
        if done.returncode != 0:
            return f"overlay file systems cannot be mounted: {done.stderr.strip()}"
        _unmount(places[-1])
    return ""


def can_limit() -> bool:
    """Whether memory and processor can be limited: whether new groups can be made for both."""
    if (_CGROUPS / "cgroup.controllers").is_file():
        controllers = (_CGROUPS / "cgroup.controllers").read_text(encoding="ascii").split()
        return {"memory", "cpu"} <= set(controllers) and os.access(_CGROUPS, os.W_OK)
    for name in ("memory", "cpu"):
        probe = _CGROUPS / name / f"headmaster-{uuid.uuid4().hex}"
        try:
            probe.mkdir()
            probe.rmdir()
        except OSError:
            return False
    return True


@contextmanager
def layered(lower: Sequence[Path], upper: Path) -> Iterator[Path]:
    """A file system of layers: what is written goes into the upper one.

    Args:
        lower: read-only layers, the topmost first.
        upper: made if it is not there.

    Yields:
        Where it is mounted.

    Raises:
        ContainerError: it cannot be mounted.
    """
    work, merged = (upper.with_name(f"{upper.name}.{name}") for name in ("work", "merged"))
    for folder in (upper, work, merged):
        folder.mkdir(parents=True, exist_ok=True)
    done = _mount(Path(":".join(map(str, lower))), upper, work, merged)
    if done.returncode != 0:
        raise ContainerError(f"layers cannot be mounted: {done.stderr.strip()}")
    try:
        yield merged
    finally:
        _unmount(merged)
        merged.rmdir()
        shutil.rmtree(work, ignore_errors=True)


def _mount(lower: Path, upper: Path, work: Path, merged: Path) -> "subprocess.CompletedProcess[str]":
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
    command = ["mount", "-t", "overlay", "overlay", "-o", layers, str(merged)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _unmount(merged: Path) -> None:
    if subprocess.run(["umount", str(merged)], capture_output=True, check=False).returncode != 0:
        subprocess.run(["umount", "--lazy", str(merged)], capture_output=True, check=False)


def run(
    rootfs: Path,
    command: Sequence[str],
    *,
    binds: Sequence[Bind] = (),
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    seconds: float = 3600,
) -> Ran:
    """Run a command as root in a new container; all its processes are gone when this returns.

    Args:
        rootfs: its root.
        command: what is run in /autograder.
        binds: what it sees of this machine.
        environment: besides PATH, HOME and the like.
        limits: memory and processor.
        seconds: it is ended after that: for our own faults, not for those of submissions.

    Raises:
        ContainerError: runc could not start it, or the time was up.
    """
    name = f"headmaster-{uuid.uuid4().hex[:12]}"
    watch = _Watch(name)
    with tempfile.TemporaryDirectory(prefix="headmaster-bundle-") as bundle, tempfile.TemporaryFile() as output:
        config = _config(rootfs, command, name, binds, environment or {}, limits or Limits())
        Path(bundle, "config.json").write_text(json.dumps(config), encoding="utf-8")
        started = ["runc", "run", "--bundle", bundle, name]
        process = subprocess.Popen(started, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            status = _wait(process, watch, seconds)
        finally:
            subprocess.run(["runc", "delete", "--force", name], capture_output=True, check=False)
            process.kill()
            process.wait()
        output.seek(0)
        printed = output.read().decode("utf-8", errors="replace")
    if status is None:
        raise ContainerError(f"the container did not end within {seconds:g} seconds:\n{printed[-2000:]}")
    if "runc run failed" in printed:
        raise ContainerError(f"runc cannot start a container here: {printed.strip()[-500:]}")
    return Ran(status, printed, watch.peak, watch.killed)


def _wait(process: "subprocess.Popen[bytes]", watch: _Watch, seconds: float) -> int | None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            return process.wait(timeout=1 / _LOOKS_PER_SECOND)
        except subprocess.TimeoutExpired:
            watch.look()
    return None


def _config(
    rootfs: Path,
    command: Sequence[str],
    name: str,
    binds: Sequence[Bind],
    environment: Mapping[str, str],
    limits: Limits,
) -> dict[str, Any]:
    """The file that runc reads (github.com/opencontainers/runtime-spec)."""
    variables = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8"} | dict(environment)
    resources: dict[str, Any] = {"devices": [{"allow": False, "access": "rwm"}]}
    if limits.memory_mib is not None:
        resources["memory"] = {"limit": limits.memory_mib << 20}
    if limits.cpus is not None:
        resources["cpu"] = {"quota": int(limits.cpus * _PERIOD), "period": _PERIOD}
    return {
        "ociVersion": "1.0.2",
        "hostname": "autograder",
        "root": {"path": str(rootfs)},
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": list(command),
            "cwd": "/autograder",
            "env": [f"{key}={value}" for key, value in variables.items()],
            "capabilities": {kind: list(CAPABILITIES) for kind in ("bounding", "effective", "permitted")},
            "noNewPrivileges": False,
        },
        "mounts": [*_MOUNTS, *(_bound(bind) for bind in binds)],
        "linux": {
            "cgroupsPath": f"/headmaster/{name}",
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
            "resources": resources,
            "maskedPaths": list(_MASKED),
            "readonlyPaths": list(_READ_ONLY),
        },
    }


_MOUNTS: tuple[dict[str, Any], ...] = (
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {
        "destination": "/dev",
        "type": "tmpfs",
        "source": "tmpfs",
        "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
        "destination": "/dev/pts",
        "type": "devpts",
        "source": "devpts",
        "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    {
        "destination": "/dev/shm",
        "type": "tmpfs",
        "source": "shm",
        "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
    },
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
)


def _bound(bind: Bind) -> dict[str, Any]:
    options = ["rbind", "rw" if bind.writable else "ro"]
    return {"destination": bind.target, "type": "bind", "source": str(bind.source), "options": options}
