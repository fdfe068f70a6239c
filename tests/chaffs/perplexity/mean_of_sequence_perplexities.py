"""Averages the perplexities of the sequences.

rejected by: perplexity.agrees_with_reference
misconception: mean_of_sequence_perplexities
"""

import torch
import torch.nn.functional as F


def perplexity(logits_batches, ids_batches, masks=None):
    found = []
    for i, (logits, ids) in enumerate(zip(logits_batches, ids_batches)):
        mask = masks[i] if masks is not None and masks[i] is not None else torch.ones_like(ids, dtype=torch.bool)
        for scores, row, counts in zip(logits.double(), ids, mask):
            keep = counts[1:]
            if keep.any():
                found.append(F.cross_entropy(scores[:-1][keep], row[1:][keep]).exp())
    return torch.stack(found).mean().item()
