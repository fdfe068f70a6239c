"""One sequence after the other, with the sum and the number of tokens carried along."""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    total = logits.new_zeros(())
    count = 0
    for i, row in enumerate(ids.tolist()):
        for t in range(len(row) - 1):
            if mask is None or mask[i, t + 1]:
                total = total - F.log_softmax(logits[i, t], dim=0)[row[t + 1]]
                count += 1
    return total / count
