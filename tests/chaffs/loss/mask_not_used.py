"""Relies on ignore_index = -100 and never looks at the mask.

rejected by: loss.agrees_with_reference
misconception: padding_counted
"""

import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    return F.cross_entropy(predictions.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=-100)
