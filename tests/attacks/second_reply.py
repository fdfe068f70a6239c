"""Answers with the number of the request, twice: once by itself, once by the worker.

catalogue: 61
stopped by: worker
naive: no (there is no wire in a naive grader)
"""

import os
import sys


def attention(query, key, value, mask=None):
    frame = sys._getframe(1)
    while "nonce" not in frame.f_locals:
        frame = frame.f_back
    text = b'[["ok",{"$tuple":[null,null]}],[]]'
    reply = b"HMW1" + frame.f_locals["nonce"] + len(text).to_bytes(4, "big") + bytes(8) + text
    os.write(3, reply * 3)
