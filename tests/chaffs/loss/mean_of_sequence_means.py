"""Takes the mean of each sequence first, so that tokens of short ones weigh more.

rejected by: loss.weighs_tokens_alike
misconception: mean_of_sequence_means
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    nll = F.cross_entropy(predictions.transpose(1, 2), targets, reduction="none")
    per_sequence = (nll * keep).sum(1) / keep.sum(1).clamp(min=1)
    return per_sequence.mean()
