"""Leaves files where the next submission may find them.

catalogue: 41, 42
stopped by: landlock
naive: yes
"""

import os

from targets import MARK, OPEN

for folder in ("/tmp", "/var/tmp", "/dev/shm", OPEN, os.path.expanduser("~"), "."):
    try:
        with open(os.path.join(folder, MARK), "w") as file:
            file.write("the answer is 42")
    except OSError as error:
        print("refused:", error)

def attention(query, key, value, mask=None):
    return None
