"""Fills lists until there is no memory left.

catalogue: 55
stopped by: rlimits
naive: no (it would harm the machine)
"""

import torch


def attention(query, key, value, mask=None):
    kept = []
    try:
        while len(kept) < 64:
            kept.append(torch.empty(1 << 28))  # 1 GiB that nothing is written to
        print("GOT THROUGH")
    except RuntimeError as error:
        print("refused:", str(error)[:100])
