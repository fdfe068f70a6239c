"""Takes open files and sockets out of other processes.

catalogue: 48
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

for number in (JUDGE, os.getppid()):
    handle = libc.syscall(434, number, 0)  # pidfd_open
    attempt("pidfd_open", handle)
    if handle >= 0:
        attempt("pidfd_getfd", libc.syscall(438, handle, 0, 0))

def attention(query, key, value, mask=None):
    return None
