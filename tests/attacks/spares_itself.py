"""Makes itself the last that is ended when memory is short.

catalogue: 60
stopped by: landlock
naive: yes
"""

import ctypes

ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: its files in /proc are its own again
try:
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
    print("GOT THROUGH")
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
