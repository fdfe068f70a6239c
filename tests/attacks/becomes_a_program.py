"""Replaces itself by another program, which knows nothing of the worker's patience.

catalogue: 54
stopped by: seccomp
naive: yes
"""

import os

from targets import MARK, OPEN

try:
    os.execv("/bin/sh", ["sh", "-c", f"echo done > {OPEN}/{MARK}"])
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
