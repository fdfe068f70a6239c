"""Looks for descriptors that somebody forgot to close.

catalogue: 50
stopped by: worker
naive: yes
"""

import os

for number in range(4, 65536):
    try:
        print("GOT THROUGH:", number, os.fstat(number))
    except OSError:
        pass

def attention(query, key, value, mask=None):
    return None
