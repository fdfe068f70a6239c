"""A container as Docker makes it by default, written for runc: its capabilities, namespaces, mounts and system calls."""

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .place import EnvironmentMissing, Place

PROFILE = Path(__file__).parent / "docker-seccomp.json"
# Docker's oci/caps/defaults.go; together 0xa80425fb
CAPABILITIES = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"),
    *("CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"),
    *("CAP_AUDIT_WRITE",),
)
# Docker's names of architectures, and libseccomp's
_MACHINES = {"x86_64": ("amd64", "SCMP_ARCH_X86_64"), "aarch64": ("arm64", "SCMP_ARCH_AARCH64")}
_NONE_SAFE = ["nosuid", "noexec", "nodev"]
# of /etc, what an image has and an interpreter looks at
_ETC = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "localtime", "timezone", "os-release")


def seccomp(profile: Mapping[str, object], machine: str, kernel: tuple[int, int]) -> dict[str, object]:
    """Docker's profile as runc reads it: only the entries that hold for this machine and `CAPABILITIES`.

    It is what `setupSeccomp` in Docker's profiles/seccomp/seccomp_linux.go does.

    Args:
        profile: the parsed `docker-seccomp.json`.
        machine: as `platform.machine()` says it.
        kernel: its version, the first two numbers.

    Raises:
        EnvironmentMissing: it is a machine that is not known here.
    """
    if machine not in _MACHINES:
        known = ", ".join(_MACHINES)
        raise EnvironmentMissing(f"the container's profile is known for {known}, and this machine is {machine}")
    name, native = _MACHINES[machine]
    found = next(entry for entry in profile["archMap"] if entry["architecture"] == native)  # type: ignore[attr-defined]
    calls = []
    for entry in profile["syscalls"]:  # type: ignore[attr-defined]
        wanted, unwanted = entry.get("includes") or {}, entry.get("excludes") or {}
        holds = (
            (not wanted.get("arches") or name in wanted["arches"])
            and set(wanted.get("caps") or ()) <= set(CAPABILITIES)
            and (not wanted.get("minKernel") or kernel >= _version(wanted["minKernel"]))
            and name not in (unwanted.get("arches") or ())
            and not set(unwanted.get("caps") or ()) & set(CAPABILITIES)
            and (not unwanted.get("minKernel") or kernel < _version(unwanted["minKernel"]))
        )
        if holds:
            calls.append({key: entry[key] for key in ("names", "action", "errnoRet", "args") if entry.get(key)})
    return {
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": [native, *(found["subArchitectures"] or ())],
        "syscalls": calls,
    }


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()) or 0)


def config(root: Path, place: Place, command: Sequence[str], environment: Mapping[str, str]) -> dict[str, object]:
    """The container's config.json.

    Args:
        root: the folder that becomes /, writable, as an image's layers are.
        place: what is seen inside at the same path, read-only.
        command: what runs, in the copy of the checkout.
        environment: all variables that it has.

    Raises:
        EnvironmentMissing: it is a machine that is not known here.
    """
    profile = json.loads(PROFILE.read_text(encoding="utf-8"))
    folders = list(dict.fromkeys(["/usr", str(place.base), str(place.folder)]))
    shown = [folder for folder in folders if folder == "/usr" or not folder.startswith("/usr/")]
    read_only = {"type": "bind", "options": ["rbind", "ro", "nosuid", "nodev"]}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            # the kernel lets no process of a container kill its first one: that is not to be the judge's protection
            "args": ["/bin/sh", "-c", '"$@"; exit "$?"', "sh", *command],
            "env": [f"{name}={value}" for name, value in environment.items()],
            "cwd": str(place.checkout),
            "capabilities": {kind: list(CAPABILITIES) for kind in ("bounding", "permitted", "effective")},
            "noNewPrivileges": False,
        },
        "root": {"path": str(root), "readonly": False},
        "hostname": "container",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": _NONE_SAFE},
            _tmpfs("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
            },
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*_NONE_SAFE, "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", *_NONE_SAFE]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": _NONE_SAFE},
            _tmpfs("/dev/shm", "shm", [*_NONE_SAFE, "mode=1777", "size=67108864"]),
            *({"destination": folder, "source": folder, **read_only} for folder in shown),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("mount", "network", "uts", "pid", "ipc")],
            "resources": {"devices": [{"allow": False, "access": "rwm"}, *_devices()]},
            "maskedPaths": [
                *("/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"),
                *("/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"),
                "/sys/devices/virtual/powercap",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "seccomp": seccomp(profile, platform.machine(), _version(platform.release())),
        },
    }


def _tmpfs(path: str, source: str, options: list[str]) -> dict[str, object]:
    return {"destination": path, "type": "tmpfs", "source": source, "options": options}


def _devices() -> Iterator[dict[str, object]]:
    for major, minor in ((1, 3), (1, 5), (1, 8), (1, 9), (5, 0), (5, 1)):
        yield {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}


def runc() -> str:
    """The path of runc.

    Raises:
        EnvironmentMissing: it is not installed, or this is not root.
    """
    found = shutil.which("runc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise EnvironmentMissing("runc is not installed: `make runc` as root, or apt-get install runc")
    if os.geteuid() != 0:
        raise EnvironmentMissing("a container as Docker makes it needs root: run as root")
    return found


@contextmanager
def contained(place: Place, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[list[str]]:
    """A command line that runs another one in a fresh container; whatever is left of the container is ended afterwards.

    Raises:
        EnvironmentMissing: see `runc` and `config`.
    """
    program = runc()
    bundle = Path(tempfile.mkdtemp(prefix="headmaster-container-"))  # it alone may enter
    root, state, name = bundle / "root", bundle / "state", bundle.name
    _image(root)
    (bundle / "config.json").write_text(json.dumps(config(root, place, command, environment)))
    line = [program, "--root", str(state), "run", "--bundle", str(bundle), name]
    try:
        yield line
    finally:
        end = [program, "--root", str(state), "delete", "--force", name]
        subprocess.run(end, capture_output=True, check=False, timeout=60)
        shutil.rmtree(bundle)


def _image(root: Path) -> None:
    """An almost empty system, whose programs and libraries are those of /usr."""
    for name in ("proc", "dev", "sys", "usr", "etc", "run", "home", "opt", "srv", "mnt", "var", "var/lib"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, mode in (("root", 0o700), ("tmp", 0o1777), ("var/tmp", 0o1777)):
        (root / name).mkdir(mode=mode)
        (root / name).chmod(mode)
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if Path("/", name).is_symlink():  # into /usr, as all of today's distributions have it
            (root / name).symlink_to(os.readlink(Path("/", name)))
    for name in _ETC:
        if Path("/etc", name).is_file():
            shutil.copyfile(Path("/etc", name), root / "etc" / name)
            (root / "etc" / name).chmod(0o644)
