"""Ignores every signal that can be ignored and never returns.

catalogue: 22
stopped by: judge
naive: no (a hang is a hang)
"""

import signal

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:  # two are the C library's own
        pass


def attention(query, key, value, mask=None):
    while True:
        pass
