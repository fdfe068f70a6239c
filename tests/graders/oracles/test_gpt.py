"""The expected values of gpt against torch's own layers, and against the sum over tokens spelled out."""

import math

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import Tensor

from graders.oracles.gpt import IGNORED, gpt, gpt_gradients, gpt_loss
from graders.strategies import generator
from graders.strategies.gpt import GptCase, gpt_cases, gpt_weights
from graders.tasks import GptSizes

from .test_block import forbidden, torch_block

examples = settings(derandomize=True, deadline=None, database=None, max_examples=15)


def torch_gpt(case: GptCase) -> Tensor:
    """The logits by torch's layers, float64."""
    w = {role: tensor.double() for role, tensor in case.weights.items()}
    T = case.ids.shape[1]
    x = F.embedding(case.ids, w["token_embedding.weight"]) + w["position_embedding.weight"][:T]
    for i in range(case.sizes.n_layers):
        layer = torch_block(case.weights, case.sizes.n_heads, f"blocks.{i}.")
        x = layer(x, src_mask=forbidden(T)).detach()
    x = F.layer_norm(x, x.shape[-1:], w["norm.weight"], w["norm.bias"])
    return F.linear(x, w["head.weight"])


@examples
@given(case=gpt_cases(free_width=True))
def test_equals_torchs_layers(case: GptCase) -> None:
    """Protects positions, the order of the blocks, the last norm and the head."""
    got = gpt(case.weights, case.sizes.n_heads, case.ids)
    torch.testing.assert_close(got, torch_gpt(case), atol=1e-9, rtol=1e-9)
    assert not got.requires_grad


@examples
@given(case=gpt_cases(tied=True))
def test_a_head_that_is_not_there_is_the_embedding(case: GptCase) -> None:
    """Protects tied models that have no head of their own."""
    without = {role: tensor for role, tensor in case.weights.items() if role != "head.weight"}
    assert torch.equal(gpt(without, case.sizes.n_heads, case.ids), gpt(case.weights, case.sizes.n_heads, case.ids))


@examples
@given(case=gpt_cases(ignored=True))
def test_loss_spelled_out(case: GptCase) -> None:
    """Protects the mean: over the targets that count, each token alike, in nats."""
    assert case.targets is not None
    logits = gpt(case.weights, case.sizes.n_heads, case.ids)
    losses = []
    for row, targets in zip(logits.tolist(), case.targets.tolist(), strict=True):
        for scores, target in zip(row, targets, strict=True):
            if target != IGNORED:
                losses.append(math.log(sum(math.exp(score) for score in scores)) - scores[target])
    assert abs(float(gpt_loss(logits, case.targets)) - sum(losses) / len(losses)) < 1e-10


@examples
@given(case=gpt_cases(tied=True))
def test_a_tied_weight_gets_both_gradients(case: GptCase) -> None:
    """Protects the check of tied models: the shared gradient is the embedding's plus the head's."""
    n_heads, ids = case.sizes.n_heads, case.ids
    grad_logits = torch.randn(*ids.shape, case.sizes.vocab_size, generator=generator(2))
    apart = gpt_gradients(case.weights, n_heads, ids, grad_logits)
    shared = gpt_gradients(case.weights, n_heads, ids, grad_logits, tied=True)
    both = apart["token_embedding.weight"] + apart["head.weight"]
    torch.testing.assert_close(shared["token_embedding.weight"], both, atol=1e-10, rtol=1e-10)
    assert "head.weight" not in shared


def test_a_gradient_by_differences() -> None:
    """Protects gradients by role: a small step of one weight moves the logits as its gradient says."""
    sizes, rng = GptSizes(7, 5, 2, 2, 6, 10), generator(3)
    case = GptCase(sizes, torch.randint(7, (2, 4), generator=rng), 3, gpt_weights(sizes, rng))
    grad_logits = torch.randn(2, 4, 7, generator=rng, dtype=torch.float64)
    role, step = "blocks.0.mlp.up.weight", 1e-6

    def total(change: float) -> float:
        weights = {name: tensor.double() for name, tensor in case.weights.items()}
        weights[role] = weights[role].clone()
        weights[role][0, 0] += change
        return float((gpt(weights, case.sizes.n_heads, case.ids) * grad_logits).sum())

    slope = (total(step) - total(-step)) / (2 * step)
    got = float(gpt_gradients(case.weights, case.sizes.n_heads, case.ids, grad_logits)[role][0, 0])
    assert abs(got - slope) < 1e-5 * max(1.0, abs(slope))
