"""Signals every process that it may, every group and every thread by its number.

catalogue: 47
stopped by: seccomp
naive: yes
"""

import ctypes
import os

from targets import JUDGE

libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, result):
    error = ctypes.get_errno()
    print("GOT THROUGH:" if result >= 0 else "refused:", name, os.strerror(error) if result < 0 else "")


attempt("kill -1", libc.kill(-1, 0))
attempt("kill 0", libc.kill(0, 0))
attempt("kill -judge", libc.kill(-JUDGE, 0) if os.getpid() != JUDGE else 0)
attempt("tgkill", libc.tgkill(JUDGE, JUDGE, 0) if hasattr(libc, "tgkill") else -1)
attempt("pidfd_open", libc.syscall(434, JUDGE, 0))


def attention(query, key, value, mask=None):
    return None
