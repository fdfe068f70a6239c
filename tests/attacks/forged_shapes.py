"""Answers with tensors whose announced shapes are beyond all bounds, though they hold no element.

catalogue: 23, 26, 62
stopped by: judge
naive: no (there is no worker in a naive grader)
"""

import torch

SHAPES = [(0, 2**30), (0,) * 16, (2**31, 0), (1,) * 15, (0, 3, 6), (2, 3, 0)]
CALLS = []


def attention(query, key, value, mask=None):
    CALLS.append(1)
    shape = SHAPES[len(CALLS) % len(SHAPES)]
    return torch.empty(shape), torch.empty(shape)
