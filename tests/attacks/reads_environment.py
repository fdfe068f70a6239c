"""Looks for tokens in its own environment and in that of the grader.

catalogue: 39
stopped by: landlock
naive: yes
"""

import os

from targets import JUDGE

print(dict(os.environ), os.environb)
for number in (JUDGE, os.getppid()):
    try:
        print("GOT THROUGH", open(f"/proc/{number}/environ").read())
    except OSError as error:
        print("refused:", error)

def attention(query, key, value, mask=None):
    return None
