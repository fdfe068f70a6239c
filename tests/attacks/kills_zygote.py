"""Kills the process that started it.

catalogue: 47
stopped by: seccomp
naive: no (that would be the test)
"""

import os
import signal

try:
    os.kill(os.getppid(), signal.SIGKILL)
    print("GOT THROUGH")
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
