"""Types a command into the terminal from which the grader was started.

catalogue: 59
stopped by: seccomp
naive: no (it would type into the terminal)
"""

import fcntl
import os

for number, path in enumerate((None, None, None, "/dev/tty", "/dev/console", "/dev/ptmx")):
    try:
        descriptor = number if path is None else os.open(path, os.O_RDWR)
        fcntl.ioctl(descriptor, 0x5412, b"x")
        print("GOT THROUGH")
    except OSError as error:
        print("refused:", error)

def attention(query, key, value, mask=None):
    return None
