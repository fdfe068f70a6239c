"""Opens sockets to the kernel itself and to the host of a virtual machine.

catalogue: 53, 57
stopped by: seccomp
naive: yes
"""

import socket

for family, kind in ((16, socket.SOCK_RAW), (17, socket.SOCK_RAW), (38, socket.SOCK_SEQPACKET), (40, socket.SOCK_STREAM)):
    try:
        print("GOT THROUGH", socket.socket(family, kind))
    except OSError as error:
        print("refused:", error)

def attention(query, key, value, mask=None):
    return None
