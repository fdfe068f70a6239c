"""Expected values of a decoder-only language model."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.gpt import GPT, IGNORED, GPTConfig

from ..recorded import oracle
from .modules import with_weights

__all__ = ["IGNORED", "gpt", "gpt_gradients", "gpt_loss"]


@oracle()
@torch.no_grad()
def gpt(weights: Mapping[str, Tensor], n_heads: int, ids: Tensor) -> Tensor:
    """The logits without dropout, float64, (B, T, V).

    Args:
        weights: by role, as in `graders.tasks.GptModule`; they say all sizes but one. A bias that is not there is 0; a
            head that is not there is the token embedding.
        n_heads: number of heads.
        ids: (B, T) int64.
    """
    logits: Tensor = _model(weights, n_heads)(ids)[0]
    return logits


@oracle()
def gpt_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats, the mean over the targets (B, T) that are not −100, float64, a scalar."""
    return F.cross_entropy(logits.double().flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


@oracle()
def gpt_gradients(
    weights: Mapping[str, Tensor], n_heads: int, ids: Tensor, grad_logits: Tensor, *, tied: bool = False
) -> dict[str, Tensor]:
    """Gradients of Σ logits · grad_logits with respect to the parameters, by role, float64.

    Args:
        weights, n_heads, ids: as in `gpt`.
        grad_logits: (B, T, V).
        tied: whether head and token embedding are one parameter; its gradient is that of token_embedding.weight.
    """
    model = _model(weights, n_heads)
    if tied:
        model.head.weight = model.token_embedding.weight
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad((model(ids)[0] * grad_logits).sum(), parameters)
    return dict(zip(names, found, strict=True))


def _model(weights: Mapping[str, Tensor], n_heads: int) -> GPT:
    vocab_size, d_model = weights["token_embedding.weight"].shape
    config = GPTConfig(
        vocab_size,
        block_size=weights["position_embedding.weight"].shape[0],
        n_layers=len({role.split(".")[1] for role in weights if role.startswith("blocks.")}),
        n_heads=n_heads,
        d_model=d_model,
        d_hidden=weights["blocks.0.mlp.up.weight"].shape[0],
    )
    return with_weights(GPT, (config,), {"head.weight": weights["token_embedding.weight"], **weights})
