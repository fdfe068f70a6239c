"""Connects to a service of the same machine, such as its log or its container manager.

catalogue: 53
stopped by: seccomp
naive: yes
"""

import socket

from targets import SOCKET

try:
    socket.socket(socket.AF_UNIX).connect(SOCKET)
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
