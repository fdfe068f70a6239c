"""Kills the process that judges.

catalogue: 47
stopped by: seccomp
naive: yes
"""

import os
import signal

from targets import JUDGE

try:
    os.kill(JUDGE, signal.SIGKILL)
    print("GOT THROUGH")
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
