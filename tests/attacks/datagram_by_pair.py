"""Makes a pair of sockets, which is no call to `socket`, and sends a datagram to somebody else from it.

catalogue: 53
stopped by: seccomp
naive: yes
"""

import socket

from targets import DATAGRAM

for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):  # which is the same for local ones
    try:
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        one.sendto(b"hello", DATAGRAM)
    except OSError as error:
        print("refused:", error)


def attention(query, key, value, mask=None):
    return None
