"""Announces a reply that is larger than any memory.

catalogue: 62
stopped by: worker
naive: no (there is no wire in a naive grader)
"""

import os
import sys


def attention(query, key, value, mask=None):
    frame = sys._getframe(1)
    while "nonce" not in frame.f_locals:
        frame = frame.f_back
    nonce = frame.f_locals["nonce"]
    os.write(3, b"HMW1" + nonce + b"\xff" * 12)
