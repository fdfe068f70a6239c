"""Gives the results and their attributes to another user.

catalogue: 36
stopped by: seccomp
naive: yes
"""

import os

from targets import RESULTS

attempts = [lambda: os.chown(RESULTS, 12345, 12345), lambda: os.setxattr(RESULTS, "user.mine", b"1")]
attempts.append(lambda: os.utime(RESULTS, (0, 0)))
for attempt in attempts:
    try:
        attempt()
        print("GOT THROUGH")
    except OSError as error:
        print("refused:", error)

def attention(query, key, value, mask=None):
    return None
