"""Takes the argmax for k = 1 and draws by inverting the distribution otherwise."""

import torch


def choose(scores, tau, k, p, generator):
    if k == 1:
        return scores.argmax(dim=-1, keepdim=True)
    probabilities = torch.softmax(scores.double() / tau, dim=-1)
    ordered, order = probabilities.sort(dim=-1, descending=True)
    if k is not None:
        ordered[:, k:] = 0
        ordered /= ordered.sum(dim=-1, keepdim=True)
    if p is not None:
        ordered = ordered * (ordered.cumsum(dim=-1) - ordered < p)
    total = ordered.cumsum(dim=-1)
    u = torch.rand(len(scores), 1, generator=generator, dtype=torch.float64) * total[:, -1:]
    rank = (total <= u).sum(dim=-1, keepdim=True)
    return order.gather(1, rank)


def generate(model, ids, n_new_tokens, tau=1.0, k=None, p=None, generator=None):
    text = ids.detach().clone()
    with torch.no_grad():
        while text.shape[1] < ids.shape[1] + n_new_tokens:
            window = text[:, -model.block_size :] if hasattr(model, "block_size") else text
            out = model(window)
            scores = (out[0] if isinstance(out, (tuple, list)) else out)[:, -1]
            text = torch.cat((text, choose(scores, tau, k, p, generator)), dim=-1)
    return text
