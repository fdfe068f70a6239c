"""Looks around: other submissions, homes, keys, the accounts.

catalogue: 39
stopped by: landlock
naive: yes
"""

import os

for path in ("/", "/tmp", "/root", "/home", "/etc", "/proc", "/var", "/run"):
    try:
        print("GOT THROUGH:", path, os.listdir(path))
    except OSError as error:
        print("refused:", error)
try:
    print("GOT THROUGH", open("/etc/passwd").read())
except OSError as error:
    print("refused:", error)


def attention(query, key, value, mask=None):
    return None
