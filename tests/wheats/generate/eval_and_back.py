"""Switches the model to eval mode for the time of the loop and restores its mode."""

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
    was_training = model.training
    model.eval()
    block_size = getattr(model, "block_size", None)
    steps = [ids]
    for _ in range(n_new_tokens):
        text = torch.cat(steps, dim=1)
        window = text if block_size is None else text[:, -block_size:]
        with torch.no_grad():
            output = model(window)
        logits, *_ = output if isinstance(output, tuple) else (output,)
        steps.append(sample(logits[:, -1, :], tau, k, p, generator))
    model.train(was_training)
    return torch.cat(steps, dim=1)
