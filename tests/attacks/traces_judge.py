"""Attaches itself to the judge as a debugger does.

catalogue: 48
stopped by: seccomp
naive: no (a process cannot trace itself)
"""

import ctypes
import os

from targets import JUDGE

libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, result):
    error = ctypes.get_errno()
    print("GOT THROUGH:" if result >= 0 else "refused:", name, os.strerror(error) if result < 0 else "")

for request in (16, 0x4206):  # ATTACH, SEIZE
    attempt("ptrace", libc.ptrace(request, JUDGE, 0, 0))
    libc.ptrace(17, JUDGE, 0, 0)

def attention(query, key, value, mask=None):
    return None
