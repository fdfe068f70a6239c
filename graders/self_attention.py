"""What every self-attention module must do, with one head or with several: the bodies of the checks of both tasks."""

import torch
from torch import Tensor

from .compare import assert_agrees, assert_agrees_with_one, assert_equal, assert_true, require_tensor
from .strategies import HeadCase, generator
from .tasks import HeadSizes, MultiHead, MultiHeadModule

# rounding grows with the width of the sums; weights are scaled so that outputs are O(1)
ATOL = 2e-5


def built(implementation: MultiHead, case: HeadCase, *, train: bool = False) -> MultiHeadModule:
    """The student's module with the case's weights, in eval mode unless `train`."""
    module = implementation.build(case.sizes)
    module.load(case.weights)
    module.train(train)
    return module


def output(module: MultiHeadModule, x: Tensor, sizes: HeadSizes) -> Tensor:
    """The module's output, of the right shape and dtype. A single head's output is as wide as the head."""
    width = sizes.width if sizes.n_heads == 1 else sizes.d_model
    return require_tensor(module(x), "the output", (*x.shape[:-1], width), x.dtype)


def is_right(module: MultiHeadModule, x: Tensor, mask: Tensor | None = None, what: str = "the output") -> None:
    """The output is the one that the loaded weights give."""
    got = module(x) if mask is None else module(x, mask)
    assert_agrees_with_one(got, module.expected(x, mask), what, atol=ATOL)


def earlier_tokens_do_not_feel_later_ones(module: MultiHeadModule, case: HeadCase, seed: int) -> None:
    """Changing the tokens from a random place on leaves the outputs before it as they are."""
    T = case.x.shape[1]
    rng = generator(seed)
    cut = int(torch.randint(1, T, (), generator=rng))
    changed = case.x.clone()
    changed[:, cut:] += torch.randn(changed[:, cut:].shape, generator=rng)
    before, after = (output(module, x, case.sizes) for x in (case.x, changed))
    what = f"the output of the first {cut} tokens after the later ones have changed"
    assert_agrees(after[:, :cut], before[:, :cut].double(), what, atol=1e-6, rtol=1e-6)


def gradients_respect_causality(module: MultiHeadModule, case: HeadCase) -> None:
    """The gradient of output t is exactly 0 at later tokens, and not 0 at the others."""
    B, T, d_model = case.x.shape
    width = case.sizes.width if case.sizes.n_heads == 1 else d_model
    for t in range(T):
        grad_output = torch.zeros(B, T, width)
        grad_output[:, t] = torch.randn(B, width, generator=generator(t))
        got = module.gradients(case.x, grad_output)[0]
        got = require_tensor(got, "the gradient with respect to x", (B, T, d_model), torch.float32)
        reached = got.abs().amax(-1) > 0  # (B, T)
        allowed = (torch.arange(T) <= t).expand(B, T)
        assert_equal(reached, allowed, f"whether output {t} depends on each token (batch, token)")


def sequences_are_independent(module: MultiHeadModule, case: HeadCase) -> None:
    """A sequence alone gives what it gives in the batch."""
    together = output(module, case.x, case.sizes)
    for i in range(len(case.x)):
        alone = output(module, case.x[i : i + 1], case.sizes)
        assert_agrees(together[i : i + 1], alone.double(), f"sequence {i} in the batch", atol=ATOL)


def lengths_in_any_order(module: MultiHeadModule, case: HeadCase, seed: int) -> None:
    """Lengths 3, 8, 5 and 3 in turn give the right outputs."""
    for i, T in enumerate((3, 8, 5, 3)):
        x = torch.randn(2, T, case.sizes.d_model, generator=generator(seed + i))
        is_right(module, x, what=f"the output of call {i + 1}, T={T}")


def weights_are_dropped_after_the_softmax(
    implementation: MultiHead, sizes: HeadSizes, weights: dict[str, Tensor]
) -> None:
    """Dropout of p = 1/2 acts on the attention weights, and scales the kept ones by 2.

    All values are 1 and a projection is the identity: the output is the sum of the kept weights, scaled. At t = 0 there is
    one weight, 1, so that the head's output is 0 or 2, and then once more doubled or dropped by a dropout behind it.
    Dropout on the scores would leave a softmax over one key: always 1.

    Null hypothesis: the weight of each of 192 (sequence, head) pairs is dropped with probability 1/2, and then all
    features are 0. P(fewer than 50 or more than 150 of 192) < 1e-9 where features are dropped at most once more: with four
    features of a head the latter adds 1/16 of the others.
    """
    n_heads, width, T = sizes.n_heads, sizes.width, 6
    ones = torch.zeros(n_heads * width, sizes.d_model)
    ones[:, 0] = 1.0  # feature 0 of x is always 1, so that the values are 1 without a bias too
    weights = weights | {"value.weight": ones, "value.bias": torch.zeros(n_heads * width)}
    weights |= {"proj.weight": torch.eye(sizes.d_model, n_heads * width), "proj.bias": torch.zeros(sizes.d_model)}
    module = implementation.build(sizes)
    module.load(weights)
    module.train(True)
    x = torch.randn(192 // n_heads, T, sizes.d_model, generator=generator(6))
    x[..., 0] = 1.0
    got = output(module, x, sizes)
    first = got[:, 0, : n_heads * width].unflatten(-1, (n_heads, width))  # all features of a head share its one weight
    near = (first[..., None] - torch.tensor([0.0, 2.0, 4.0])).abs().amin(-1) < 1e-4
    assert_true(
        bool(near.all()),
        "With values of 1 and a dropout of 0.5, the first token's output must be 0, 2 or 4 (weight 1 dropped or doubled, "
        f"then the output dropped or doubled); found {float(first[~near][0]) if (~near).any() else 0:.4g}.",
    )
    dropped = int((first == 0).all(-1).sum())
    assert_true(
        50 <= dropped <= 150,
        f"In {dropped} of 192 heads the first token's only weight was dropped; about 96 are expected. "
        "Dropout belongs on the weights, after the softmax.",
    )
