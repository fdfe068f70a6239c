"""Checks of the task multi_head (docs/core.md)."""

import dataclasses

import hypothesis.strategies as st
import torch
from hypothesis import given

from . import oracles
from .check import check
from .compare import assert_agrees, assert_agrees_with_one, assert_equal, assert_true
from .module_checks import dropout_sleeps_in_eval_mode, train_mode_is_right
from .self_attention import (
    ATOL,
    built,
    earlier_tokens_do_not_feel_later_ones,
    gradients_respect_causality,
    is_right,
    lengths_in_any_order,
    output,
    sequences_are_independent,
    weights_are_dropped_after_the_softmax,
)
from .strategies import HeadCase, generator, head_cases, head_weights, seeds
from .tasks import HeadSizes, MultiHead, SeparateHeads


@check(task="multi_head", group="interface")
def test_interface(multi_head: MultiHead, rng: object) -> None:
    """The attention module can be built, given weights, and called with x of shape (B, T, d_model)."""
    module = multi_head.build(HeadSizes(12, 3, max_tokens=8))
    module.load(head_weights(12, generator(0)))
    module(torch.zeros(2, 5, 12))


@check(task="multi_head", group="shape", examples=10)
@given(case=head_cases())
def test_shapes(multi_head: MultiHead, case: HeadCase) -> None:
    """The output has the shape (B, T, d_model) and the dtype of x."""
    output(built(multi_head, case), case.x, case.sizes)


@check(task="multi_head", group="agreement", examples=30)
@given(case=head_cases(max_tokens=24))
def test_agrees_with_reference(multi_head: MultiHead, case: HeadCase) -> None:
    """The output equals causal multi-head attention with the same weights."""
    is_right(built(multi_head, case), case.x)


@check(task="multi_head", group="agreement", requires=("mask_argument",), examples=20)
@given(case=head_cases(masked=True))
def test_explicit_mask(multi_head: MultiHead, case: HeadCase) -> None:
    """A given boolean mask (True = may attend) stands alone, in the place of the causal one."""
    is_right(built(multi_head, case), case.x, case.mask)


@check(task="multi_head", group="agreement", requires=("mask_per_head",), examples=12)
@given(case=head_cases(mask_per_head=True))
def test_mask_per_head(multi_head: MultiHead, case: HeadCase) -> None:
    """A given mask of shape (B, n_heads, T, T) lets each head attend to other tokens."""
    is_right(built(multi_head, case), case.x, case.mask)


@check(task="multi_head", group="agreement", requires=("any_width",), examples=15)
@given(case=head_cases(any_width=True))
def test_any_width(multi_head: MultiHead, case: HeadCase) -> None:
    """The heads together may be wider or narrower than x: the projection leads back to the width of x."""
    is_right(built(multi_head, case), case.x)


@check(task="multi_head", group="agreement", requires=("returned_weights",), examples=15)
@given(case=head_cases(masked=True))
def test_returned_weights(multi_head: MultiHead, case: HeadCase) -> None:
    """The returned attention weights of every head are those of the softmax, and 0 where the mask forbids."""
    module = built(multi_head, case)
    got = module.weights(case.x, case.mask)
    expected = module.expected_weights(case.x, case.mask)
    assert_agrees_with_one(got, expected, "the attention weights (batch, head, query, key)")


@check(task="multi_head", group="property", requires=("standalone",), examples=16)
@given(case=head_cases(min_tokens=2), train=st.booleans(), seed=seeds)
def test_no_future_leak(multi_head: MultiHead, case: HeadCase, train: bool, seed: int) -> None:
    """Changing later tokens does not change earlier outputs, in eval mode and in train mode without dropout."""
    earlier_tokens_do_not_feel_later_ones(built(multi_head, case, train=train), case, seed)


@check(task="multi_head", group="property", requires=("standalone",), examples=12)
@given(case=head_cases(min_tokens=3, max_tokens=7))
def test_no_future_gradient(multi_head: MultiHead, case: HeadCase) -> None:
    """The output of token t has gradient exactly 0 with respect to later tokens, and not 0 to itself and earlier ones."""
    gradients_respect_causality(built(multi_head, case), case)


@check(task="multi_head", group="property", requires=("standalone",), examples=12)
@given(case=head_cases(), role=st.sampled_from(["query", "key", "value"]))
def test_heads_are_independent(multi_head: MultiHead, case: HeadCase, role: str) -> None:
    """With an identity projection, changing the weights of one head changes only its slice of the output."""
    d_model, n_heads = case.sizes.d_model, case.sizes.n_heads
    d_head = d_model // n_heads
    weights = dict(case.weights) | {"proj.weight": torch.eye(d_model), "proj.bias": torch.zeros(d_model)}
    for head in range(n_heads):
        rows = slice(head * d_head, (head + 1) * d_head)
        changed = {name: tensor.clone() for name, tensor in weights.items()}
        changed[f"{role}.weight"][rows] = changed[f"{role}.weight"][rows].flip(0) * -1.5 + 0.3
        module = multi_head.build(case.sizes)
        module.train(False)
        module.load(weights)
        before = output(module, case.x, case.sizes)
        module.load(changed)
        after = output(module, case.x, case.sizes)
        others = [i for i in range(d_model) if not head * d_head <= i < (head + 1) * d_head]
        what = f"the slices of the other heads after the {role} weights of head {head} have changed"
        assert_agrees(after[..., others], before[..., others].double(), what, atol=1e-6)
        expected = next(module.expected(case.x))[..., rows]
        assert_agrees(after[..., rows], expected, f"the slice of head {head} itself", atol=ATOL)


@check(task="multi_head", group="property", requires=("standalone",), examples=15)
@given(case=head_cases())
def test_batch_independence(multi_head: MultiHead, case: HeadCase) -> None:
    """Each sequence of a batch is computed as if it stood alone."""
    sequences_are_independent(built(multi_head, case), case)


@check(task="multi_head", group="property", requires=("standalone",), examples=15)
@given(case=head_cases(min_tokens=2))
def test_prefix_property(multi_head: MultiHead, case: HeadCase) -> None:
    """A shorter sequence gives the same outputs as the beginning of a longer one."""
    module = built(multi_head, case)
    whole = output(module, case.x, case.sizes)
    for t in range(1, case.x.shape[1]):
        part = output(module, case.x[:, :t].contiguous(), case.sizes)
        assert_agrees(part, whole[:, :t].double(), f"the output of the first {t} tokens alone", atol=ATOL)


@check(task="multi_head", group="property", requires=("standalone",), examples=20)
@given(case=head_cases(), seed=seeds)
def test_gradients(multi_head: MultiHead, case: HeadCase, seed: int) -> None:
    """Gradients reach x and every parameter, and are the right ones."""
    grad_output = torch.randn(case.x.shape, generator=generator(seed))
    module = built(multi_head, case)
    got_x, got = module.gradients(case.x, grad_output)
    expected_x, expected = oracles.multi_head_gradients(module.loaded(), case.sizes.n_heads, case.x, grad_output)
    assert_true(got_x is not None, "No gradient reaches x: is something detached, or computed with numpy or .item()?")
    for role, gradient in got.items():
        assert_true(gradient is not None, f"No gradient reaches {role}: it is not used, or something is detached.")
        # sums over B·T terms: rounding grows with their number
        assert_agrees(gradient, expected[role], f"the gradient of {role}", atol=1e-4, rtol=1e-4)
    assert_agrees(got_x, expected_x, "the gradient with respect to x", atol=1e-4, rtol=1e-4)


def dropout_case(dropout: float) -> HeadCase:
    """A large fixed case, so that shares of zeros are sharp: 4 · 8 · 48 outputs."""
    sizes = HeadSizes(48, 3, dropout, max_tokens=24)
    rng = generator(11)
    return HeadCase(sizes, torch.randn(4, 8, 48, generator=rng), None, 11, head_weights(48, rng))


@check(task="multi_head", group="property", requires=("residual_dropout",))
def test_residual_dropout(multi_head: MultiHead, rng: object) -> None:
    """In train mode dropout also acts on the projected output, with a share p of zeros.

    Null hypothesis: each output is dropped with probability p. Over N = 20 · 1,536 outputs the share is within 6
    standard errors of p; a correct module fails with probability below 1e-8. The worker's random state is fixed.
    """
    p, repeats = 0.4, 20
    case = dropout_case(p)
    module = built(multi_head, case, train=True)
    outputs = torch.stack([output(module, case.x, case.sizes) for _ in range(repeats)])
    share = float((outputs == 0).double().mean())
    allowed = 6 * (p * (1 - p) / outputs.numel()) ** 0.5
    assert_true(
        abs(share - p) <= allowed,
        f"In train mode with dropout {p}, the share of zeros in the output is {share:.4f}; expected {p} ± {allowed:.4f}.",
    )
    assert_true(not torch.equal(outputs[0], outputs[1]), "Two calls in train mode drop the same outputs.")


@check(task="multi_head", group="property", requires=("attention_dropout",))
def test_attention_dropout(multi_head: MultiHead, rng: object) -> None:
    """In train mode dropout acts on the attention weights after the softmax, and scales the kept ones by 1/(1−p)."""
    sizes = HeadSizes(12, 3, 0.5, max_tokens=24)
    weights_are_dropped_after_the_softmax(multi_head, sizes, head_weights(12, generator(5)))


@check(task="multi_head", group="property", requires=("default_dropout",), examples=8)
@given(case=head_cases())
def test_no_dropout_by_default(multi_head: MultiHead, case: HeadCase) -> None:
    """Dropout is 0 unless it is asked for: in train mode, too, nothing is dropped."""
    train_mode_is_right(built(multi_head, case, train=True), case.x)


@check(task="multi_head", group="invariance", requires=("standalone",), examples=12)
@given(case=head_cases(dropout=0.4))
def test_eval_is_deterministic(multi_head: MultiHead, case: HeadCase) -> None:
    """In eval mode dropout does nothing: two calls agree, with each other and with a module without dropout."""
    module = built(multi_head, case)
    first = output(module, case.x, case.sizes)
    assert_equal(output(module, case.x, case.sizes), first, "the output of the second call in eval mode")
    without = built(multi_head, dataclasses.replace(case, sizes=dataclasses.replace(case.sizes, dropout=0.0)))
    expected = output(without, case.x, case.sizes).double()
    assert_agrees(first, expected, "the output in eval mode with dropout 0.4", atol=ATOL)


@check(task="multi_head", group="invariance", examples=10)
@given(case=head_cases())
def test_leaves_input_alone(multi_head: MultiHead, case: HeadCase) -> None:
    """x is the same after the call as before."""
    assert_equal(built(multi_head, case).inputs_after(case.x)[0], case.x, "x after the call")


@check(task="multi_head", group="invariance", examples=8)
@given(case=head_cases())
def test_keeps_dtype(multi_head: MultiHead, case: HeadCase) -> None:
    """A module converted to float64 takes and returns float64."""
    module = built(multi_head, case)
    module.to_dtype("double")
    output(module, case.x.double(), case.sizes)


@check(task="multi_head", group="robustness", examples=10)
@given(case=head_cases(max_tokens=4), seed=seeds)
def test_call_order_is_irrelevant(multi_head: MultiHead, case: HeadCase, seed: int) -> None:
    """One module gives the right output for lengths 3, 8, 5 and 3 in turn."""
    lengths_in_any_order(built(multi_head, case), case, seed)


@check(task="multi_head", group="robustness", examples=10)
@given(case=head_cases(min_tokens=2))
def test_non_contiguous_input(multi_head: MultiHead, case: HeadCase) -> None:
    """x that is a transposed view works."""
    is_right(built(multi_head, case), case.x.transpose(0, 1).contiguous().transpose(0, 1))


@check(task="multi_head", group="robustness", examples=10)
@given(first=head_cases(), second=head_cases())
def test_modules_are_independent(multi_head: MultiHead, first: HeadCase, second: HeadCase) -> None:
    """Two modules of different sizes, used in turn, do not disturb each other."""
    modules = [built(multi_head, case) for case in (first, second)]
    for i in (0, 1, 0, 1):
        is_right(modules[i], (first, second)[i].x, what=f"the output of module {i + 1}")


@check(task="multi_head", group="property", requires=("own_parameters",), examples=6)
@given(case=head_cases())
def test_heads_have_weights_of_their_own(multi_head: SeparateHeads, case: HeadCase) -> None:
    """Each head has parameters of its own, none of them shared with another head."""
    shared = multi_head.shared_heads(case.sizes)
    assert_true(
        not shared,
        f"These heads have no parameters of their own: {', '.join(shared)[:300]}. [Head(…)] * n holds the same head n "
        "times: make each of them anew, as in [Head(…) for _ in range(n)].",
    )


@check(task="multi_head", group="invariance", requires=("isolated",), examples=8)
@given(case=head_cases(dropout=0.4))
def test_dropout_sleeps_in_eval_mode(multi_head: MultiHead, case: HeadCase) -> None:
    """In eval mode the attention module's own dropout does nothing, whatever its probability."""
    without = built(multi_head, dataclasses.replace(case, sizes=dataclasses.replace(case.sizes, dropout=0.0)))
    dropout_sleeps_in_eval_mode(built(multi_head, case), without, case.x)
