"""Checks of the task block (docs/core.md)."""

import dataclasses

import torch
from hypothesis import given

from .check import check
from .compare import assert_equal, assert_true
from .module_checks import (
    dropout_sleeps_in_eval_mode,
    earlier_tokens_do_not_feel_later_ones,
    gradients_are_right,
    is_right,
    output,
    prefixes_agree,
    ready,
    samples_are_independent,
    share_is,
    train_mode_is_right,
)
from .oracles.block import block_gradients
from .strategies import generator, seeds
from .strategies.block import BlockCase, block_cases, block_weights, silenced
from .tasks import Block, BlockSizes, Module

# two sublayers behind each other: rounding adds up
ATOL = 5e-5


def built(block: Block, case: BlockCase, *, train: bool = False) -> Module:
    """The student's module with the case's weights, in eval mode unless `train`."""
    return ready(block.build(case.sizes), case.weights, train=train)


@check(task="block", group="interface")
def test_interface(block: Block, rng: object) -> None:
    """The block can be built, given weights, and called with x of shape (B, T, d_model)."""
    module = block.build(BlockSizes(12, 3, 48, max_tokens=8))
    ready(module, block_weights(12, 48, generator(0)))(torch.zeros(2, 5, 12))


@check(task="block", group="shape", examples=8)
@given(case=block_cases())
def test_shapes(block: Block, case: BlockCase) -> None:
    """The output has the shape and dtype of x."""
    output(built(block, case), case.x)


@check(task="block", group="agreement", examples=25)
@given(case=block_cases(max_tokens=24))
def test_agrees_with_reference(block: Block, case: BlockCase) -> None:
    """The output is what norms, attention, MLP and both additions give with the same weights."""
    is_right(built(block, case), case.x, atol=ATOL)


@check(task="block", group="agreement", requires=("free_width",), examples=10)
@given(case=block_cases(free_width=True))
def test_any_hidden_width(block: Block, case: BlockCase) -> None:
    """The hidden layer of the MLP is as wide as d_hidden says, be it wider or narrower than x."""
    is_right(built(block, case), case.x, atol=ATOL)


@check(task="block", group="agreement", requires=("norm_eps",), examples=15)
@given(case=block_cases(small=True))
def test_norm_eps(block: Block, case: BlockCase) -> None:
    """The norms add an eps of 1e-5 to the variance, which shows where tokens are small."""
    is_right(built(block, case), case.x, atol=ATOL)


@check(task="block", group="property", requires=("pre_norm",), examples=8)
@given(case=block_cases())
def test_residual_path(block: Block, case: BlockCase) -> None:
    """If attention and MLP give 0, the block returns x itself: nothing but additions stands on the residual path."""
    module = ready(block.build(case.sizes), silenced(case.weights, "attn", "mlp"))
    assert_equal(output(module, case.x), case.x, "the output when attention and MLP give 0 (expected: x)")


@check(task="block", group="property", requires=("standalone",), examples=10)
@given(case=block_cases())
def test_attention_sublayer(block: Block, case: BlockCase) -> None:
    """If the MLP gives 0, the output is that of norm, attention and addition alone."""
    module = ready(block.build(case.sizes), silenced(case.weights, "mlp"))
    is_right(module, case.x, "the output when the MLP gives 0", atol=ATOL)


@check(task="block", group="property", requires=("standalone",), examples=10)
@given(case=block_cases())
def test_mlp_sublayer(block: Block, case: BlockCase) -> None:
    """If the attention gives 0, the output is that of norm, MLP and addition alone."""
    module = ready(block.build(case.sizes), silenced(case.weights, "attn"))
    is_right(module, case.x, "the output when the attention gives 0", atol=ATOL)


@check(task="block", group="property", requires=("standalone",), examples=12)
@given(case=block_cases(min_tokens=2), seed=seeds)
def test_no_future_leak(block: Block, case: BlockCase, seed: int) -> None:
    """Changing later tokens does not change earlier outputs, in eval mode and in train mode without dropout."""
    for train in (False, True):
        earlier_tokens_do_not_feel_later_ones(built(block, case, train=train), case.x, seed)


@check(task="block", group="property", requires=("standalone",), examples=8)
@given(case=block_cases(min_tokens=2))
def test_prefix_property(block: Block, case: BlockCase) -> None:
    """A shorter sequence gives the same outputs as the beginning of a longer one."""
    prefixes_agree(built(block, case), case.x)


@check(task="block", group="property", requires=("standalone",), examples=10)
@given(case=block_cases())
def test_batch_independence(block: Block, case: BlockCase) -> None:
    """Each sequence of a batch is computed as if it stood alone."""
    samples_are_independent(built(block, case), case.x)


@check(task="block", group="property", requires=("standalone",), examples=12)
@given(case=block_cases(), seed=seeds)
def test_gradients(block: Block, case: BlockCase, seed: int) -> None:
    """Gradients reach x and every parameter, along both residual paths too, and are the right ones."""
    grad_output = torch.randn(case.x.shape, generator=generator(seed))
    module = built(block, case)
    expected = block_gradients(module.loaded(), case.sizes.n_heads, case.x, grad_output)
    gradients_are_right(module, case.x, grad_output, expected)


@check(task="block", group="property", requires=("residual_dropout",))
def test_dropout(block: Block, rng: object) -> None:
    """In train mode dropout acts once on what attention and MLP add, and not on the residual path.

    One sublayer at a time gives 1 everywhere and the other 0: the output less x is 0 or 1/(1−p). Null hypothesis: each
    is dropped with probability p. Over N = 8 · 1,536 outputs the share is within 6 standard errors of p; a correct module
    fails with probability below 1e-8. The worker's random state is fixed.
    """
    p, repeats = 0.4, 8
    sizes = BlockSizes(48, 3, 192, p, max_tokens=24)
    x = torch.randn(4, 8, 48, generator=generator(13))
    weights = silenced(block_weights(48, 192, generator(14)), "attn", "mlp")
    for name, role in (("attention", "attn.proj.bias"), ("MLP", "mlp.down.bias")):
        module = ready(block.build(sizes), weights | {role: torch.ones(48)}, train=True)
        added = torch.stack([output(module, x) - x for _ in range(repeats)])
        odd = (added.abs() > 1e-4) & ((added - 1 / (1 - p)).abs() > 1e-4)
        assert_true(
            not odd.any(),
            f"In train mode with dropout {p}, where the {name} gives 1 and the other sublayer 0, each output less x must be "
            f"0 or {1 / (1 - p):.4g} (dropped or scaled once); found "
            f"{float(added[odd][0]) if odd.any() else 0:.4g}. Dropout belongs inside of attention and MLP only.",
        )
        share = float((added.abs() <= 1e-4).double().mean())
        what = f"In train mode with dropout {p}, the share of zeros in what the {name} adds"
        share_is(share, p, added.numel(), what)


@check(task="block", group="property", requires=("default_dropout",), examples=8)
@given(case=block_cases())
def test_no_dropout_by_default(block: Block, case: BlockCase) -> None:
    """Dropout is 0 unless it is asked for: in train mode, too, nothing is dropped."""
    train_mode_is_right(ready(block.build(case.sizes), case.weights, train=True), case.x)


@check(task="block", group="invariance", requires=("standalone",), examples=8)
@given(case=block_cases(dropout=0.4))
def test_eval_is_deterministic(block: Block, case: BlockCase) -> None:
    """In eval mode dropout does nothing: two calls agree, with each other and with a block without dropout."""
    without = block.build(dataclasses.replace(case.sizes, dropout=0.0))
    dropout_sleeps_in_eval_mode(built(block, case), ready(without, case.weights), case.x)


@check(task="block", group="invariance", examples=8)
@given(case=block_cases())
def test_leaves_input_alone(block: Block, case: BlockCase) -> None:
    """x is the same after the call as before."""
    assert_equal(built(block, case).inputs_after(case.x)[0], case.x, "x after the call")


@check(task="block", group="invariance", examples=6)
@given(case=block_cases())
def test_keeps_dtype(block: Block, case: BlockCase) -> None:
    """A block converted to float64 takes and returns float64."""
    module = built(block, case)
    module.to_dtype("double")
    output(module, case.x.double())


@check(task="block", group="robustness", requires=("standalone",), examples=6)
@given(case=block_cases(max_tokens=4), seed=seeds)
def test_call_order_is_irrelevant(block: Block, case: BlockCase, seed: int) -> None:
    """One block gives the right output for lengths 3, 8, 5 and 3 in turn."""
    module = built(block, case)
    for i, T in enumerate((3, 8, 5, 3)):
        x = torch.randn(2, T, case.sizes.d_model, generator=generator(seed + i))
        is_right(module, x, f"the output of call {i + 1}, T={T}", atol=ATOL)


@check(task="block", group="robustness", examples=6)
@given(case=block_cases(min_tokens=2))
def test_non_contiguous_input(block: Block, case: BlockCase) -> None:
    """x that is a transposed view works."""
    is_right(built(block, case), case.x.transpose(0, 1).contiguous().transpose(0, 1), atol=ATOL)


@check(task="block", group="robustness", requires=("standalone",), examples=6)
@given(first=block_cases(), second=block_cases())
def test_modules_are_independent(block: Block, first: BlockCase, second: BlockCase) -> None:
    """Two blocks of different sizes, used in turn, do not disturb each other."""
    modules = [built(block, case) for case in (first, second)]
    for i in (0, 1, 0, 1):
        is_right(modules[i], (first, second)[i].x, f"the output of block {i + 1}", atol=ATOL)


@check(task="block", group="invariance", requires=("isolated",), examples=8)
@given(case=block_cases(dropout=0.4))
def test_dropout_sleeps_in_eval_mode(block: Block, case: BlockCase) -> None:
    """In eval mode what the block itself drops is nothing, whatever its dropout probability."""
    without = block.build(dataclasses.replace(case.sizes, dropout=0.0))
    dropout_sleeps_in_eval_mode(built(block, case), ready(without, case.weights), case.x)
