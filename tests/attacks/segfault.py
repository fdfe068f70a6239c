"""Reads an address that does not exist, which ends the process it runs in.

catalogue: 19
stopped by: worker
naive: yes
"""

import ctypes


def attention(query, key, value, mask=None):
    return ctypes.string_at(0)
