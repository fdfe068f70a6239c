"""Has the kernel signal the judge, by naming it the owner of a pipe on which something happens.

catalogue: 47
stopped by: landlock
naive: yes
"""

import fcntl
import os
import signal

from targets import JUDGE

read, write = os.pipe()
try:
    fcntl.fcntl(read, fcntl.F_SETOWN, JUDGE)
    fcntl.fcntl(read, 10, signal.SIGUSR2)  # F_SETSIG
    fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC)
    os.write(write, b"x")
    print("refused, if nothing has arrived")
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
