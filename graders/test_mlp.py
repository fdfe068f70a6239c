"""Checks of the task mlp (docs/core.md)."""

import dataclasses

import torch
from hypothesis import given

from .check import check
from .compare import assert_agrees, assert_equal, assert_true
from .module_checks import (
    dropout_sleeps_in_eval_mode,
    gradients_are_right,
    is_right,
    other_tokens_stay,
    output,
    ready,
    share_is,
    train_mode_is_right,
)
from .oracles.mlp import mlp_gradients
from .strategies import generator, seeds
from .strategies.mlp import MlpCase, mlp_cases, mlp_weights
from .tasks import Mlp, MlpSizes, Module


def built(mlp: Mlp, case: MlpCase) -> Module:
    """The student's module with the case's weights, in eval mode."""
    return ready(mlp.build(case.sizes), case.weights)


@check(task="mlp", group="interface")
def test_interface(mlp: Mlp, rng: object) -> None:
    """The MLP can be built, given weights, and called with x of shape (B, T, d_model)."""
    ready(mlp.build(MlpSizes(6, 24)), mlp_weights(6, 24, generator(0)))(torch.zeros(2, 5, 6))


@check(task="mlp", group="shape", examples=10)
@given(case=mlp_cases())
def test_shapes(mlp: Mlp, case: MlpCase) -> None:
    """The output has the shape and dtype of x."""
    output(built(mlp, case), case.x)


@check(task="mlp", group="agreement", examples=30)
@given(case=mlp_cases())
def test_agrees_with_reference(mlp: Mlp, case: MlpCase) -> None:
    """The output is the second linear layer of the activation of the first one, with the same weights."""
    is_right(built(mlp, case), case.x)


@check(task="mlp", group="agreement", requires=("free_width",), examples=15)
@given(case=mlp_cases(free_width=True))
def test_any_hidden_width(mlp: Mlp, case: MlpCase) -> None:
    """The hidden layer is as wide as d_hidden says, be it wider or narrower than x."""
    is_right(built(mlp, case), case.x)


@check(task="mlp", group="agreement", requires=("any_axes",), examples=20)
@given(case=mlp_cases(any_axes=True))
def test_any_leading_axes(mlp: Mlp, case: MlpCase) -> None:
    """x may have no axis before the features, or any number of them."""
    is_right(built(mlp, case), case.x)


@check(task="mlp", group="property")
def test_activation(mlp: Mlp, rng: object) -> None:
    """With identity weights and no biases the output is the activation of x, everywhere from −5 to 5."""
    d_model, d_hidden = 2, 8
    there, back = torch.eye(d_hidden, d_model), torch.eye(d_model, d_hidden)
    weights = {"up.weight": there, "up.bias": torch.zeros(d_hidden)}
    weights |= {"down.weight": back, "down.bias": torch.zeros(d_model)}
    module = ready(mlp.build(MlpSizes(d_model, d_hidden)), weights)
    x = torch.linspace(-5, 5, 102).view(1, 51, d_model)
    got = output(module, x).double()
    off = [(got - expected).abs() for expected in module.expected(x)]
    worst = int(off[0].argmax())
    at, found = float(x.flatten()[worst]), float(got.flatten()[worst])
    wanted = float(next(module.expected(x)).flatten()[worst])
    assert_true(
        any(float(difference.max()) <= 1e-5 for difference in off),
        f"The activation of {at:.2f} must be {wanted:.5f}; with identity weights the MLP gives {found:.5f} "
        "(this is the place where the two differ most).",
    )


@check(task="mlp", group="property", requires=("standalone",), examples=12)
@given(case=mlp_cases(min_tokens=2), seed=seeds)
def test_tokens_are_independent(mlp: Mlp, case: MlpCase, seed: int) -> None:
    """Changing one token changes the output of no other token."""
    rng = generator(seed)
    B, T, _ = case.x.shape
    b, t = int(torch.randint(B, (), generator=rng)), int(torch.randint(T, (), generator=rng))
    changed = case.x.clone()
    changed[b, t] += torch.randn(changed[b, t].shape, generator=rng)
    module = built(mlp, case)
    other_tokens_stay(output(module, case.x), output(module, changed), (b, t))


@check(task="mlp", group="property", requires=("standalone",), examples=15)
@given(case=mlp_cases(), seed=seeds)
def test_gradients(mlp: Mlp, case: MlpCase, seed: int) -> None:
    """Gradients reach x and every parameter, and are the right ones."""
    grad_output = torch.randn(case.x.shape, generator=generator(seed))
    module = built(mlp, case)
    gelu = getattr(module, "approximate", "none")  # where the homework leaves open which
    expected = mlp_gradients(module.loaded(), case.x, grad_output, approximate=gelu)
    gradients_are_right(module, case.x, grad_output, expected)


@check(task="mlp", group="property", requires=("residual_dropout",))
def test_dropout(mlp: Mlp, rng: object) -> None:
    """In train mode dropout acts on the output: a share p of it is 0, the rest is scaled by 1/(1−p).

    Null hypothesis: each output is dropped with probability p. Over N = 10 · 1,536 outputs the share is within 6
    standard errors of p; a correct module fails with probability below 1e-8. The worker's random state is fixed.
    """
    p, repeats = 0.4, 10
    sizes = MlpSizes(48, 192, p)
    x = torch.randn(4, 8, 48, generator=generator(11))
    module = ready(mlp.build(sizes), mlp_weights(48, 192, generator(12)), train=True)
    outputs = torch.stack([output(module, x) for _ in range(repeats)])
    share = float((outputs == 0).double().mean())
    share_is(share, p, outputs.numel(), f"In train mode with dropout {p}, the share of zeros in the output")
    assert_true(not torch.equal(outputs[0], outputs[1]), "Two calls in train mode drop the same outputs.")
    whole = next(module.expected(x))
    for kept in outputs:
        expected = torch.where(kept == 0, 0.0, whole / (1 - p))
        assert_agrees(kept, expected, f"what dropout keeps of the output, scaled by 1/(1 − {p})", atol=1e-4)


@check(task="mlp", group="property", requires=("default_dropout",), examples=8)
@given(case=mlp_cases())
def test_no_dropout_by_default(mlp: Mlp, case: MlpCase) -> None:
    """Dropout is 0 unless it is asked for: in train mode, too, nothing is dropped."""
    train_mode_is_right(ready(mlp.build(case.sizes), case.weights, train=True), case.x)


@check(task="mlp", group="invariance", examples=10)
@given(case=mlp_cases(dropout=0.4))
def test_eval_is_deterministic(mlp: Mlp, case: MlpCase) -> None:
    """In eval mode dropout does nothing: two calls agree, with each other and with an MLP without dropout."""
    without = mlp.build(dataclasses.replace(case.sizes, dropout=0.0))
    dropout_sleeps_in_eval_mode(built(mlp, case), ready(without, case.weights), case.x)


@check(task="mlp", group="invariance", examples=10)
@given(case=mlp_cases())
def test_leaves_input_alone(mlp: Mlp, case: MlpCase) -> None:
    """x is the same after the call as before."""
    assert_equal(built(mlp, case).inputs_after(case.x)[0], case.x, "x after the call")


@check(task="mlp", group="invariance", examples=8)
@given(case=mlp_cases())
def test_keeps_dtype(mlp: Mlp, case: MlpCase) -> None:
    """An MLP converted to float64 takes and returns float64."""
    module = built(mlp, case)
    module.to_dtype("double")
    output(module, case.x.double())


@check(task="mlp", group="robustness", examples=10)
@given(case=mlp_cases(min_tokens=2))
def test_non_contiguous_input(mlp: Mlp, case: MlpCase) -> None:
    """x that is a transposed view works."""
    is_right(built(mlp, case), case.x.transpose(0, 1).contiguous().transpose(0, 1))


@check(task="mlp", group="robustness", examples=8)
@given(first=mlp_cases(), second=mlp_cases())
def test_modules_are_independent(mlp: Mlp, first: MlpCase, second: MlpCase) -> None:
    """Two MLPs of different sizes, used in turn, do not disturb each other."""
    modules = [built(mlp, case) for case in (first, second)]
    for i in (0, 1, 0, 1):
        is_right(modules[i], (first, second)[i].x, f"the output of MLP {i + 1}")
