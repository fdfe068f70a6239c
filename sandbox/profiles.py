"""The kinds of workers: what each may do besides computing.

`cpu`       for checks: no process, no program, no folder that it may write to
`cuda`      the same with the device files and calls that CUDA needs
`script`    for homeworks whose commands are run as programs: processes of this Python, and a folder of its own
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """What a worker of one kind may do that one for the CPU may not.

    Attributes:
        calls: system calls that are allowed though `seccomp.FORBIDDEN` lists them.
        feigned: system calls that do nothing and say that they did: files of others must keep their modes and times, and
            copying one with its mode must not fail.
        processes: whether it may make processes and run this Python in them.
        devices, readable: patterns of device files that it may use, and of files that it may read.
        reserves_memory: whether it reserves far more addresses than it uses, so that only its data can be limited.
        open_files: the least number of descriptors that it needs.
    """

    calls: frozenset[str] = frozenset()
    feigned: frozenset[str] = frozenset()
    processes: bool = False
    devices: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    reserves_memory: bool = False
    open_files: int = 0


PROFILES = {
    "cpu": Profile(),
    # docs.nvidia.com/cuda (environment variables, unified memory) and the driver's device files; not tried on a GPU yet
    "cuda": Profile(
        calls=frozenset({"memfd_create"}),
        devices=(
            "/dev/nvidiactl",
            "/dev/nvidia-uvm",
            "/dev/nvidia-uvm-tools",
            "/dev/nvidia[0-9]*",
            "/dev/nvidia-caps/*",
        ),
        readable=(
            "/proc/driver/nvidia",
            "/proc/devices",
            "/sys/bus/pci/devices",
            "/sys/module/nvidia",
            "/sys/devices/pci*",
        ),
        reserves_memory=True,
        open_files=1024,
    ),
    "script": Profile(
        calls=frozenset(
            {
                *("execve", "fork", "vfork", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat"),
                *("rename", "renameat", "renameat2", "truncate"),
            }
        ),
        feigned=frozenset(
            {"chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "utimensat", "futimesat"},
        ),
        processes=True,
    ),
}
