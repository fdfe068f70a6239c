"""Checks of the task multi_head (docs/core.md)."""

import dataclasses

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from . import oracles
from .check import check
from .compare import assert_agrees, assert_equal, assert_true, require_tensor
from .strategies import HeadCase, generator, head_cases, head_weights, seeds
from .tasks import HeadSizes, MultiHead, MultiHeadModule

# rounding grows with the width of the sums; weights are scaled so that outputs are O(1)
ATOL = 2e-5


def built(multi_head: MultiHead, case: HeadCase, *, train: bool = False) -> MultiHeadModule:
    """The student's module with the case's weights, in eval mode unless `train`."""
    module = multi_head.build(case.sizes)
    module.load(case.weights)
    module.train(train)
    return module


def output(module: MultiHeadModule, x: Tensor) -> Tensor:
    """The module's output, of the right shape and dtype."""
    return require_tensor(module(x), "the output", tuple(x.shape), x.dtype)


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
    output(built(multi_head, case), case.x)


@check(task="multi_head", group="agreement", examples=30)
@given(case=head_cases(max_tokens=24))
def test_agrees_with_reference(multi_head: MultiHead, case: HeadCase) -> None:
    """The output equals causal multi-head attention with the same weights."""
    assert_agrees(built(multi_head, case)(case.x), case.expected, "the output", atol=ATOL)


@check(task="multi_head", group="agreement", requires=("mask_argument",), examples=20)
@given(case=head_cases(masked=True))
def test_explicit_mask(multi_head: MultiHead, case: HeadCase) -> None:
    """A given boolean mask (True = may attend) stands alone, in the place of the causal one."""
    assert_agrees(built(multi_head, case)(case.x, case.mask), case.expected, "the output", atol=ATOL)


@check(task="multi_head", group="property", examples=16)
@given(case=head_cases(min_tokens=2), train=st.booleans(), seed=seeds)
def test_no_future_leak(multi_head: MultiHead, case: HeadCase, train: bool, seed: int) -> None:
    """Changing later tokens does not change earlier outputs, in eval mode and in train mode without dropout."""
    module = built(multi_head, case, train=train)
    T = case.x.shape[1]
    rng = generator(seed)
    cut = int(torch.randint(1, T, (), generator=rng))
    changed = case.x.clone()
    changed[:, cut:] += torch.randn(changed[:, cut:].shape, generator=rng)
    before, after = output(module, case.x), output(module, changed)
    what = f"the output of the first {cut} tokens after the later ones have changed"
    assert_agrees(after[:, :cut], before[:, :cut].double(), what, atol=1e-6, rtol=1e-6)


@check(task="multi_head", group="property", examples=12)
@given(case=head_cases(min_tokens=3, max_tokens=7))
def test_no_future_gradient(multi_head: MultiHead, case: HeadCase) -> None:
    """The output of token t has gradient exactly 0 with respect to later tokens, and not 0 to itself and earlier ones."""
    module = built(multi_head, case)
    B, T, d_model = case.x.shape
    for t in range(T):
        grad_output = torch.zeros(B, T, d_model)
        grad_output[:, t] = torch.randn(B, d_model, generator=generator(t))
        got = module.gradients(case.x, grad_output)[0]
        got = require_tensor(got, "the gradient with respect to x", (B, T, d_model), torch.float32)
        reached = got.abs().amax(-1) > 0  # (B, T)
        allowed = (torch.arange(T) <= t).expand(B, T)
        assert_equal(reached, allowed, f"whether output {t} depends on each token (batch, token)")


@check(task="multi_head", group="property", examples=12)
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
        before = output(module, case.x)
        module.load(changed)
        after = output(module, case.x)
        others = [i for i in range(d_model) if not head * d_head <= i < (head + 1) * d_head]
        what = f"the slices of the other heads after the {role} weights of head {head} have changed"
        assert_agrees(after[..., others], before[..., others].double(), what, atol=1e-6)
        expected = oracles.multi_head(changed, n_heads, case.x)[..., rows]
        assert_agrees(after[..., rows], expected, f"the slice of head {head} itself", atol=ATOL)


@check(task="multi_head", group="property", examples=15)
@given(case=head_cases())
def test_batch_independence(multi_head: MultiHead, case: HeadCase) -> None:
    """Each sequence of a batch is computed as if it stood alone."""
    module = built(multi_head, case)
    together = output(module, case.x)
    for i in range(len(case.x)):
        alone = output(module, case.x[i : i + 1])
        assert_agrees(together[i : i + 1], alone.double(), f"sequence {i} in the batch", atol=ATOL)


@check(task="multi_head", group="property", examples=15)
@given(case=head_cases(min_tokens=2))
def test_prefix_property(multi_head: MultiHead, case: HeadCase) -> None:
    """A shorter sequence gives the same outputs as the beginning of a longer one."""
    module = built(multi_head, case)
    whole = output(module, case.x)
    for t in range(1, case.x.shape[1]):
        part = output(module, case.x[:, :t].contiguous())
        assert_agrees(part, whole[:, :t].double(), f"the output of the first {t} tokens alone", atol=ATOL)


@check(task="multi_head", group="property", examples=20)
@given(case=head_cases(), seed=seeds)
def test_gradients(multi_head: MultiHead, case: HeadCase, seed: int) -> None:
    """Gradients reach x and every parameter, and are the right ones."""
    grad_output = torch.randn(case.x.shape, generator=generator(seed))
    expected_x, expected = oracles.multi_head_gradients(case.weights, case.sizes.n_heads, case.x, grad_output)
    got_x, got = built(multi_head, case).gradients(case.x, grad_output)
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
    module = built(multi_head, dropout_case(p), train=True)
    x = dropout_case(p).x
    outputs = torch.stack([output(module, x) for _ in range(repeats)])
    share = float((outputs == 0).double().mean())
    allowed = 6 * (p * (1 - p) / outputs.numel()) ** 0.5
    assert_true(
        abs(share - p) <= allowed,
        f"In train mode with dropout {p}, the share of zeros in the output is {share:.4f}; expected {p} ± {allowed:.4f}.",
    )
    assert_true(not torch.equal(outputs[0], outputs[1]), "Two calls in train mode drop the same outputs.")


@check(task="multi_head", group="property")
def test_attention_dropout(multi_head: MultiHead, rng: object) -> None:
    """In train mode dropout acts on the attention weights after the softmax, and scales the kept ones by 1/(1−p)."""
    # All values are 1 and the projection is the identity: the output is the sum of the kept weights, scaled. At t = 0
    # there is one weight, 1, so that the head's output is 0 or 1/(1−p), and then once more scaled or dropped by the
    # residual dropout. Dropout on the scores would leave a softmax over one key: always 1.
    p, T = 0.5, 6
    sizes = HeadSizes(12, 3, p, max_tokens=24)
    weights = head_weights(12, generator(5))
    weights |= {"value.weight": torch.zeros(12, 12), "value.bias": torch.ones(12)}
    weights |= {"proj.weight": torch.eye(12), "proj.bias": torch.zeros(12)}
    module = multi_head.build(sizes)
    module.load(weights)
    module.train(True)
    x = torch.randn(64, T, 12, generator=generator(6))
    got = require_tensor(module(x), "the output in train mode", tuple(x.shape), torch.float32)
    first = got[:, 0].unflatten(-1, (3, 4))  # (64, heads, d_head): all features of a head share its one weight
    # with or without a residual dropout behind it, values at t = 0 are 0, 1/(1−p) or 1/(1−p)²
    allowed = torch.tensor([0.0, 2.0, 4.0])
    near = (first[..., None] - allowed).abs().amin(-1) < 1e-4
    assert_true(
        bool(near.all()),
        f"With values of 1 and p = {p}, the first token's output must be 0, 2 or 4 (weight 1 dropped or doubled, then the "
        f"output dropped or doubled); found {float(first[~near][0]) if (~near).any() else 0:.4g}.",
    )
    # Null hypothesis: the weight of each of 64 · 3 (sequence, head) pairs is dropped with probability p, and then all 4
    # features are 0. P(fewer than 50 of 192) < 1e-9 for p = 1/2.
    dropped = int((first == 0).all(-1).sum())
    assert_true(
        50 <= dropped <= 150,
        f"In {dropped} of 192 heads the first token's only weight was dropped; about {192 * p:g} are expected. "
        "Dropout belongs on the weights, after the softmax.",
    )


@check(task="multi_head", group="invariance", examples=12)
@given(case=head_cases(dropout=0.4))
def test_eval_is_deterministic(multi_head: MultiHead, case: HeadCase) -> None:
    """In eval mode dropout does nothing: two calls agree, with each other and with a module without dropout."""
    module = built(multi_head, case)
    first = output(module, case.x)
    assert_equal(output(module, case.x), first, "the output of the second call in eval mode")
    without = built(multi_head, dataclasses.replace(case, sizes=dataclasses.replace(case.sizes, dropout=0.0)))
    assert_agrees(first, output(without, case.x).double(), "the output in eval mode with dropout 0.4", atol=ATOL)


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
    output(module, case.x.double())


@check(task="multi_head", group="robustness", examples=10)
@given(case=head_cases(max_tokens=4), seed=seeds)
def test_call_order_is_irrelevant(multi_head: MultiHead, case: HeadCase, seed: int) -> None:
    """One module gives the right output for lengths 3, 8, 5 and 3 in turn."""
    module = built(multi_head, case)
    for i, T in enumerate((3, 8, 5, 3)):
        x = torch.randn(2, T, case.sizes.d_model, generator=generator(seed + i))
        expected = oracles.multi_head(case.weights, case.sizes.n_heads, x)
        assert_agrees(module(x), expected, f"the output of call {i + 1}, T={T}", atol=ATOL)


@check(task="multi_head", group="robustness", examples=10)
@given(case=head_cases(min_tokens=2))
def test_non_contiguous_input(multi_head: MultiHead, case: HeadCase) -> None:
    """x that is a transposed view works."""
    view = case.x.transpose(0, 1).contiguous().transpose(0, 1)
    assert_agrees(built(multi_head, case)(view), case.expected, "the output", atol=ATOL)


@check(task="multi_head", group="robustness", examples=10)
@given(first=head_cases(), second=head_cases())
def test_modules_are_independent(multi_head: MultiHead, first: HeadCase, second: HeadCase) -> None:
    """Two modules of different sizes, used in turn, do not disturb each other."""
    modules = [built(multi_head, case) for case in (first, second)]
    for i in (0, 1, 0, 1):
        case = (first, second)[i]
        assert_agrees(modules[i](case.x), case.expected, f"the output of module {i + 1}", atol=ATOL)
