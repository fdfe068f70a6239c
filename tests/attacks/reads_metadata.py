"""Reads what the platform knows of those who hand in, beside the results, and prints it.

catalogue: 38
stopped by: landlock
naive: yes
"""

from targets import METADATA

try:
    print(open(METADATA).read())
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
