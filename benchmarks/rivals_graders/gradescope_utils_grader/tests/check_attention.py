"""The four properties as unittest methods with weights; run by ../run_tests.py."""

# ruff: noqa: PT009 (the methods of unittest are what its users write)
# mypy: disable-error-code="import-not-found,untyped-decorator"

import unittest

import torch
from attention import attention
from attention_cases import GRADING, Case, attention_cases, close, count, other_hidden_key
from gradescope_utils.autograder_utils.decorators import number, weight
from hypothesis import given, settings
from hypothesis import strategies as st


class TestAttention(unittest.TestCase):
    """Scaled dot-product attention."""

    @weight(1)
    @number("1.1")
    @settings(GRADING, max_examples=10)
    @given(case=attention_cases())
    def test_shapes(self, case: Case) -> None:
        """The output is (B, H, T, d_v), the weights are (B, H, T, S), both float32."""
        count("shapes")
        output, weights = attention(case.query, case.key, case.value, case.mask)
        self.assertEqual(tuple(output.shape), (*case.query.shape[:-1], case.value.shape[-1]))
        self.assertEqual(tuple(weights.shape), (*case.query.shape[:-1], case.key.shape[-2]))
        self.assertEqual((output.dtype, weights.dtype), (torch.float32, torch.float32))

    @weight(1)
    @number("1.2")
    @settings(GRADING, max_examples=40)
    @given(case=attention_cases())
    def test_agrees_with_reference(self, case: Case) -> None:
        """Weights and output equal softmax(QKᵀ/√d)V."""
        count("agrees_with_reference")
        output, weights = attention(case.query, case.key, case.value, case.mask)
        expected_output, expected_weights = case.expected()
        close(weights, expected_weights)
        close(output, expected_output)

    @weight(1)
    @number("1.3")
    @settings(GRADING, max_examples=25)
    @given(case=attention_cases())
    def test_weights_are_a_distribution(self, case: Case) -> None:
        """The weights are not negative, sum to 1, and are 0 for masked keys."""
        count("weights_are_a_distribution")
        _, weights = attention(case.query, case.key, case.value, case.mask)
        close(weights.sum(-1), torch.ones(case.query.shape[:-1]).double())
        self.assertTrue((weights >= 0).all())
        self.assertFalse(weights[~case.permit()].any())

    @weight(1)
    @number("1.4")
    @settings(GRADING, max_examples=25)
    @given(case=attention_cases(masked=True), size=st.sampled_from([1e3, -1e4]))
    def test_masked_keys_have_no_effect(self, case: Case, size: float) -> None:
        """What stands in a key and its value has no effect on the queries that may not attend to it."""
        count("masked_keys_have_no_effect")
        key, value, blind = other_hidden_key(case, size)
        output, weights = attention(case.query, key, value, case.mask)
        expected_output, expected_weights = case.expected()
        close(output[blind], expected_output[blind])
        close(weights[blind], expected_weights[blind])
