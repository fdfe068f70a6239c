"""Asks for more memory than the machine has, shared, so that it counts for nobody.

catalogue: 55
stopped by: rlimits
naive: yes
"""

import mmap

try:
    room = mmap.mmap(-1, 1 << 36, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | 0x4000)  # MAP_NORESERVE
    print("GOT THROUGH", len(room))
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
