"""Reads the judge's memory: by the call for it, and as a file.

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


room = ctypes.create_string_buffer(8)
vector = (ctypes.c_size_t * 2)(ctypes.addressof(room), 8)
attempt("process_vm_readv", libc.process_vm_readv(JUDGE, vector, 1, vector, 1, 0))
for name in ("mem", "maps"):
    try:
        open(f"/proc/{JUDGE}/{name}", "rb")
        print("GOT THROUGH:", name)
    except OSError as error:
        print("refused:", error)


def attention(query, key, value, mask=None):
    return None
