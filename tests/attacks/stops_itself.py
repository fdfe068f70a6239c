"""Stops its own process, which then neither answers nor ends.

catalogue: 22, 32
stopped by: judge
naive: no (a hang is a hang)
"""

import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)

def attention(query, key, value, mask=None):
    return None
