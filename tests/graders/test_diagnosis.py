"""A wrong output of a self-attention module is named only if a known mistake gives exactly that output."""

import math

import pytest
import torch
from torch import Tensor

from graders import oracles
from graders.diagnosis import mistake_in
from graders.strategies import generator, head_weights
from graders.tasks import HeadSizes

SIZES = HeadSizes(12, 3)
WEIGHTS = head_weights(12, generator(1))
X = torch.randn(2, 5, 12, generator=generator(2))
CAUSAL = torch.ones(5, 5, dtype=torch.bool).tril()


def attended(how: str) -> Tensor:
    """Self-attention with a mistake in it, written apart from the module under test."""
    q, k, v = (
        (X @ WEIGHTS[f"{role}.weight"].T + WEIGHTS[f"{role}.bias"]).view(2, 5, 3, 4).transpose(1, 2)
        for role in ("query", "key", "value")
    )
    scores = q @ k.transpose(-2, -1) / {"scale": math.sqrt(12), "none": 1.0, "d_k": 4.0}.get(how, 2.0)
    if how == "zeros":
        scores = scores.masked_fill(~CAUSAL, 0.0)
    elif how not in ("no mask", "late"):
        scores = scores.masked_fill(~CAUSAL, -math.inf)
    weights = scores.softmax(-1)
    if how == "late":
        weights = weights * CAUSAL
    heads = weights @ v
    merged = heads.reshape(2, 5, 12) if how == "merge" else heads.transpose(1, 2).reshape(2, 5, 12)
    return merged if how == "unprojected" else merged @ WEIGHTS["proj.weight"].T + WEIGHTS["proj.bias"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("scale", "divided by √12, the root of the width of x, in place of √4"),
        ("none", "not divided by √4"),
        ("d_k", "divided by 4 in place of √4"),
        ("zeros", "0 in place of minus infinity"),
        ("no mask", "no token is hidden"),
        ("late", "after the softmax"),
        ("merge", "side by side before their axis is moved back"),
        ("unprojected", "the projection is left out"),
    ],
)
def test_mistakes_are_named(how: str, words: str) -> None:
    """Protects the sentence that saves a student hours."""
    assert words in mistake_in(attended(how), WEIGHTS, SIZES, X)


@pytest.mark.parametrize("got", [torch.zeros(2, 5, 12), torch.full((2, 5, 12), math.nan), X.double(), None, [X], X[0]])
def test_nothing_is_made_up(got: object) -> None:
    """Protects from wrong advice: other values, and values that are no output at all, have no name."""
    assert mistake_in(got, WEIGHTS, SIZES, X) == ""


def test_right_outputs_and_unknown_roles_have_no_name() -> None:
    """Protects right modules, and those whose parameters could not be matched with roles."""
    assert mistake_in(oracles.multi_head(WEIGHTS, 3, X).float(), WEIGHTS, SIZES, X) == ""
    assert mistake_in(attended("none"), {}, SIZES, X) == ""
