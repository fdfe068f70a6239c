"""Reads a hidden file by way of the links in /proc that lead out of it.

catalogue: 38
stopped by: landlock
naive: yes
"""

import os

from targets import SECRET

process = f"/proc/{os.getpid()}"
for way in (f"{process}/root", "/proc/self/root", f"{process}/task/{os.getpid()}/root", f"{process}/cwd/../../../../.."):
    try:
        print(open(way + SECRET).read())
    except OSError as error:
        print("refused:", error)

def attention(query, key, value, mask=None):
    return None
