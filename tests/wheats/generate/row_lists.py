"""Keeps the rows as Python lists and hands the model a new tensor in each step."""

import torch


def sample(logits, tau=1.0, k=None, p=None, generator=None):
    logits = logits / tau
    if k is not None:
        kept = logits.topk(min(k, logits.shape[-1]), dim=-1).indices
        logits = logits.masked_fill(torch.ones_like(logits).scatter(-1, kept, 0.0).bool(), float("-inf"))
    if p is not None and p < 1:
        ordered, order = logits.sort(dim=-1, descending=True)
        probabilities = ordered.softmax(dim=-1)
        removed = probabilities.cumsum(dim=-1) - probabilities >= p
        logits = logits.masked_fill(removed.gather(-1, order.argsort(dim=-1)), float("-inf"))
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)


def generate(model, ids, n_new_tokens, tau=1.0, k=None, p=None, generator=None):
    rows = ids.tolist()
    limit = getattr(model, "block_size", None)
    torch_was_building = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        for _ in range(n_new_tokens):
            window = torch.tensor([row if limit is None else row[-limit:] for row in rows])
            output = model(window)
            output = output[0] if isinstance(output, tuple) else output
            for row, new in zip(rows, sample(output[:, -1], tau, k, p, generator).tolist()):
                row.extend(new)
    finally:
        torch.set_grad_enabled(torch_was_building)
    return torch.tensor(rows, dtype=torch.int64)
