"""Pretends that somebody has pressed Ctrl-C, so that the runner stops before it judges.

catalogue: 2
stopped by: worker
naive: no (a runner that stops gives no points by itself)
"""

def attention(query, key, value, mask=None):
    raise KeyboardInterrupt
