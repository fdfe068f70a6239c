"""The expected texts against a loop of their own, and their cases."""

import dataclasses

import torch
from hypothesis import given, settings

from graders.oracles.generate import greedy, least_lead, next_token
from graders.strategies.generate import SURE_LEAD, GenerateCase, generate_cases
from graders.tasks import ModelSpec
from sandbox.window_model import WindowModel

examples = settings(derandomize=True, deadline=None, database=None, max_examples=30)


@examples
@given(
    one=generate_cases(), several=generate_cases(batch=True), unlimited=generate_cases(unlimited=True, as_tuple=True)
)
def test_each_token_has_the_largest_logit(one: GenerateCase, several: GenerateCase, unlimited: GenerateCase) -> None:
    """Protects every check of greedy text: the argmax after the window, by a lead that no sampler overcomes."""
    for case in (one, several, unlimited):
        spec, T = case.model, case.ids.shape[1]
        model = WindowModel(spec.vocab_size, spec.block_size, spec.seed, spread=spec.spread)
        assert torch.equal(case.expected[:, :T], case.ids)
        assert case.expected.shape[1] == T + case.n_new_tokens
        for row in case.expected.tolist():
            for end in range(T, len(row)):
                window = row[:end] if spec.block_size is None else row[max(0, end - spec.block_size) : end]
                logits = model.logits(torch.tensor([window]))[0, -1].tolist()
                second, first = sorted(logits)[-2:]
                assert (logits[row[end]], first - second >= SURE_LEAD) == (first, True)


def test_cases_tell_mistakes_apart() -> None:
    """Protects against deaf cases: token 0 occurs before the end, texts go past the block, all tokens are chosen."""
    found: list[GenerateCase] = []

    @examples
    @given(case=generate_cases())
    def collect(case: GenerateCase) -> None:
        found.append(case)

    collect()
    new = [case.expected[0, case.ids.shape[1] :].tolist() for case in found]
    assert sum(0 in tokens[:-1] for tokens in new) >= 5
    assert len({token for tokens in new for token in tokens}) >= 7
    assert sum(case.expected.shape[1] - 1 > (case.model.block_size or 0) for case in found) >= 10


def test_next_token_is_the_softmax() -> None:
    """Protects the tests of frequencies: float64 probabilities after the last block_size tokens, with temperature."""
    spec = ModelSpec(5, 2, seed=9, spread=1.5)
    ids = torch.tensor([[4, 1, 3], [0, 1, 3]])
    logits = WindowModel(5, 2, 9, spread=1.5).logits(ids[:, 1:])[:, -1].double()
    torch.testing.assert_close(next_token(spec, ids, tau=0.5), (2 * logits).softmax(-1), atol=1e-12, rtol=1e-12)


def test_least_lead_sees_every_step() -> None:
    """Protects right solutions: a near-tie at any step, in any row, counts."""
    spec = ModelSpec(4, 3, seed=2)
    ids = torch.tensor([[1, 2], [3, 0]])
    text = greedy(spec, ids, 5)
    steps = [least_lead(spec, text[i : i + 1, : 3 + n], 1) for i in range(2) for n in range(5)]
    assert least_lead(spec, text, 5) == min(steps)
    assert greedy(dataclasses.replace(spec, as_tuple=True), ids, 5).equal(text)
