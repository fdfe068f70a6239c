"""Sends open files and ancillary data with its bytes.

catalogue: 50, 61
stopped by: worker
naive: no (there is no wire in a naive grader)
"""

import os
import socket

connection = socket.socket(fileno=os.dup(3))
for _ in range(20):
    socket.send_fds(connection, [b"HMW1"], [0, 1, 3] * 20)

def attention(query, key, value, mask=None):
    return None
