"""Answers with numbers that no format holds, or that take long to read.

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
    number = [b"1e400", b"9" * 50_000, b"NaN", b"-Infinity", b"1" + b"0" * 4000][os.getpid() % 5]
    text = b'[["ok",' + number + b"],[]]"
    os.write(3, b"HMW1" + nonce + len(text).to_bytes(4, "big") + bytes(8) + text)
