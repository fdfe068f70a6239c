"""Asks for the size and the time of a hidden file, which needs no right to read it.

catalogue: 40
stopped by: uid
naive: yes
"""

import os

from targets import SECRET

try:
    print("GOT THROUGH", os.stat(SECRET))
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
