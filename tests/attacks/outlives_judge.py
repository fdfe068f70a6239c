"""Takes back that it ends with the process that started it.

catalogue: 60
stopped by: seccomp
naive: no (a naive grader asks for no such thing)
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, result):
    error = ctypes.get_errno()
    print("GOT THROUGH:" if result >= 0 else "refused:", name, os.strerror(error) if result < 0 else "")

attempt("PR_SET_PDEATHSIG", libc.prctl(1, 0, 0, 0, 0))

def attention(query, key, value, mask=None):
    return None
