"""A wrong output of a self-attention module is explained only if a known mistake gives exactly that output."""

import math

import pytest
import torch
from torch import Tensor

from graders import oracles
from graders.misconceptions.bank import same
from graders.misconceptions.self_attention import WHOLE, Attending, inner, is_known_mistake
from graders.strategies import generator, head_weights
from graders.tasks import HeadSizes

WEIGHTS = head_weights(12, generator(1))
X = torch.randn(2, 5, 12, generator=generator(2))
CASE = Attending(WEIGHTS, HeadSizes(12, 3), X)
CAUSAL = torch.ones(5, 5, dtype=torch.bool).tril()


def attended(how: str) -> Tensor:
    """Self-attention with a mistake in it, written apart from the module under test."""
    q, k, v = (
        (X @ WEIGHTS[f"{role}.weight"].T + WEIGHTS[f"{role}.bias"]).view(2, 5, 3, 4).transpose(1, 2)
        for role in ("query", "key", "value")
    )
    scales = {"root_of_d_model": 12**0.5, "unscaled": 1.0, "divides_by_d_k": 4.0, "root_of_n_heads": 3**0.5}
    scores = q @ k.transpose(-2, -1) / scales.get(how, 2.0)
    if how == "fills_with_zero":
        scores = scores.masked_fill(~CAUSAL, 0.0)
    elif how == "mask_inverted":
        scores = scores.masked_fill(CAUSAL, -1e9)
    elif how not in ("mask_ignored", "masks_after_softmax"):
        scores = scores.masked_fill(~CAUSAL, -math.inf)
    weights = scores.softmax(-1)
    if how == "masks_after_softmax":
        weights = weights * CAUSAL
    heads = weights @ v
    merged = heads.reshape(2, 5, 12) if how == "merged_without_transpose" else heads.transpose(1, 2).reshape(2, 5, 12)
    if how == "projection_left_out":
        return merged
    output = merged @ WEIGHTS["proj.weight"].T + WEIGHTS["proj.bias"]
    return output + X if how == "residual_inside" else output


@pytest.mark.parametrize(
    "name",
    [
        *("root_of_d_model", "unscaled", "divides_by_d_k", "root_of_n_heads", "mask_ignored", "fills_with_zero"),
        *("masks_after_softmax", "mask_inverted", "merged_without_transpose", "projection_left_out", "residual_inside"),
    ],
)
def test_mistakes_are_known(name: str) -> None:
    """Protects the explanation that saves a student hours, and the layout that a mistake must not hide."""
    got = attended(name)
    assert [each.name for each, variant in WHOLE.items() if same(inner(got), inner(variant(CASE)))] == [name]
    assert is_known_mistake(got, CASE)


@pytest.mark.parametrize("got", [torch.zeros(2, 5, 12), torch.full((2, 5, 12), math.nan), X.double(), None, [X], X[0]])
def test_nothing_is_made_up(got: object) -> None:
    """Protects from wrong advice: other values, and values that are no output at all, are no known mistake."""
    assert not is_known_mistake(got, CASE)


def test_right_outputs_and_unknown_roles_are_no_mistake() -> None:
    """Protects right modules, and those whose parameters could not be matched with roles."""
    assert not is_known_mistake(oracles.multi_head(WEIGHTS, 3, X).float(), CASE)
    assert not is_known_mistake(attended("unscaled"), Attending({}, CASE.sizes, X))


def test_heads_that_are_missing_are_no_mistake() -> None:
    """Protects single heads without a projection: what several heads get wrong, and a projection, is none of theirs."""
    sizes = HeadSizes(12, 1, d_head=4)
    weights = {role: tensor for role, tensor in head_weights(12, generator(3), 4).items() if "proj" not in role}
    assert not is_known_mistake(oracles.multi_head(weights, 1, X), Attending(weights, sizes, X))
