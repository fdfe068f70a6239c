"""Opens the folder of a hidden file first, as a path alone, and the file from there.

catalogue: 38
stopped by: landlock
naive: yes
"""

import os

from targets import SECRET

folder, name = os.path.split(SECRET)
try:
    descriptor = os.open(folder, os.O_PATH)
    print(os.read(os.open(name, os.O_RDONLY, dir_fd=descriptor), 100))
except OSError as error:
    print("refused:", error)
try:
    os.chdir(folder)
    print(open(name).read())
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
