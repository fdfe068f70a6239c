"""Checks of the task stack: layers of the student's, one behind the other. The layers themselves are graded elsewhere."""

import torch
from hypothesis import given
from torch import Tensor

from .check import check
from .compare import assert_agrees_with_one, assert_equal, assert_true, describe, require_tensor
from .strategies import generator, seeds
from .strategies.stack import StackCase, stack_cases
from .tasks import Stack, StackModule, StackSizes

# the same layers run in the same precision: what differs is the order of a few sums
ATOL = 5e-5


def output_is_right(module: StackModule, x: Tensor, mask: Tensor | None, what: str = "the output") -> None:
    """The output is what the layers give, one behind the other."""
    assert_agrees_with_one(module(x, mask), [module.expected(x, mask)[0]], what, atol=ATOL, rtol=1e-4)


def weights_are_right(module: StackModule, case: StackCase) -> Tensor:
    """The attention weights are those of the layers, in their order."""
    got = module.weights(case.x, case.mask)
    what = "the attention weights (batch, layer, head, query, key)"
    B, T, _ = case.x.shape
    got = require_tensor(got, what, (B, case.sizes.n_layers, case.sizes.n_heads, T, T), torch.float32)
    assert_agrees_with_one(got, [module.expected(case.x, case.mask)[1]], what)
    return got


@check(task="stack", group="interface")
def test_interface(stack: Stack, rng: object) -> None:
    """The stack of layers can be built, and called with x of shape (B, T, width of x) and a mask of shape (B, T, T)."""
    module = stack.build(StackSizes(8, 2, 4, 11, 3), 0)
    module(torch.zeros(2, 5, 8), torch.ones(5, 5, dtype=torch.bool).tril().expand(2, 5, 5))


@check(task="stack", group="shape", examples=8)
@given(case=stack_cases())
def test_shapes(stack: Stack, case: StackCase) -> None:
    """The output has the shape and dtype of x."""
    module = stack.build(case.sizes, case.seed)
    require_tensor(module(case.x, case.mask), "the output", tuple(case.x.shape), case.x.dtype)


@check(task="stack", group="agreement", examples=25)
@given(case=stack_cases())
def test_agrees_with_its_layers(stack: Stack, case: StackCase) -> None:
    """The output is what the layers give one after the other, each with what the one before returned, and with the mask."""
    output_is_right(stack.build(case.sizes, case.seed), case.x, case.mask)


@check(task="stack", group="agreement", examples=10)
@given(case=stack_cases())
def test_without_a_mask(stack: Stack, case: StackCase) -> None:
    """Without a mask the layers get none: every token is seen."""
    output_is_right(stack.build(case.sizes, case.seed), case.x, None, "the output without a mask")


@check(task="stack", group="agreement", examples=15)
@given(case=stack_cases())
def test_returns_weights(stack: Stack, case: StackCase) -> None:
    """The attention weights of all layers are returned on request, with an axis for the layers behind that of the batch."""
    weights_are_right(stack.build(case.sizes, case.seed), case)


@check(task="stack", group="agreement", examples=8)
@given(case=stack_cases(neighbours=True))
def test_itself_and_the_one_before(stack: Stack, case: StackCase) -> None:
    """With the handout's mask of itself and the token before, output and attention weights are those of this pattern."""
    module = stack.build(case.sizes, case.seed)
    got, expected = weights_are_right(module, case), module.expected(case.x, case.mask)[1]
    leaked = got[expected == 0]
    assert_true(not leaked.any(), f"{int((leaked != 0).sum())} weights that must be exactly 0 are not.")
    output_is_right(module, case.x, case.mask)


@check(task="stack", group="property", examples=6)
@given(case=stack_cases(min_layers=2))
def test_layers_have_weights_of_their_own(stack: Stack, case: StackCase) -> None:
    """Each layer has parameters of its own, none of them shared with another layer."""
    shared = stack.build(case.sizes, case.seed).shared_layers()
    assert_true(
        not shared,
        f"These layers have no parameters of their own: {', '.join(shared)[:300]}. [Layer(…)] * n holds the same layer n "
        "times: make each of them anew, as in [Layer(…) for _ in range(n)].",
    )


@check(task="stack", group="property", examples=8)
@given(case=stack_cases(min_layers=2), seed=seeds)
def test_gradients_reach_all_layers(stack: Stack, case: StackCase, seed: int) -> None:
    """Gradients flow back through every layer to x."""
    module = stack.build(case.sizes, case.seed)
    grad_x, lacking = module.gradients(case.x, torch.randn(case.x.shape, generator=generator(seed)))
    assert_true(
        not lacking, f"No gradient reaches {', '.join(lacking)[:300]}: the layer is not used, or something is detached."
    )
    reached = isinstance(grad_x, Tensor) and bool(grad_x.any())
    assert_true(reached, "No gradient reaches x: is something detached, or computed with numpy or .item()?")


@check(task="stack", group="property")
def test_weights_only_on_request(stack: Stack, rng: object) -> None:
    """Where the attention weights are not asked for, None comes in their place."""
    got = stack.build(StackSizes(8, 2, 4, 11, 2), 0).beside_the_output(torch.ones(1, 3, 8))
    assert_true(got is None, f"Without return_attn the second value must be None; it is {describe(got)}.")


@check(task="stack", group="invariance", examples=8)
@given(case=stack_cases())
def test_leaves_input_alone(stack: Stack, case: StackCase) -> None:
    """x is the same after the call as before."""
    assert_equal(stack.build(case.sizes, case.seed).input_after(case.x), case.x, "x after the call")


@check(task="stack", group="robustness", examples=6)
@given(case=stack_cases(), seed=seeds)
def test_call_order_is_irrelevant(stack: Stack, case: StackCase, seed: int) -> None:
    """One stack gives the right output for lengths 3, 8, 5 and 3 in turn."""
    module = stack.build(case.sizes, case.seed)
    for i, T in enumerate((3, 8, 5, 3)):
        x = torch.randn(2, T, case.sizes.d_model, generator=generator(seed + i))
        mask = (torch.arange(T) <= torch.arange(T)[:, None]).expand(2, T, T)
        output_is_right(module, x, mask, f"the output of call {i + 1}, T={T}")
