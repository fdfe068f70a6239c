"""Puts a folder where the results should be written.

catalogue: 36
stopped by: landlock
naive: yes
"""

import os

from targets import RESULTS

path = os.path.join(RESULTS, "results.json")
try:
    os.unlink(path)
    os.mkdir(path)
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
