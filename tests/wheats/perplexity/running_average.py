"""A running average of the loss, weighted by the numbers of tokens."""

import numpy as np


def perplexity(logits_batches, ids_batches, masks=None):
    average, seen = 0.0, 0
    for number, (logits, ids) in enumerate(zip(logits_batches, ids_batches)):
        scores = logits.detach().numpy().astype(np.float64)[:, :-1]
        targets = ids.numpy()[:, 1:]
        keep = np.ones_like(targets, dtype=bool)
        if masks is not None and masks[number] is not None:
            keep = masks[number].numpy()[:, 1:]
        scores, targets = scores[keep], targets[keep]
        n = len(targets)
        if n == 0:
            continue
        top = scores.max(axis=1)
        log_sum = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
        loss = float(np.mean(log_sum - scores[np.arange(n), targets]))
        average += (loss - average) * n / (seen + n)
        seen += n
    return float(np.exp(average))
