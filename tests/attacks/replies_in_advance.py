"""Sends answers before it is asked, for all requests to come.

catalogue: 50, 61
stopped by: worker
naive: no (there is no wire in a naive grader)
"""

import os
import struct

HEADER = struct.Struct("!4s16sIQ")  # magic, nonce, bytes of JSON, bytes of tensors
TEXT = b'[["ok",null],[]]'
for _ in range(50):
    os.write(3, HEADER.pack(b"HMW1", b"0" * 16, len(TEXT), 0) + TEXT)

def attention(query, key, value, mask=None):
    return None
