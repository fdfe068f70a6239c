"""Announces tensors that its bytes do not hold, or that share them.

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
    table = [b'["float32",[1000000,1000000]]', b'["float32",[-1]]', b'["object",[1]]', b'["float32",[1e3]]'][os.getpid() % 4]
    text = b'[["ok",{"$tuple":[{"$tensor":0},{"$tensor":0}]}],[' + table + b"]]"
    os.write(3, b"HMW1" + nonce + len(text).to_bytes(4, "big") + bytes(7) + b"\x10" + text + bytes(16))
