"""Makes memory that other processes can be handed, and shortened under their hands.

catalogue: 55, 58
stopped by: seccomp
naive: yes
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, result):
    error = ctypes.get_errno()
    print("GOT THROUGH:" if result >= 0 else "refused:", name, os.strerror(error) if result < 0 else "")

attempt("memfd_create", libc.memfd_create(b"x", 0))
attempt("shmget", libc.shmget(0, 4096, 0o1600))

def attention(query, key, value, mask=None):
    return None
