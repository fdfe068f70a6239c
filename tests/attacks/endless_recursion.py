"""Calls itself without an end.

catalogue: 19
stopped by: worker
naive: no (it fails there too)
"""

def attention(query, key, value, mask=None):
    return attention(query, key, value, mask)
