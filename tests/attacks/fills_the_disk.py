"""Makes many files and a large one in a folder that every user may write to.

catalogue: 42
stopped by: landlock
naive: yes
"""

import os

from targets import MARK, OPEN

for n in range(100):
    try:
        os.mkdir(os.path.join(OPEN, f"{MARK}{n}"))
        os.mkfifo(os.path.join(OPEN, f"{MARK}{n}", "pipe"))
    except OSError as error:
        print("refused:", error)
try:
    with open(os.path.join(OPEN, "sparse"), "wb") as file:
        file.truncate(1 << 30)
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
