"""The expected perplexity against the inverse geometric mean of the probabilities."""

import math

import torch
from hypothesis import given, settings

from graders.oracles.perplexity import perplexity
from graders.strategies.perplexity import TextCase, text_cases

examples = settings(derandomize=True, deadline=None, database=None, max_examples=40)


@examples
@given(masked=text_cases(), unmasked=text_cases(masked=False))
def test_is_the_inverse_geometric_mean(masked: TextCase, unmasked: TextCase) -> None:
    """Protects every check of perplexity: (Π p)^(−1/n) over the supervised tokens of all batches."""
    for case in (masked, unmasked):
        probabilities = []
        for i, (logits, ids) in enumerate(zip(case.logits, case.ids, strict=True)):
            shares = logits.double().exp() / logits.double().exp().sum(-1, keepdim=True)
            mask = None if case.masks is None else case.masks[i]
            keep = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
            probabilities += [
                float(shares[b, t - 1, ids[b, t]])
                for b in range(ids.shape[0])
                for t in range(1, ids.shape[1])
                if keep[b, t]
            ]
        assert len(probabilities) == sum(case.supervised_tokens)
        expected = math.prod(p ** (-1 / len(probabilities)) for p in probabilities)
        assert math.isclose(case.expected, expected, rel_tol=1e-11)


def test_uniform_model_and_empty_batch() -> None:
    """Protects two checks: equal logits over V tokens give V, and a batch without targets changes nothing."""
    ids = torch.tensor([[0, 4, 2]])
    nothing = torch.zeros(1, 3, dtype=torch.bool)
    assert math.isclose(perplexity([torch.zeros(1, 3, 5)], [ids]), 5, rel_tol=1e-12)
    got = perplexity([torch.zeros(1, 3, 5), torch.ones(1, 3, 5)], [ids, ids], [None, nothing])
    assert math.isclose(got, 5, rel_tol=1e-12)
