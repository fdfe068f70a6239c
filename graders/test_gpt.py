"""Checks of the task gpt (docs/core.md)."""

import dataclasses

import torch
from hypothesis import given
from torch import Tensor

from sandbox.errors import StudentError

from .check import check
from .compare import (
    assert_agrees,
    assert_agrees_with_one,
    assert_equal,
    assert_true,
    describe,
    require_tensor,
)
from .module_checks import parameter_gradient_is_right, share_is
from .oracles.gpt import gpt_gradients, gpt_loss
from .strategies import generator, seeds
from .strategies.block import silenced
from .strategies.gpt import GptCase, gpt_cases, gpt_weights
from .tasks import Gpt, GptModule, GptSizes, MaskingGpt
from .verdict import CheckFailed

# up to three blocks behind each other: rounding adds up
ATOL = 1e-4


def built(gpt: Gpt, case: GptCase, *, train: bool = False) -> GptModule:
    """The student's model with the case's weights, in eval mode unless `train`."""
    model = gpt.build(case.sizes)
    model.load(case.weights)
    model.train(train)
    return model


def logits(model: GptModule, ids: Tensor, sizes: GptSizes) -> Tensor:
    """The model's logits, of the right shape and dtype."""
    return require_tensor(model(ids), "the logits", (*ids.shape, sizes.vocab_size), torch.float32)


def is_right(model: GptModule, ids: Tensor, what: str = "the logits") -> None:
    """The logits are those that the loaded weights give."""
    assert_agrees_with_one(model(ids), model.expected(ids), what, atol=ATOL)


def loss_is_right(model: GptModule, case: GptCase) -> None:
    """With targets, the logits are those without, and the loss is the mean cross-entropy over the targets that count."""
    assert case.targets is not None
    got, loss = model.with_targets(case.ids, case.targets)
    assert_agrees_with_one(got, model.expected(case.ids), "the logits that come with the loss", atol=ATOL)
    losses = (gpt_loss(expected, case.targets) for expected in model.expected(case.ids))
    assert_agrees_with_one(loss, losses, "the loss", atol=ATOL)


def dropout_sleeps(gpt: Gpt, case: GptCase) -> None:
    """In eval mode two calls agree, with each other and with a model without dropout."""
    model = built(gpt, case)
    first = logits(model, case.ids, case.sizes)
    assert_equal(logits(model, case.ids, case.sizes), first, "the logits of the second call in eval mode")
    without = built(gpt, dataclasses.replace(case, sizes=dataclasses.replace(case.sizes, dropout=0.0)))
    expected = logits(without, case.ids, case.sizes).double()
    assert_agrees(first, expected, "the logits in eval mode, against the model without dropout", atol=ATOL)


@check(task="gpt", group="interface")
def test_interface(gpt: Gpt, rng: object) -> None:
    """The model can be built from its configuration, given weights, and called with ids of shape (B, T)."""
    sizes = GptSizes(11, 8, 2, 2, 6, 24)
    model = gpt.build(sizes)
    model.load(gpt_weights(sizes, generator(0)))
    model(torch.tensor([[1, 2, 3], [4, 5, 6]]))


@check(task="gpt", group="shape", examples=8)
@given(case=gpt_cases())
def test_shapes(gpt: Gpt, case: GptCase) -> None:
    """The logits have the shape (B, T, V) and are float32."""
    logits(built(gpt, case), case.ids, case.sizes)


@check(task="gpt", group="agreement", examples=25)
@given(case=gpt_cases())
def test_agrees_with_reference(gpt: Gpt, case: GptCase) -> None:
    """The logits are those of embeddings, blocks, last norm and head with the same weights."""
    is_right(built(gpt, case), case.ids)


@check(task="gpt", group="agreement", examples=10)
@given(case=gpt_cases(full=True))
def test_full_block(gpt: Gpt, case: GptCase) -> None:
    """The longest sequence that is allowed, of block_size tokens, gives the right logits."""
    is_right(built(gpt, case), case.ids)


@check(task="gpt", group="agreement", requires=("free_width",), examples=8)
@given(case=gpt_cases(free_width=True))
def test_any_hidden_width(gpt: Gpt, case: GptCase) -> None:
    """The hidden layers of the MLPs are as wide as d_hidden says."""
    is_right(built(gpt, case), case.ids)


@check(task="gpt", group="agreement", requires=("tied_option",), examples=10)
@given(case=gpt_cases(tied=True), seed=seeds)
def test_tied(gpt: Gpt, case: GptCase, seed: int) -> None:
    """With tied=True head and token embedding are one parameter, counted once and trained by both."""
    model, sizes = built(gpt, case), case.sizes
    is_right(model, case.ids)
    shape = (sizes.vocab_size, sizes.d_model)
    names = [name for name, found in model.parameters().items() if found == shape]
    assert_true(
        len(names) == 1,
        f"With tied=True there must be one parameter of shape {shape} (vocabulary, d_model), used by token embedding and "
        f"head; there are {len(names)}{': ' if names else ''}{', '.join(names[:5])}.",
    )
    grad_logits = torch.randn(*case.ids.shape, sizes.vocab_size, generator=generator(seed))
    expected = gpt_gradients(model.loaded(), sizes.n_heads, case.ids, grad_logits, tied=True)["token_embedding.weight"]
    parameter_gradient_is_right(model.gradients(case.ids, grad_logits)[names[0]], expected, names[0])


@check(task="gpt", group="agreement", requires=("loss",), examples=15)
@given(case=gpt_cases(targets=True))
def test_loss_agrees(gpt: Gpt, case: GptCase) -> None:
    """With targets the loss is their mean cross-entropy; they are shifted already and not shifted again."""
    loss_is_right(built(gpt, case), case)


@check(task="gpt", group="agreement", requires=("loss",), examples=10)
@given(case=gpt_cases(targets=True, as_many_tokens_as_ids=True))
def test_loss_with_as_many_tokens_as_ids(gpt: Gpt, case: GptCase) -> None:
    """With as many tokens as there are ids in the vocabulary, the loss is still over the vocabulary."""
    loss_is_right(built(gpt, case), case)


@check(task="gpt", group="agreement", requires=("ignore_index",), examples=15)
@given(case=gpt_cases(ignored=True, min_tokens=2))
def test_ignored_targets(gpt: Gpt, case: GptCase) -> None:
    """Targets of −100 do not count, not even in the number that is divided by; those of 0 do."""
    loss_is_right(built(gpt, case), case)


@check(task="gpt", group="property", requires=("standalone",), examples=10)
@given(case=gpt_cases(min_tokens=2), seed=seeds)
def test_no_future_leak(gpt: Gpt, case: GptCase, seed: int) -> None:
    """Changing later ids does not change earlier logits, in eval mode and in train mode without dropout."""
    V, T = case.sizes.vocab_size, case.ids.shape[1]
    cut = int(torch.randint(1, T, (), generator=generator(seed)))
    changed = case.ids.clone()
    changed[:, cut:] = (changed[:, cut:] + 1 + seed % (V - 1)) % V  # another id everywhere
    for train in (False, True):
        model = built(gpt, case, train=train)
        before, after = (logits(model, ids, case.sizes) for ids in (case.ids, changed))
        what = f"the logits of the first {cut} tokens after the later ones have changed"
        assert_agrees(after[:, :cut], before[:, :cut].double(), what, atol=2e-6, rtol=2e-6)


@check(task="gpt", group="property", requires=("standalone",), examples=8)
@given(case=gpt_cases(min_tokens=2))
def test_prefix_property(gpt: Gpt, case: GptCase) -> None:
    """A shorter sequence gives the same logits as the beginning of a longer one."""
    model = built(gpt, case)
    whole = logits(model, case.ids, case.sizes)
    for t in range(1, case.ids.shape[1]):
        part = logits(model, case.ids[:, :t].contiguous(), case.sizes)
        assert_agrees(part, whole[:, :t].double(), f"the logits of the first {t} tokens alone", atol=ATOL)


@check(task="gpt", group="property", requires=("standalone",), examples=8)
@given(case=gpt_cases())
def test_batch_independence(gpt: Gpt, case: GptCase) -> None:
    """Each sequence of a batch is computed as if it stood alone."""
    model = built(gpt, case)
    together = logits(model, case.ids, case.sizes)
    for i in range(len(case.ids)):
        alone = logits(model, case.ids[i : i + 1], case.sizes)
        what = f"sequence {i} in the batch, against itself alone"
        assert_agrees(together[i : i + 1], alone.double(), what, atol=ATOL)


@check(task="gpt", group="property", examples=8)
@given(case=gpt_cases(min_tokens=2))
def test_positions_matter(gpt: Gpt, case: GptCase) -> None:
    """The same id at every position gives other logits at each, and the same ones in each sequence."""
    ids = case.ids[:1, :1].expand(2, case.ids.shape[1]).contiguous()
    got = logits(built(gpt, case), ids, case.sizes)
    same = (got[0, 1:] - got[0, :-1]).abs().amax(-1) < 1e-3  # (T-1,)
    assert_true(
        not same.any(),
        f"With the same id at every position, the logits at position {int(same.nonzero()[0]) + 1 if same.any() else 0} are "
        "those of the position before: each position must get its own position embedding.",
    )
    assert_agrees(
        got[1], got[0].double(), "the logits of the second of two equal sequences, against the first", atol=ATOL
    )


@check(task="gpt", group="property", examples=6)
@given(case=gpt_cases())
def test_gives_logits(gpt: Gpt, case: GptCase) -> None:
    """The model returns logits, not probabilities or their logarithms: softmax is left to loss and sampling."""
    got = logits(built(gpt, case), case.ids, case.sizes).double()
    sums_to_one = (got.sum(-1) - 1).abs().amax() < 1e-3
    assert_true(not sums_to_one, "The output of each token sums to 1: these are probabilities. Leave out the softmax.")
    normalised = got.logsumexp(-1).abs().amax() < 1e-3
    assert_true(not normalised, "The exponentials sum to 1 for each token: these are log-probabilities. Return logits.")


@check(task="gpt", group="property", requires=("refuses_long",), examples=6)
@given(case=gpt_cases(full=True))
def test_long_input_is_refused(gpt: Gpt, case: GptCase) -> None:
    """A sequence of more than block_size tokens raises an error: it is neither cut nor given positions twice."""
    model = built(gpt, case)
    logits(model, case.ids, case.sizes)  # the longest that is allowed is no error
    for more in (1, 4):
        too_long = torch.cat([case.ids, case.ids[:, :more]], dim=1)
        try:
            got = model(too_long)
        except StudentError:
            continue
        block_size, T = case.sizes.block_size, too_long.shape[1]
        raise CheckFailed(
            f"With block_size={block_size}, {T} tokens must raise an error; the call returned {describe(got)}."
        )


@check(task="gpt", group="property", requires=("standalone",), examples=10)
@given(case=gpt_cases(), seed=seeds)
def test_gradients(gpt: Gpt, case: GptCase, seed: int) -> None:
    """Gradients reach every parameter, and are the right ones."""
    grad_logits = torch.randn(*case.ids.shape, case.sizes.vocab_size, generator=generator(seed))
    model = built(gpt, case)
    expected = gpt_gradients(model.loaded(), case.sizes.n_heads, case.ids, grad_logits)
    # the embeddings come last in the backward pass: they are named only if nothing behind them is wrong
    for name, gradient in reversed(model.gradients(case.ids, grad_logits).items()):
        if name in expected:
            parameter_gradient_is_right(gradient, expected[name], name)
        else:
            assert_true(gradient is not None, f"No gradient reaches {name}: it is not used, or something is detached.")


def norm_reads_two_levels(gpt: Gpt, weights: dict[str, Tensor], sizes: GptSizes, what: str) -> None:
    """In train mode, what the last norm reads is 0 with probability p, and one positive number otherwise.

    The norm keeps the order and the head is the identity: of the logits, those below 0 were dropped. Null hypothesis: each
    is dropped with probability p. Over N = 6 · 2,688 logits the share is within 6 standard errors of p; a correct model
    fails with probability below 1e-8. The worker's random state is fixed.
    """
    width = sizes.d_model
    model = gpt.build(sizes)
    unchanged = {"norm.weight": torch.ones(width), "norm.bias": torch.zeros(width), "head.weight": torch.eye(width)}
    model.load(weights | unchanged)
    model.train(True)
    ids = torch.randint(width, (8, 7), generator=generator(3))
    got = torch.stack([logits(model, ids, sizes) for _ in range(6)])
    share_is(float((got < 0).double().mean()), sizes.dropout, got.numel(), what)


@check(task="gpt", group="property", requires=("embedding_dropout",))
def test_embedding_dropout(gpt: Gpt, rng: object) -> None:
    """In train mode dropout acts once on the sum of token and position embeddings."""
    sizes = GptSizes(48, 8, 1, 3, 48, 192, dropout=0.4)
    weights = silenced(gpt_weights(sizes, generator(1)), "attn", "mlp")
    for tokens, positions in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5)):
        weights["token_embedding.weight"] = torch.full((48, 48), tokens)
        weights["position_embedding.weight"] = torch.full((8, 48), positions)
        what = (
            "In train mode with dropout 0.4, blocks that add 0, token embeddings of "
            f"{tokens:g} and position embeddings of {positions:g}, the share of dropped features before the last norm"
        )
        norm_reads_two_levels(gpt, weights, sizes, what)


@check(task="gpt", group="property", requires=("residual_dropout",))
def test_block_dropout(gpt: Gpt, rng: object) -> None:
    """In train mode the model's dropout acts inside its blocks too."""
    sizes = GptSizes(48, 8, 1, 3, 48, 192, dropout=0.4)
    weights = silenced(gpt_weights(sizes, generator(2)), "attn", "mlp")
    weights["token_embedding.weight"] = torch.zeros(48, 48)
    weights["position_embedding.weight"] = torch.zeros(8, 48)
    for name, role in (("attention", "blocks.0.attn.proj.bias"), ("MLP", "blocks.0.mlp.down.bias")):
        what = (
            f"In train mode with dropout 0.4, embeddings of 0 and one block whose {name} gives 1, the share of dropped "
            "features before the last norm"
        )
        norm_reads_two_levels(gpt, weights | {role: torch.ones(48)}, sizes, what)


@check(task="gpt", group="property", requires=("default_dropout",), examples=8)
@given(case=gpt_cases())
def test_no_dropout_by_default(gpt: Gpt, case: GptCase) -> None:
    """Dropout is 0 unless it is asked for: in train mode, too, nothing is dropped."""
    model = gpt.build(case.sizes)
    model.load(case.weights)
    model.train(True)
    is_right(model, case.ids, "the logits in train mode, without dropout")


@check(task="gpt", group="invariance", requires=("standalone",), examples=8)
@given(case=gpt_cases(dropout=0.4))
def test_eval_is_deterministic(gpt: Gpt, case: GptCase) -> None:
    """In eval mode dropout does nothing: two calls agree, with each other and with a model without dropout."""
    dropout_sleeps(gpt, case)


@check(task="gpt", group="invariance", examples=6)
@given(case=gpt_cases(whole_vocabulary=True))
def test_leaves_ids_alone(gpt: Gpt, case: GptCase) -> None:
    """The ids are the same after the call as before."""
    assert_equal(built(gpt, case).ids_after(case.ids), case.ids, "ids after the call")


@check(task="gpt", group="robustness", requires=("standalone",), examples=6)
@given(case=gpt_cases(min_block=9), seed=seeds)
def test_call_order_is_irrelevant(gpt: Gpt, case: GptCase, seed: int) -> None:
    """One model gives the right logits for lengths 3, 8, 5 and 3 in turn."""
    model = built(gpt, case)
    for i, T in enumerate((3, 8, 5, 3)):
        ids = torch.randint(case.sizes.vocab_size, (2, T), generator=generator(seed + i))
        is_right(model, ids, f"the logits of call {i + 1}, T={T}")


@check(task="gpt", group="robustness", requires=("standalone",), examples=6)
@given(first=gpt_cases(), second=gpt_cases())
def test_models_are_independent(gpt: Gpt, first: GptCase, second: GptCase) -> None:
    """Two models of different sizes, used in turn, do not disturb each other."""
    models = [built(gpt, case) for case in (first, second)]
    for i in (0, 1, 0, 1):
        is_right(models[i], (first, second)[i].ids, f"the logits of model {i + 1}")


@check(task="gpt", group="property", requires=("obedient_parts",), examples=10)
@given(case=gpt_cases(min_tokens=2), seed=seeds)
def test_mask_is_causal(gpt: MaskingGpt, case: GptCase, seed: int) -> None:
    """The mask lets each token see itself and all earlier ones, and no later one: other layers that obey it show this."""
    V, T = case.sizes.vocab_size, case.ids.shape[1]
    model = built(gpt.with_obedient_parts(), case)
    before = logits(model, case.ids, case.sizes)
    for place in {0, T - 1, seed % T}:
        changed = case.ids.clone()
        changed[:, place] = (changed[:, place] + 1 + seed % (V - 1)) % V  # another id
        moved = (logits(model, changed, case.sizes) - before).abs().amax(-1) > 1e-6  # (B, T)
        expected = (torch.arange(T) >= place).expand(len(case.ids), T)
        assert_equal(moved, expected, f"which logits depend on the token at {place} (batch, token)")


@check(task="gpt", group="invariance", requires=("isolated",), examples=8)
@given(case=gpt_cases(dropout=0.4))
def test_dropout_sleeps_in_eval_mode(gpt: Gpt, case: GptCase) -> None:
    """In eval mode what the model drops around its blocks is nothing, whatever its dropout probability."""
    dropout_sleeps(gpt, case)
