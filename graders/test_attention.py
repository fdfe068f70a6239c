"""Checks of the task attention (docs/core.md)."""

import hypothesis.strategies as st
import torch
from hypothesis import given

from . import oracles
from .check import check
from .compare import (
    assert_agrees,
    assert_agrees_with_one,
    assert_equal,
    assert_true,
    dtype_name,
    require_tensor,
)
from .self_attention import ATOL as HEAD_ATOL
from .self_attention import (
    built,
    earlier_tokens_do_not_feel_later_ones,
    gradients_respect_causality,
    is_right,
    lengths_in_any_order,
    output,
    sequences_are_independent,
    weights_are_dropped_after_the_softmax,
)
from .strategies import (
    AttentionCase,
    HeadCase,
    attention_cases,
    generator,
    head_cases,
    head_weights,
    seeds,
)
from .tasks import Attention, HeadSizes, MultiHead


@check(task="attention", group="interface", requires=("function",))
def test_interface(attention: Attention, rng: object) -> None:
    """The function attention can be imported and called as attention(query, key, value, mask=None)."""
    attention(torch.zeros(2, 3, 4), torch.zeros(2, 5, 4), torch.zeros(2, 5, 6))


@check(task="attention", group="shape", requires=("function",), examples=10)
@given(case=attention_cases())
def test_shapes(attention: Attention, case: AttentionCase) -> None:
    """Attention returns an output of shape (…, T, d_v) and weights of shape (…, T, S), float32 for float32 inputs."""
    output, weights = attention(case.query, case.key, case.value, case.mask)
    lead = case.query.shape[:-1]
    require_tensor(output, "the output", (*lead, case.value.shape[-1]), torch.float32)
    require_tensor(weights, "the weights", (*lead, case.key.shape[-2]), torch.float32)


@check(task="attention", group="agreement", requires=("function",), examples=40)
@given(case=attention_cases())
def test_agrees_with_reference(attention: Attention, case: AttentionCase) -> None:
    """Attention weights and output equal softmax(QKᵀ/√d)V."""
    output, weights = attention(case.query, case.key, case.value, case.mask)
    expected_output, expected_weights = case.expected
    assert_agrees(weights, expected_weights, "the weights")
    assert_agrees(output, expected_output, "the output")


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases())
def test_weights_are_a_distribution(attention: Attention, case: AttentionCase) -> None:
    """The weights of each query are not negative, sum to 1, and are exactly 0 for masked keys."""
    _, weights = attention(case.query, case.key, case.value, case.mask)
    permit = case.permit()
    weights = require_tensor(weights, "the weights", tuple(permit.shape), torch.float32)
    assert_agrees(weights.sum(-1), torch.ones(permit.shape[:-1]), "the sums of the weights")
    assert_true(bool((weights >= 0).all()), "Some weights are negative.")
    leaked = weights[~permit]
    assert_true(
        not leaked.any(),
        f"{int((leaked != 0).sum())} masked keys have a weight that is not exactly 0 (up to {leaked.abs().max():.3g})."
        if leaked.numel()
        else "",
    )


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(masked=False, min_keys=2))
def test_score_ratio(attention: Attention, case: AttentionCase) -> None:
    """Two keys are weighed against each other as exp(q·(k₁−k₀)/√d): the scale is the square root of the key width."""
    _, weights = attention(case.query, case.key, case.value)
    shape = (*case.query.shape[:-1], case.key.shape[-2])
    weights = require_tensor(weights, "the weights", shape, torch.float32).double()
    key = case.key.double()
    d = case.query.shape[-1]
    expected = (case.query.double() @ (key[..., 1:2, :] - key[..., 0:1, :]).transpose(-2, -1)).squeeze(-1) / d**0.5
    got = (weights[..., 1] / weights[..., 0]).log()
    assert_agrees(got, expected, "log(weight of key 1 / weight of key 0)", atol=1e-4, rtol=1e-4, dtype=torch.float64)


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(), seed=seeds)
def test_ignores_shifted_keys(attention: Attention, case: AttentionCase, seed: int) -> None:
    """Adding the same vector to every key changes nothing, since the softmax is over the keys."""
    shift = torch.randn(case.key.shape[-1], generator=generator(seed))
    output, _ = attention(case.query, case.key + shift, case.value, case.mask)
    assert_agrees(output, case.expected[0], "the output after the shift", atol=5e-5)


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(min_keys=2), seed=seeds)
def test_key_order_is_irrelevant(attention: Attention, case: AttentionCase, seed: int) -> None:
    """Keys, values and mask in another order give the same output."""
    order = torch.randperm(case.key.shape[-2], generator=generator(seed))
    mask = None if case.mask is None else case.mask[..., order]
    output, _ = attention(case.query, case.key[..., order, :], case.value[..., order, :], mask)
    assert_agrees(output, case.expected[0], "the output with keys in another order")


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(masked=False), seed=seeds)
def test_query_order_is_kept(attention: Attention, case: AttentionCase, seed: int) -> None:
    """Queries in another order give the same rows of the output in that order."""
    order = torch.randperm(case.query.shape[-2], generator=generator(seed))
    output, _ = attention(case.query[..., order, :], case.key, case.value)
    assert_agrees(output, case.expected[0][..., order, :], "the output with queries in another order")


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(masked=True, min_keys=2), size=st.sampled_from([1e3, -1e4]))
def test_masked_keys_have_no_effect(attention: Attention, case: AttentionCase, size: float) -> None:
    """What stands in a masked key and its value has no effect, however large it is."""
    permit = case.permit()
    hidden = (
        ~permit.flatten(0, -2).any(0) if permit.dim() == 2 else ~permit.any(-2)
    )  # (…, S): no query may attend to it
    key = case.key.masked_fill(hidden[..., None], size)
    value = case.value.masked_fill(hidden[..., None], size)
    # also one key that only some queries may see: the others' rows must stay
    column = int(torch.randint(key.shape[-2], (), generator=generator(0)))
    key[..., column, :] = size
    value[..., column, :] = size
    output, weights = attention(case.query, key, value, case.mask)
    blind = ~permit[..., column]  # (…, T): queries that may not see the column
    weights = require_tensor(weights, "the weights", tuple(permit.shape), torch.float32)
    shape = tuple(case.expected[0].shape)
    output = require_tensor(output, "the output", shape, torch.float32)
    message = "the output of the queries that may not attend to it"
    assert_agrees(output[blind], case.expected[0][blind], message)
    assert_agrees(weights[blind], case.expected[1][blind], "the weights of the queries that may not attend to it")


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(masked=False))
def test_full_mask_equals_no_mask(attention: Attention, case: AttentionCase) -> None:
    """A mask that is True everywhere gives the same as no mask."""
    mask = torch.ones(case.query.shape[-2], case.key.shape[-2], dtype=torch.bool)
    for what, given_mask in (("a mask of True", mask), ("no mask", None)):
        output, weights = attention(case.query, case.key, case.value, given_mask)
        assert_agrees(weights, case.expected[1], f"the weights with {what}")
        assert_agrees(output, case.expected[0], f"the output with {what}")


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(masked=False))
def test_one_key_returns_its_value(attention: Attention, case: AttentionCase) -> None:
    """With a single key, each query's output is that key's value."""
    value = case.value[..., :1, :]
    output, _ = attention(case.query, case.key[..., :1, :], value)
    assert_agrees(output, value.expand(*case.query.shape[:-1], value.shape[-1]), "the output")


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(masked=False))
def test_zero_query_averages_values(attention: Attention, case: AttentionCase) -> None:
    """A query of zeros attends to all keys alike: its output is the mean of the values."""
    output, _ = attention(torch.zeros_like(case.query), case.key, case.value)
    expected = case.value.double().mean(-2, keepdim=True).expand(*case.query.shape[:-1], case.value.shape[-1])
    assert_agrees(output, expected, "the output")


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(min_leads=1), seed=seeds)
def test_batch_independence(attention: Attention, case: AttentionCase, seed: int) -> None:
    """Each element of the batch is computed as if it stood alone."""
    index = int(torch.randint(case.query.shape[0], (), generator=generator(seed)))
    mask = case.mask
    if mask is not None and mask.dim() == case.query.dim() and mask.shape[0] > 1:
        mask = mask[index : index + 1]
    query, key, value = (tensor[index : index + 1] for tensor in (case.query, case.key, case.value))
    alone, _ = attention(query, key, value, mask)
    together, _ = attention(case.query, case.key, case.value, case.mask)
    expected = case.expected[0]
    assert_agrees(together, expected, "the output of the whole batch")
    assert_agrees(alone, expected[index : index + 1], "the output of one element alone")


@check(task="attention", group="property", requires=("function",))
@given(case=attention_cases(), seed=seeds)
def test_gradients(attention: Attention, case: AttentionCase, seed: int) -> None:
    """Gradients flow to query, key and value, and are the right ones."""
    grad_output = torch.randn(case.expected[0].shape, generator=generator(seed))
    expected = oracles.attention_gradients(case.query, case.key, case.value, case.mask, grad_output)
    got = attention.gradients(case.query, case.key, case.value, case.mask, grad_output)
    for name, gradient, wanted in zip(("query", "key", "value"), got, expected, strict=True):
        if gradient is None and not wanted.any():
            continue
        message = f"No gradient reaches {name}: is something detached, or computed with numpy or .item()?"
        assert_true(gradient is not None, message)
        assert_agrees(gradient, wanted, f"the gradient with respect to {name}")


@check(task="attention", group="invariance", requires=("function",))
@given(case=attention_cases(), dtype=st.sampled_from([torch.float64, torch.bfloat16]))
def test_keeps_dtype(attention: Attention, case: AttentionCase, dtype: torch.dtype) -> None:
    """Output and weights have the dtype of the inputs (float64 and bfloat16 are tried)."""
    query, key, value = (tensor.to(dtype) for tensor in (case.query, case.key, case.value))
    output, weights = attention(query, key, value, case.mask)
    for what, tensor in (("the output", output), ("the weights", weights)):
        if not isinstance(tensor, torch.Tensor) or tensor.dtype != dtype:
            found = dtype_name(tensor.dtype) if isinstance(tensor, torch.Tensor) else "no tensor"
            assert_true(False, f"{what} is {found} for {dtype_name(dtype)} inputs.")
        assert_true(bool(torch.isfinite(tensor).all()), f"{what} has NaN or infinite values in {dtype_name(dtype)}.")


@check(task="attention", group="invariance", requires=("function",))
@given(case=attention_cases())
def test_leaves_inputs_alone(attention: Attention, case: AttentionCase) -> None:
    """Query, key, value and mask are the same after the call as before."""
    after = attention.inputs_after(case.query, case.key, case.value, case.mask)
    before = [t for t in (case.query, case.key, case.value, case.mask) if t is not None]
    for name, old, new in zip(("query", "key", "value", "mask"), before, after, strict=False):
        assert_equal(new, old, f"{name} after the call")


@check(task="attention", group="invariance", requires=("function",))
@given(case=attention_cases())
def test_repeatable(attention: Attention, case: AttentionCase) -> None:
    """The same inputs give the same output when they come again."""
    first, _ = attention(case.query, case.key, case.value, case.mask)
    first = require_tensor(first, "the output", tuple(case.expected[0].shape), torch.float32)
    second, _ = attention(case.query, case.key, case.value, case.mask)
    assert_equal(second, first, "the output of the second call")


@check(task="attention", group="robustness", requires=("function",))
@given(case=attention_cases(min_keys=2, scale=30.0), seed=seeds)
def test_stable_for_large_scores(attention: Attention, case: AttentionCase, seed: int) -> None:
    """Large scores, and rows of very different size, give finite and right results."""
    # rows differ by orders of magnitude, so that subtracting one maximum for all of them underflows
    sizes = torch.tensor([1.0, 1e-2, 10.0])[torch.randint(3, (case.query.shape[-2], 1), generator=generator(seed))]
    query = case.query * sizes
    expected, expected_weights = oracles.attention(query, case.key, case.value, case.mask)
    output, weights = attention(query, case.key, case.value, case.mask)
    # a score of 1e4 has only about 1e-3 of absolute precision in float32, and the weights inherit it
    assert_agrees(weights, expected_weights, "the weights", atol=2e-2, rtol=0)
    assert_agrees(output, expected, "the output", atol=0.2, rtol=0)


@check(task="attention", group="robustness", requires=("function",))
@given(case=attention_cases())
def test_non_contiguous_inputs(attention: Attention, case: AttentionCase) -> None:
    """Inputs that are transposed views, as they come out of splitting heads, work."""
    query, key, value = (
        tensor.transpose(-2, -1).contiguous().transpose(-2, -1) for tensor in (case.query, case.key, case.value)
    )
    output, _ = attention(query, key, value, case.mask)
    assert_agrees(output, case.expected[0], "the output")


@check(task="attention", group="robustness", requires=("function",), examples=15)
@given(ones=st.sets(st.sampled_from(["B", "T", "S", "d_v"]), min_size=1), seed=seeds)
def test_keeps_size_one_axes(attention: Attention, ones: set[str], seed: int) -> None:
    """Axes of size 1 keep their place: one sequence, one query, one key, one value feature."""
    B, T, S, d_v = (1 if axis in ones else size for axis, size in (("B", 2), ("T", 3), ("S", 4), ("d_v", 6)))
    rng = generator(seed)
    query, key = torch.randn(B, T, 5, generator=rng), torch.randn(B, S, 5, generator=rng)
    value = torch.randn(B, S, d_v, generator=rng)
    output, weights = attention(query, key, value)
    expected, expected_weights = oracles.attention(query, key, value, None)
    assert_agrees(output, expected, "the output")
    assert_agrees(weights, expected_weights, "the weights")


# ---------------------------------------------------------------------------------------------------- as a module


@check(task="attention", group="interface", requires=("module",))
def test_head_interface(head: MultiHead, rng: object) -> None:
    """The attention head can be built, given weights, and called with x of shape (B, T, width of x)."""
    module = head.build(HeadSizes(12, 1, max_tokens=8, d_head=5))
    module.load(head_weights(12, generator(0), 5))
    module(torch.zeros(2, 4, 12))


@check(task="attention", group="shape", requires=("module",), examples=10)
@given(case=head_cases(single=True))
def test_head_shapes(head: MultiHead, case: HeadCase) -> None:
    """The head's output has the shape (B, T, width of the head) and the dtype of x."""
    output(built(head, case), case.x, case.sizes)


@check(task="attention", group="agreement", requires=("module",), examples=30)
@given(case=head_cases(single=True, max_tokens=24))
def test_head_agrees_with_reference(head: MultiHead, case: HeadCase) -> None:
    """The head's output equals causal attention softmax(QKᵀ/√d_k)V with the same weights."""
    is_right(built(head, case), case.x)


@check(task="attention", group="agreement", requires=("module", "mask_argument"), examples=20)
@given(case=head_cases(single=True, masked=True))
def test_head_obeys_the_mask(head: MultiHead, case: HeadCase) -> None:
    """Where the given mask is 0 a token is not attended to, whichever tokens it hides."""
    is_right(built(head, case), case.x, case.mask)


@check(task="attention", group="agreement", requires=("module", "no_mask"), examples=15)
@given(case=head_cases(single=True))
def test_head_without_a_mask(head: MultiHead, case: HeadCase) -> None:
    """Without a mask each token attends to all tokens."""
    module = built(head, case)
    T = case.x.shape[1]
    expected = module.expected(case.x, torch.ones(T, T, dtype=torch.bool))
    assert_agrees_with_one(module.unmasked(case.x), expected, "the output without a mask", atol=HEAD_ATOL)


@check(task="attention", group="agreement", requires=("module", "returned_weights"), examples=15)
@given(case=head_cases(single=True, masked=True))
def test_head_returns_weights(head: MultiHead, case: HeadCase) -> None:
    """The returned attention weights are those of the softmax: rows sum to 1, and are 0 where the mask forbids."""
    module = built(head, case)
    expected = module.expected_weights(case.x, case.mask)
    assert_agrees_with_one(module.weights(case.x, case.mask), expected, "the attention weights (batch, 1, query, key)")


@check(task="attention", group="property", requires=("module",), examples=16)
@given(case=head_cases(single=True, min_tokens=2), train=st.booleans(), seed=seeds)
def test_head_does_not_leak_the_future(head: MultiHead, case: HeadCase, train: bool, seed: int) -> None:
    """Under the causal mask later tokens do not change earlier outputs, in eval and in train mode without dropout."""
    earlier_tokens_do_not_feel_later_ones(built(head, case, train=train), case, seed)


@check(task="attention", group="property", requires=("module",), examples=12)
@given(case=head_cases(single=True, min_tokens=3, max_tokens=7))
def test_head_no_future_gradient(head: MultiHead, case: HeadCase) -> None:
    """Under the causal mask output t has gradient exactly 0 at later tokens, and not 0 at itself and earlier ones."""
    gradients_respect_causality(built(head, case), case)


@check(task="attention", group="property", requires=("module",), examples=12)
@given(case=head_cases(single=True))
def test_head_batch_independence(head: MultiHead, case: HeadCase) -> None:
    """The head computes each sequence of a batch as if it stood alone."""
    sequences_are_independent(built(head, case), case)


@check(task="attention", group="property", requires=("module",), examples=15)
@given(case=head_cases(single=True), seed=seeds)
def test_head_gradients(head: MultiHead, case: HeadCase, seed: int) -> None:
    """Gradients reach x and every parameter of the head, and are the right ones."""
    module = built(head, case)
    grad_output = torch.randn(*case.x.shape[:-1], case.sizes.width, generator=generator(seed))
    got_x, got = module.gradients(case.x, grad_output)
    expected_x, expected = oracles.multi_head_gradients(module.loaded(), 1, case.x, grad_output)
    for role, gradient in got.items():
        # sums over B·T terms: rounding grows with their number
        assert_agrees(gradient, expected[role], f"the gradient of {role}", atol=1e-4, rtol=1e-4)
    assert_true(got_x is not None, "No gradient reaches x: is something detached, or computed with numpy or .item()?")
    assert_agrees(got_x, expected_x, "the gradient with respect to x", atol=1e-4, rtol=1e-4)


@check(task="attention", group="property", requires=("module", "attention_dropout"))
def test_head_dropout(head: MultiHead, rng: object) -> None:
    """In train mode dropout acts on the head's attention weights after the softmax, and scales the kept ones."""
    sizes = HeadSizes(12, 1, 0.5, max_tokens=24, d_head=5)
    weights_are_dropped_after_the_softmax(head, sizes, head_weights(12, generator(5), 5))


@check(task="attention", group="invariance", requires=("module",), examples=10)
@given(case=head_cases(single=True))
def test_head_leaves_input_alone(head: MultiHead, case: HeadCase) -> None:
    """x is the same after the head's call as before."""
    assert_equal(built(head, case).inputs_after(case.x)[0], case.x, "x after the call")


@check(task="attention", group="robustness", requires=("module",), examples=8)
@given(case=head_cases(single=True, max_tokens=4), seed=seeds)
def test_head_call_order_is_irrelevant(head: MultiHead, case: HeadCase, seed: int) -> None:
    """One head gives the right output for lengths 3, 8, 5 and 3 in turn."""
    lengths_in_any_order(built(head, case), case, seed)


@check(task="attention", group="invariance", requires=("module", "attention_dropout"), examples=8)
@given(case=head_cases(single=True, dropout=0.4))
def test_head_eval_is_deterministic(head: MultiHead, case: HeadCase) -> None:
    """In eval mode the head's dropout does nothing: two calls agree, with each other and with the weights' right output."""
    module = built(head, case)
    first = output(module, case.x, case.sizes)
    assert_equal(output(module, case.x, case.sizes), first, "the output of the second call in eval mode")
    is_right(module, case.x, what="the output in eval mode with dropout 0.4")
