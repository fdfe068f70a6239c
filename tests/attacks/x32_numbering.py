"""Makes a process by the second number that this call may have.

catalogue: 56
stopped by: seccomp
only: x86_64
naive: no (few kernels know it)
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, result):
    error = ctypes.get_errno()
    print("GOT THROUGH:" if result >= 0 else "refused:", name, os.strerror(error) if result < 0 else "")

child = libc.syscall(57 | 0x40000000)
if child == 0:
    os._exit(0)
attempt("fork", child)

def attention(query, key, value, mask=None):
    return None
