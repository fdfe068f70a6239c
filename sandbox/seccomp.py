"""Which calls to the kernel a worker may make: what computing needs. All others fail with EPERM, and the process goes on.

Nothing here is about files that are opened for reading (see `landlock.py`); it closes what Landlock and a user id leave open:
new processes, other programs, sockets, owners and modes of files, other processes' memory and priorities, namespaces, and the
parts of the kernel that have been broken into most often.
"""

import errno
import os
from functools import cache
from typing import Any

from .profiles import PROFILES, Profile

seccompy: Any
try:
    import seccompy
    from seccompy import _syscall, bpf
except ImportError:  # macOS, or an installation without it
    seccompy = None

CLONE_THREAD = 0x00010000
# CLONE_NEW…: namespaces of mounts, control groups, host names, IPC, users, processes, networks
_NEW_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
_LOW_HALF = 0xFFFFFFFF  # numbers of processes and commands are 32 bits wide
_X32 = 0x40000000  # the bit of the second numbering of calls that x86-64 kernels may know

# by what they would do; the names of calls that this architecture lacks are passed over
FORBIDDEN = {
    "other programs": ("execve", "execveat", "fork", "vfork"),
    "sockets": ("socket", "connect", "bind", "listen", "accept", "accept4"),
    "owners, modes and times of files": (
        *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
        *("setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr"),
        *("removexattrat", "utime", "utimes", "utimensat", "futimesat", "file_setattr"),
    ),
    "names in folders": (
        *("mknod", "mknodat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2"),
        *("link", "linkat", "symlink", "symlinkat", "truncate"),
    ),
    "other processes": (
        *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp"),
        *("pidfd_open", "pidfd_getfd", "pidfd_send_signal"),
        *("sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr", "setpriority", "ioprio_set"),
        *("migrate_pages", "move_pages", "setpgid", "setsid"),
    ),
    "memory that is shared": (
        *("memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl"),
        *("semget", "semop", "semtimedop", "semctl", "mq_open", "mq_unlink"),
    ),
    "namespaces and mounts": (
        *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount"),
        *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "statmount", "listmount"),
    ),
    "watching": (
        *("inotify_init", "inotify_init1", "inotify_add_watch", "fanotify_init", "fanotify_mark"),
        *("perf_event_open", "lookup_dcookie", "syslog"),
    ),
    "the kernel itself": (
        *("bpf", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key"),
        *("request_key", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot"),
        *("swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "settimeofday", "clock_settime", "clock_adjtime"),
        *("adjtimex", "sethostname", "setdomainname", "iopl", "ioperm", "modify_ldt", "personality", "vhangup"),
        *("name_to_handle_at", "open_by_handle_at", "nfsservctl", "uselib", "_sysctl", "ustat", "sysfs"),
    ),
}
# calls that take the number of a process first: only the worker's own, or 0, which means the same
_OWN_PROCESS_ONLY = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "prlimit64")


@cache
def supported() -> bool:
    """Whether filters can be installed here. The library's first call looks for libc, which a confined process cannot."""
    if seccompy is None:
        return False
    try:
        return bool(seccompy.supported())
    except seccompy.SeccompError:
        return False


@cache
def _common(profile: Profile) -> bytes:
    """The program that is the same for every worker of a kind; the zygote makes that of most workers once."""
    rules = seccompy.Filter(seccompy.Action.ALLOW)
    for names in FORBIDDEN.values():
        for name in names:
            if name in profile.feigned:
                _deny(rules, name, 0)
            elif name not in profile.calls:
                _deny(rules, name)
    # threads are made by clone too; clone3, whose arguments lie where a filter cannot read, is said not to be there
    if profile.processes:
        for flag in _NEW_NAMESPACES:
            _deny(rules, "clone", args=[seccompy.ArgCmp(0, seccompy.CmpOp.MASKED_EQ, flag, mask=flag)])
    else:
        _deny(rules, "clone", args=[seccompy.ArgCmp(0, seccompy.CmpOp.MASKED_EQ, 0, mask=CLONE_THREAD)])
    _deny(rules, "clone3", errno.ENOSYS)
    # the two ends of a pair of datagram sockets can each send to whoever has an address
    for kind in (2, 3):
        _deny(rules, "socketpair", args=[seccompy.ArgCmp(1, seccompy.CmpOp.MASKED_EQ, kind, mask=0xF)])
    _deny(rules, "socketpair", args=[seccompy.ArgCmp(0, seccompy.CmpOp.NE, 1)])
    _deny(rules, "prctl", args=[seccompy.ArgCmp(0, seccompy.CmpOp.MASKED_EQ, 1, mask=_LOW_HALF)])
    for command in (TIOCSTI, TIOCLINUX):
        _deny(rules, "ioctl", args=[seccompy.ArgCmp(1, seccompy.CmpOp.MASKED_EQ, command, mask=_LOW_HALF)])
    program: bytes = rules.program
    return program


def prepare() -> None:
    """Do what costs time once, in the process that workers are forked from."""
    if supported():
        _common(PROFILES["cpu"])


def restrict(profile: Profile = PROFILES["cpu"], children: bool = False) -> bool:
    """Deny the calling process all that is listed here and not allowed to its kind, for good.

    Args:
        profile: its kind.
        children: whether one that may make processes may also signal any, since something else keeps others out of reach.

    Returns:
        Whether the kernel enforces it.
    """
    if not supported():
        return False
    own = os.getpid()
    rules = seccompy.Filter(seccompy.Action.ALLOW)
    anyone = profile.processes and children
    for name in _OWN_PROCESS_ONLY:
        if anyone and name != "prlimit64":
            continue
        for number in (own, 0) if name == "prlimit64" else (own,):
            only = [seccompy.ArgCmp(0, seccompy.CmpOp.MASKED_EQ, number, mask=_LOW_HALF)]
            if name == "prlimit64":
                only.append(seccompy.ArgCmp(2, seccompy.CmpOp.EQ, 0))
            rules.allow(name, args=only)
        _deny(rules, name)
    _deny(rules, "setrlimit")
    if not anyone:
        _deny(rules, "tkill")  # of threads by their number alone; tgkill names the process
    rules.load()
    # of several filters, the kernel takes the strictest answer
    if seccompy.audit_arch() == seccompy.AUDIT_ARCH_X86_64:
        _syscall.set_mode_filter(_without_x32())
    _syscall.set_mode_filter(_common(profile))
    return True


def _deny(rules: Any, name: str, error: int = errno.EPERM, args: Any = None) -> None:
    try:
        rules.errno(name, error, args=args)
    except ValueError:
        pass  # no such call on this architecture, or none that the library knows


def _without_x32() -> bytes:
    """Deny the calls of the x32 numbering, by which the names above could be gone around."""
    program = [
        bpf.Load(0),  # the number of the call
        bpf.Jump(bpf.BPF_JSET, _X32, "deny", None),
        bpf.Ret(int(seccompy.Action.ALLOW)),
        bpf.Ret(int(seccompy.Action.ERRNO) | errno.EPERM),
    ]
    return bpf.assemble(program, {"deny": 3})
