"""Makes a process by the older and the newer call below the usual one.

catalogue: 51, 52
stopped by: seccomp
only: x86_64
naive: no (two copies of a grader would write)
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, result):
    error = ctypes.get_errno()
    print("GOT THROUGH:" if result >= 0 else "refused:", name, os.strerror(error) if result < 0 else "")


for name, number, first in (("clone", 56, 17), ("fork", 57, 0), ("vfork", 58, 0), ("clone3", 435, 0)):
    room = ctypes.create_string_buffer(b"\0" * 32 + b"\x11" + b"\0" * 55)  # exit_signal = SIGCHLD
    child = libc.syscall(number, ctypes.byref(room), 88) if name == "clone3" else libc.syscall(number, first, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    attempt(name, child)


def attention(query, key, value, mask=None):
    return None
