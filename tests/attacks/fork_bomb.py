"""Makes processes that make processes; here few, and they end at once.

catalogue: 51
stopped by: seccomp
naive: yes
"""

import os

for _ in range(4):
    try:
        if (child := os.fork()) == 0:
            os._exit(0)
        os.waitpid(child, 0)
        print("GOT THROUGH")
    except OSError as error:
        print("refused:", error)

def attention(query, key, value, mask=None):
    return None
