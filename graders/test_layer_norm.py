"""Checks of the task layer_norm (docs/core.md)."""

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from .check import check
from .compare import assert_agrees, assert_agrees_with_one, assert_equal, assert_true, dtype_name, require_tensor
from .module_checks import other_tokens_stay
from .strategies import generator, seeds
from .strategies.layer_norm import NormCase, norm_cases
from .tasks import LayerNorm
from .verdict import CheckFailed


def normed(layer_norm: LayerNorm, x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """The result, of the shape and dtype of x; without gain and bias those that change nothing."""
    d = x.shape[-1]
    gain = torch.ones(d) if gain is None else gain
    bias = torch.zeros(d) if bias is None else bias
    return require_tensor(layer_norm(x, gain, bias), "the result", tuple(x.shape), x.dtype)


def is_right(layer_norm: LayerNorm, case: NormCase, what: str = "the result") -> None:
    """The result is the expected one; eps is passed only where it is not the default."""
    if case.eps == 1e-5:
        got = layer_norm(case.x, case.gain, case.bias)
        expected = layer_norm.expected(case.x, case.gain, case.bias)
    else:
        got = layer_norm(case.x, case.gain, case.bias, case.eps)
        expected = layer_norm.expected(case.x, case.gain, case.bias, case.eps)
    assert_agrees_with_one(got, expected, what, atol=2e-5)


@check(task="layer_norm", group="interface")
def test_interface(layer_norm: LayerNorm, rng: object) -> None:
    """The function layer_norm(x, gain, bias) can be imported and called."""
    layer_norm(torch.randn(2, 3, 5, generator=generator(0)), torch.ones(5), torch.zeros(5))


@check(task="layer_norm", group="shape", examples=10)
@given(case=norm_cases())
def test_shapes(layer_norm: LayerNorm, case: NormCase) -> None:
    """The result has the shape and dtype of x."""
    normed(layer_norm, case.x, case.gain, case.bias)


@check(task="layer_norm", group="agreement", examples=30)
@given(case=norm_cases())
def test_agrees_with_reference(layer_norm: LayerNorm, case: NormCase) -> None:
    """Each token is centred, divided by its standard deviation, multiplied by the gain, and the bias is added."""
    is_right(layer_norm, case)


@check(task="layer_norm", group="agreement", examples=15)
@given(case=norm_cases(square=True))
def test_as_many_tokens_as_features(layer_norm: LayerNorm, case: NormCase) -> None:
    """With as many tokens as features, each token still gets its own mean and variance."""
    is_right(layer_norm, case)


@check(task="layer_norm", group="agreement", requires=("any_axes",), examples=20)
@given(case=norm_cases(any_axes=True))
def test_any_leading_axes(layer_norm: LayerNorm, case: NormCase) -> None:
    """x may have no axis before the features, or any number of them."""
    is_right(layer_norm, case)


@check(task="layer_norm", group="agreement", requires=("eps",), examples=20)
@given(case=norm_cases(small=True))
def test_eps_in_its_place(layer_norm: LayerNorm, case: NormCase) -> None:
    """Where the variance is small it shows that eps is 1e-5 by default, and is added to the variance under the root."""
    is_right(layer_norm, case)


@check(task="layer_norm", group="agreement", requires=("eps",), examples=15)
@given(case=norm_cases(other_eps=True))
def test_eps_is_used(layer_norm: LayerNorm, case: NormCase) -> None:
    """The eps is the one that is given."""
    is_right(layer_norm, case, f"the result with eps={case.eps:g}")


@check(task="layer_norm", group="property", examples=15)
@given(case=norm_cases())
def test_normalises_each_token(layer_norm: LayerNorm, case: NormCase) -> None:
    """With gain 1 and bias 0 each token of the result has mean 0 and variance 1 over its features."""
    got = normed(layer_norm, case.x).double()
    d = got.shape[-1]
    mean, variance = got.mean(-1), got.var(-1, correction=0)
    worst = int(mean.abs().argmax())
    assert_true(
        float(mean.abs().max()) <= 1e-5,
        f"The mean of a token of the result, over its {d} features, is {float(mean.flatten()[worst]):.4g}; expected 0.",
    )
    # whether the variance is divided by d or by d − 1 is another check's matter
    off = (variance < (d - 1) / d - 1e-3) | (variance > 1 + 1e-3)
    assert_true(
        not off.any(),
        f"The variance of a token of the result, over its {d} features, is "
        f"{float(variance[off][0]) if off.any() else 1:.4g}; expected 1.",
    )


@check(task="layer_norm", group="property", examples=15)
@given(case=norm_cases(), seed=seeds)
def test_shift_and_scale_are_irrelevant(layer_norm: LayerNorm, case: NormCase, seed: int) -> None:
    """Adding a number to all features of a token, or multiplying them by a positive one, changes nothing."""
    rng = generator(seed)
    tokens = (*case.x.shape[:-1], 1)
    factor, offset = 1.0 + 2.0 * torch.rand(tokens, generator=rng), torch.randn(tokens, generator=rng)
    before = normed(layer_norm, case.x, case.gain, case.bias)
    after = normed(layer_norm, case.x * factor + offset, case.gain, case.bias)
    # eps matters a little where the variance changes: by at most eps / 2 of the value
    assert_agrees(after, before.double(), "the result after a change that does not matter", atol=2e-4, rtol=2e-4)


@check(task="layer_norm", group="property", examples=12)
@given(case=norm_cases(), seed=seeds)
def test_tokens_are_independent(layer_norm: LayerNorm, case: NormCase, seed: int) -> None:
    """Changing one token changes the result of no other token."""
    rng = generator(seed)
    B, T, d = case.x.shape
    b, t = int(torch.randint(B, (), generator=rng)), int(torch.randint(T, (), generator=rng))
    changed = case.x.clone()
    changed[b, t] = 3.0 * torch.randn(d, generator=rng)
    before, after = (normed(layer_norm, x, case.gain, case.bias) for x in (case.x, changed))
    other_tokens_stay(before, after, (b, t))


@check(task="layer_norm", group="property", examples=12)
@given(case=norm_cases())
def test_gain_and_bias_come_last(layer_norm: LayerNorm, case: NormCase) -> None:
    """The result is the normalised x times the gain, plus the bias, feature by feature."""
    plain = normed(layer_norm, case.x).double()
    for gain, bias, what in (
        (case.gain, None, "the result with a gain and bias 0"),
        (None, case.bias, "the result with gain 1 and a bias"),
        (case.gain, case.bias, "the result with a gain and a bias"),
    ):
        scaled = plain if gain is None else plain * gain.double()
        shifted = scaled if bias is None else scaled + bias.double()
        assert_agrees(normed(layer_norm, case.x, gain, bias), shifted, what, atol=2e-5)


@check(task="layer_norm", group="property", requires=("eps",), examples=10)
@given(case=norm_cases(), quarters=st.integers(-16, 16))
def test_constant_tokens_give_the_bias(layer_norm: LayerNorm, case: NormCase, quarters: int) -> None:
    """A token whose features are all equal gives the bias: eps keeps the division finite."""
    x = case.x.clone()
    x[0, 0] = quarters / 4  # exact in sums, so that the mean is the value itself
    got = normed(layer_norm, x, case.gain, case.bias)
    assert_agrees(got[0, 0], case.bias.double(), f"the result of a token of {quarters / 4:g} only", atol=5e-4)


@check(task="layer_norm", group="property", examples=15)
@given(case=norm_cases(), seed=seeds)
def test_gradients(layer_norm: LayerNorm, case: NormCase, seed: int) -> None:
    """Gradients flow to x, gain and bias, through mean and variance too, and are the right ones."""
    grad_output = torch.randn(case.x.shape, generator=generator(seed))
    got = layer_norm.gradients(case.x, case.gain, case.bias, grad_output)
    for name, gradient in zip(("x", "gain", "bias"), got, strict=True):
        message = f"No gradient reaches {name}: is something detached, or computed with numpy or .item()?"
        assert_true(gradient is not None, message)
    x, gain, bias = leaves = [tensor.double().requires_grad_() for tensor in (case.x, case.gain, case.bias)]
    first: CheckFailed | None = None
    for value in layer_norm.expected(x, gain, bias):
        expected = torch.autograd.grad((value * grad_output).sum(), leaves)
        try:
            for name, gradient, wanted in zip(("x", "gain", "bias"), got, expected, strict=True):
                assert_agrees(gradient, wanted, f"the gradient with respect to {name}", atol=1e-4, rtol=1e-4)
            return
        except CheckFailed as failed:
            first = first or failed
    assert first is not None, "at least one value must count as right"
    raise first


@check(task="layer_norm", group="invariance", examples=12)
@given(case=norm_cases(), dtype=st.sampled_from([torch.float64, torch.bfloat16]))
def test_keeps_dtype(layer_norm: LayerNorm, case: NormCase, dtype: torch.dtype) -> None:
    """The result has the dtype of x (float64 and bfloat16 are tried)."""
    got = layer_norm(case.x.to(dtype), case.gain.to(dtype), case.bias.to(dtype))
    if not isinstance(got, Tensor) or got.dtype != dtype:
        found = dtype_name(got.dtype) if isinstance(got, Tensor) else "no tensor"
        assert_true(False, f"The result is {found} for {dtype_name(dtype)} inputs.")
    assert_true(bool(torch.isfinite(got).all()), f"The result has NaN or infinite values in {dtype_name(dtype)}.")


@check(task="layer_norm", group="invariance", examples=10)
@given(case=norm_cases())
def test_leaves_inputs_alone(layer_norm: LayerNorm, case: NormCase) -> None:
    """x, gain and bias are the same after the call as before."""
    after = layer_norm.inputs_after(case.x, case.gain, case.bias)
    for name, old, new in zip(("x", "gain", "bias"), (case.x, case.gain, case.bias), after, strict=True):
        assert_equal(new, old, f"{name} after the call")


@check(task="layer_norm", group="robustness", examples=10)
@given(first=norm_cases(), second=norm_cases())
def test_call_order_is_irrelevant(layer_norm: LayerNorm, first: NormCase, second: NormCase) -> None:
    """Nothing is kept between calls: results are right for inputs of the same and of other shapes in turn."""
    like_first = NormCase(1.5 * first.x.flip(0, 1), first.gain.flip(0), first.bias.flip(0))
    for i, case in enumerate((first, second, like_first, first)):
        is_right(layer_norm, case, f"the result of call {i + 1}")


@check(task="layer_norm", group="robustness", examples=10)
@given(case=norm_cases())
def test_non_contiguous_input(layer_norm: LayerNorm, case: NormCase) -> None:
    """x that is a transposed view works."""
    x = case.x.transpose(-2, -1).contiguous().transpose(-2, -1)
    is_right(layer_norm, NormCase(x, case.gain, case.bias))


@check(task="layer_norm", group="agreement", requires=("in_model",))
def test_applied_in_the_model(layer_norm: LayerNorm, rng: object) -> None:
    """The model applies it to the output of the attention and to that of the MLP, each with a gain and a bias to learn."""
    found = layer_norm.not_applied()
    assert_true(not found, found)
