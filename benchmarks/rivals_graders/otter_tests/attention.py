"""The question `attention` for Otter-Grader, in its format of exceptions; `attention` comes out of the notebook."""

# mypy: disable-error-code="import-not-found,untyped-decorator"

from collections.abc import Callable

import torch
from attention_cases import GRADING, Case, attention_cases, close, count, other_hidden_key
from hypothesis import given, settings
from hypothesis import strategies as st
from otter.test_files import test_case

OK_FORMAT = False

name = "attention"
points = 4

Attention = Callable[..., tuple[torch.Tensor, torch.Tensor]]


@test_case(name="The output is (B, H, T, d_v), the weights are (B, H, T, S), both float32", points=1)
@settings(GRADING, max_examples=10)
@given(case=attention_cases())
def test_shapes(attention: Attention, case: Case) -> None:
    """See its name."""
    count("shapes")
    output, weights = attention(case.query, case.key, case.value, case.mask)
    assert output.shape == (*case.query.shape[:-1], case.value.shape[-1])
    assert weights.shape == (*case.query.shape[:-1], case.key.shape[-2])
    assert output.dtype == weights.dtype == torch.float32


@test_case(name="Weights and output equal softmax(QKᵀ/√d)V", points=1)
@settings(GRADING, max_examples=40)
@given(case=attention_cases())
def test_agrees_with_reference(attention: Attention, case: Case) -> None:
    """See its name."""
    count("agrees_with_reference")
    output, weights = attention(case.query, case.key, case.value, case.mask)
    expected_output, expected_weights = case.expected()
    close(weights, expected_weights)
    close(output, expected_output)


@test_case(name="The weights are not negative, sum to 1, and are 0 for masked keys", points=1)
@settings(GRADING, max_examples=25)
@given(case=attention_cases())
def test_weights_are_a_distribution(attention: Attention, case: Case) -> None:
    """See its name."""
    count("weights_are_a_distribution")
    _, weights = attention(case.query, case.key, case.value, case.mask)
    close(weights.sum(-1), torch.ones(case.query.shape[:-1]).double())
    assert (weights >= 0).all()
    assert not weights[~case.permit()].any()


@test_case(name="A key has no effect on the queries that may not attend to it", points=1)
@settings(GRADING, max_examples=25)
@given(case=attention_cases(masked=True), size=st.sampled_from([1e3, -1e4]))
def test_masked_keys_have_no_effect(attention: Attention, case: Case, size: float) -> None:
    """See its name."""
    count("masked_keys_have_no_effect")
    key, value, blind = other_hidden_key(case, size)
    output, weights = attention(case.query, key, value, case.mask)
    expected_output, expected_weights = case.expected()
    close(output[blind], expected_output[blind])
    close(weights[blind], expected_weights[blind])
