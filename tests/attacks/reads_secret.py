"""Reads a hidden file whose path it knows, and prints it.

catalogue: 38
stopped by: landlock
naive: yes
"""

from targets import SECRET

try:
    print(open(SECRET).read())
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
