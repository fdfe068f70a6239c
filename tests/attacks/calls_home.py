"""Connects to a machine that waits for the hidden tests.

catalogue: 53
stopped by: seccomp
naive: yes
"""

import socket

from targets import PORT

for family, kind in ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET6, socket.SOCK_STREAM)):
    try:
        connection = socket.socket(family, kind)
        print("GOT THROUGH")
        connection.connect(("127.0.0.1" if family == socket.AF_INET else "::1", PORT))
    except OSError as error:
        print("refused:", error)

def attention(query, key, value, mask=None):
    return None
