"""Leaves a process that outlives the grading and writes the results afterwards.

catalogue: 52
stopped by: seccomp
naive: yes
"""

import os
import time

from targets import MARK, OPEN

try:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(0.2)
            open(os.path.join(OPEN, MARK), "w").close()
        os._exit(0)
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
