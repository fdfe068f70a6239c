"""Closes what it prints to, and computes rightly.

catalogue: 64
stopped by: worker
earns: yes
naive: no (it harms nobody's points)
"""

import os
import sys

os.close(1)
os.close(2)
sys.stdout = sys.stderr = None


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(-1) @ value, scores.softmax(-1)
