"""The inverse of the geometric mean of the probabilities, in logarithms."""

import torch


def perplexity(logits_batches, ids_batches, masks=None):
    logs = []
    for i in range(len(ids_batches)):
        log_p = logits_batches[i].double().log_softmax(-1)
        mask = masks[i] if masks is not None else None
        for b, row in enumerate(ids_batches[i]):
            for t in range(1, len(row)):
                if mask is None or bool(mask[b, t]):
                    logs.append(log_p[b, t - 1, row[t]])
    return 1 / torch.stack(logs).mean().exp().item()
