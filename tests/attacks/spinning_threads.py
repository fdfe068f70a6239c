"""Leaves threads that compute for ever.

catalogue: 21, 72, 74
stopped by: worker
naive: no (they end with the process)
"""

import threading


def spin():
    while True:
        pass


for _ in range(4):
    threading.Thread(target=spin, daemon=True).start()


def attention(query, key, value, mask=None):
    return None
