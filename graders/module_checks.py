"""What every module that maps a tensor to a tensor must do: the bodies of checks that several tasks have."""

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from .compare import assert_agrees, assert_agrees_with_one, assert_equal, assert_true, require_tensor
from .strategies import generator
from .tasks import Module

# rounding grows with the width of the sums; weights are scaled so that outputs are O(1)
ATOL = 2e-5

Built = TypeVar("Built", bound=Module)


def ready(module: Built, weights: Mapping[str, Tensor], *, train: bool = False) -> Built:
    """The module with weights, in eval mode unless `train`."""
    module.load(weights)
    module.train(train)
    return module


def output(module: Module, x: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    """The module's output, of the right shape (that of x by default) and the dtype of x."""
    return require_tensor(module(x), "the output", tuple(x.shape) if shape is None else shape, x.dtype)


def is_right(module: Module, x: Tensor, what: str = "the output", *, atol: float = ATOL) -> None:
    """The output is the one that the loaded weights give."""
    assert_agrees_with_one(module(x), module.expected(x), what, atol=atol)


def earlier_tokens_do_not_feel_later_ones(module: Module, x: Tensor, seed: int) -> None:
    """Changing the tokens of x (B, T, d) from a random place on leaves the outputs before it as they are."""
    T = x.shape[1]
    rng = generator(seed)
    cut = int(torch.randint(1, T, (), generator=rng))
    changed = x.clone()
    changed[:, cut:] += torch.randn(changed[:, cut:].shape, generator=rng)
    before, after = output(module, x), output(module, changed)
    what = f"the output of the first {cut} tokens after the later ones have changed"
    assert_agrees(after[:, :cut], before[:, :cut].double(), what, atol=1e-6, rtol=1e-6)


def other_tokens_stay(before: Tensor, after: Tensor, changed: tuple[int, int]) -> None:
    """Of outputs (B, T, d) before and after one token has changed, those of all other tokens are the same.

    Args:
        before, after: the outputs.
        changed: the number of the sequence and the place of the token.
    """
    moved = (after - before).abs().amax(-1) > 1e-6 + 1e-6 * before.abs().amax(-1)  # (B, T)
    moved[changed] = False
    places = moved.nonzero().tolist()
    others = ", ".join(f"token {t} of sequence {b}" for b, t in places[:3]) + (", …" if len(places) > 3 else "")
    b, t = changed
    assert_true(not places, f"After a change of token {t} of sequence {b} alone, the result of {others} is another.")


def samples_are_independent(
    module: Module, x: Tensor, shape: tuple[int, ...] | None = None, name: str = "sequence"
) -> None:
    """A sample alone gives what it gives in the batch.

    Args:
        module: the student's.
        x: (B, …).
        shape: that of the output; that of x by default.
        name: what a sample is called.
    """
    together = output(module, x, shape)
    for i in range(len(x)):
        alone = output(module, x[i : i + 1], (1, *together.shape[1:]))
        assert_agrees(together[i : i + 1], alone.double(), f"{name} {i} in the batch, against itself alone", atol=ATOL)


def prefixes_agree(module: Module, x: Tensor) -> None:
    """The first tokens of x (B, T, d) alone give what they give at the beginning of the whole."""
    whole = output(module, x)
    for t in range(1, x.shape[1]):
        part = output(module, x[:, :t].contiguous())
        assert_agrees(part, whole[:, :t].double(), f"the output of the first {t} tokens alone", atol=ATOL)


def dropout_sleeps_in_eval_mode(module: Module, without: Module, x: Tensor) -> None:
    """In eval mode a module with dropout is deterministic, and does what the same module without dropout does."""
    first = output(module, x)
    assert_equal(output(module, x), first, "the output of the second call in eval mode")
    expected = output(without, x).double()
    assert_agrees(first, expected, "the output in eval mode, against the module without dropout", atol=ATOL)


def train_mode_is_right(module: Module, x: Tensor) -> None:
    """A module in train mode that was made without naming a dropout gives the right output."""
    is_right(module, x, "the output in train mode, without dropout")


def gradients_are_right(
    module: Module, x: Tensor, grad_output: Tensor, expected: tuple[Tensor, Mapping[str, Tensor]]
) -> None:
    """Gradients reach x and every parameter whose role is known, and are the expected ones."""
    expected_x, expected_by_role = expected
    got_x, got = module.gradients(x, grad_output)
    assert_true(got_x is not None, "No gradient reaches x: is something detached, or computed with numpy or .item()?")
    for role, gradient in got.items():
        parameter_gradient_is_right(gradient, expected_by_role[role], role)
    # as in the sums over the batch, rounding grows with the number of terms
    assert_agrees(got_x, expected_x, "the gradient with respect to x", atol=1e-4, rtol=1e-4)


def parameter_gradient_is_right(gradient: Any, expected: Tensor, role: str) -> None:
    """A parameter's gradient is there, and is the expected one but for the rounding of sums over the batch."""
    assert_true(gradient is not None, f"No gradient reaches {role}: it is not used, or something is detached.")
    assert_agrees(gradient, expected, f"the gradient of {role}", atol=1e-4, rtol=1e-4)


def share_is(share: float, expected: float, count: int, what: str) -> None:
    """A share of `count` independent events is within six standard errors of the expected one.

    Null hypothesis: each event happens with the expected probability. A correct module fails with probability below 1e-8.
    """
    allowed = 6 * (expected * (1 - expected) / count) ** 0.5
    assert_true(
        abs(share - expected) <= allowed,
        f"{what} is {share:.3f}; expected {expected:.3f} ± {allowed:.3f}.",
    )
