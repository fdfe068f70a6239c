"""Runs a command of the system.

catalogue: 54
stopped by: seccomp
naive: yes
"""

import os
import subprocess

from targets import MARK, OPEN

try:
    subprocess.run(["/bin/sh", "-c", f"echo done > {OPEN}/{MARK}"])
except OSError as error:
    print("refused:", error)
try:
    os.posix_spawn("/bin/true", ["true"], {})
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
