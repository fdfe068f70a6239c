"""Answers with lists in lists, deeper than a parser can follow.

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
    text = b"[" * 100_000 + b"]" * 100_000
    os.write(3, b"HMW1" + nonce + len(text).to_bytes(4, "big") + bytes(8) + text)
