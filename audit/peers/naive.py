"""One naive check for each task of `core`, in the style of many graders: one example, and no thought of what could go wrong.

A fixed seed; a batch of one or a single head; shapes in which several sizes are equal; weights as torch initialises them, so
that gains are 1 and scores are small; tolerances as they are found in the field; optional arguments left out. Where there is
a choice, the check is the stronger one that such a grader could have: the comparison is with graders as they are, not with
straw men. It lives behind the same sandbox as our own, and a submission must keep to the same interface.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from graders import oracles
from graders.check import Check, check
from graders.compare import assert_true, require_pair
from graders.oracles.gpt import gpt_loss
from graders.oracles.layer_norm import layer_norm
from graders.oracles.loss import next_token_loss
from graders.oracles.perplexity import perplexity
from graders.strategies import generator
from graders.tasks import (
    Attention,
    Block,
    BlockSizes,
    Generate,
    Gpt,
    GptSizes,
    HeadSizes,
    LayerNorm,
    Loss,
    Mask,
    Mlp,
    MlpSizes,
    ModelSpec,
    Module,
    MultiHead,
    PatchEmbedding,
    PatchSizes,
    Perplexity,
    Rope,
    Samplers,
    SpanCorruption,
    Tokenizer,
)

from .closeness import require_close, require_shape, tensor_in

SEED = 0
LOOSE = 1e-2  # the default of a public course's helper that compares with snapshots
CLOSE = 1e-4

Layers = Mapping[str, Callable[[], nn.Module]]


def initialised(layers: Layers) -> dict[str, torch.Tensor]:
    """The parameters of new layers as torch initialises them, by role."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return {
            f"{role}.{name}": parameter.detach()
            for role, make in layers.items()
            for name, parameter in make().named_parameters()
        }


def attention_layers(d_model: int, prefix: str = "") -> Layers:
    """The layers of multi-head attention."""
    return {f"{prefix}{role}": lambda: nn.Linear(d_model, d_model) for role in ("query", "key", "value", "proj")}


def mlp_layers(d_model: int, prefix: str = "") -> Layers:
    """The layers of an MLP four times as wide."""
    return {
        f"{prefix}up": lambda: nn.Linear(d_model, 4 * d_model),
        f"{prefix}down": lambda: nn.Linear(4 * d_model, d_model),
    }


def block_layers(d_model: int, prefix: str = "") -> Layers:
    """The layers of a block."""
    norms = {f"{prefix}{role}": lambda: nn.LayerNorm(d_model) for role in ("norm1", "norm2")}
    return norms | {**attention_layers(d_model, f"{prefix}attn."), **mlp_layers(d_model, f"{prefix}mlp.")}


def one_example(module: Module, layers: Layers, x: torch.Tensor, *, atol: float) -> None:
    """The output for one x is close to the one that the layers' first weights give."""
    module.load(initialised(layers))
    module.train(False)
    require_close(module(x), next(iter(module.expected(x))), atol=atol)


@check(task="attention", group="agreement")
def test_naive_attention(attention: Attention, rng: object) -> None:
    """The output is close to softmax(QKᵀ/√d)V for one query, key and value of the same shape, without a mask."""
    query, key, value = torch.randn(3, 1, 6, 8, generator=generator(SEED))
    expected, expected_weights = oracles.attention(query, key, value, None)
    output, weights = attention(query, key, value)
    require_close(output, expected, atol=CLOSE)
    require_close(weights, expected_weights, atol=CLOSE, what="the weights")


@check(task="mask", group="agreement")
def test_naive_mask(mask: Mask, rng: object) -> None:
    """Both masks of eight tokens are right, one row of ids with padding at its end, whose id is 0."""
    ids = torch.tensor([[5, 3, 7, 2, 4, 0, 0, 0]])
    require_close(mask.causal(8), oracles.causal_mask(8), atol=0, what="the causal mask")
    require_close(mask.padded(ids, 0), oracles.attention_mask(ids, 0), atol=0, what="the mask of the ids")


@check(task="multi_head", group="agreement")
def test_naive_multi_head(multi_head: MultiHead, rng: object) -> None:
    """The output of a module with one head is within 0.01 of the right one, with the weights that a new module has."""
    x = torch.randn(1, 8, 8, generator=generator(SEED))
    one_example(multi_head.build(HeadSizes(8, 1, max_tokens=8)), attention_layers(8), x, atol=LOOSE)


@check(task="rope", group="agreement")
def test_naive_rope(rope: Rope, rng: object) -> None:
    """One head of eight tokens with eight features is rotated as it should be, at the positions from 0 on."""
    x = torch.randn(1, 1, 8, 8, generator=generator(SEED))
    rotated = rope.apply(x, tensor_in(rope.cache(8, 8), "the cache"))
    require_close(rotated, oracles.rope(x, oracles.rope_cache(8, 8)), atol=CLOSE)


@check(task="span_corruption", group="agreement")
def test_naive_span_corruption(corruption: SpanCorruption, rng: object) -> None:
    """One corruption has x and y of length block_size, and y is x one step ahead."""
    [value] = corruption.draw(["the quick brown fox jumps over the lazy dog"], 0, 32, 1, SEED)
    x, y = require_pair(value, "The corruption", ("x", "y"))
    x, y = require_shape(x, (32,), "x"), require_shape(y, (32,), "y")
    assert_true(bool((x[1:] == y[:-1]).all()), "y is not x one step ahead.")


@check(task="layer_norm", group="agreement")
def test_naive_layer_norm(norm: LayerNorm, rng: object) -> None:
    """One batch of eight tokens with eight features is normalised, with gain 1 and bias 0."""
    x = torch.randn(1, 8, 8, generator=generator(SEED))
    gain, bias = torch.ones(8), torch.zeros(8)
    require_close(norm(x, gain, bias), layer_norm(x, gain, bias), atol=CLOSE)


@check(task="mlp", group="agreement")
def test_naive_mlp(mlp: Mlp, rng: object) -> None:
    """The output of one MLP is within 0.01 of the right one, with the weights that a new module has."""
    x = torch.randn(1, 8, 8, generator=generator(SEED))
    one_example(mlp.build(MlpSizes(8, 32)), mlp_layers(8), x, atol=LOOSE)


@check(task="block", group="agreement")
def test_naive_block(block: Block, rng: object) -> None:
    """The output of a block with one head is within 0.01 of the right one, with the weights that a new module has."""
    x = torch.randn(1, 8, 8, generator=generator(SEED))
    one_example(block.build(BlockSizes(8, 1, 32, max_tokens=8)), block_layers(8), x, atol=LOOSE)


@check(task="gpt", group="agreement")
def test_naive_gpt(gpt: Gpt, rng: object) -> None:
    """Logits and loss of a new model with two blocks are close to the right ones, for a full block of tokens.

    The tolerance is that of a public course's test of its language model.
    """
    embeddings: Layers = {
        "token_embedding": lambda: nn.Embedding(16, 16),
        "position_embedding": lambda: nn.Embedding(8, 16),
    }
    ends: Layers = {"norm": lambda: nn.LayerNorm(16), "head": lambda: nn.Linear(16, 16, bias=False)}
    blocks = {**block_layers(16, "blocks.0."), **block_layers(16, "blocks.1.")}
    model = gpt.build(GptSizes(16, 8, n_layers=2, n_heads=2, d_model=16, d_hidden=64))
    model.load(initialised({**embeddings, **blocks, **ends}))
    model.train(False)
    ids = torch.randint(16, (2, 9), generator=generator(SEED))
    ids, targets = ids[:, :-1], ids[:, 1:]  # each (2, 8)
    expected = next(iter(model.expected(ids)))
    require_close(model(ids), expected, atol=1e-4, rtol=1e-2, what="the logits")
    _, loss = model.with_targets(ids, targets)
    require_close(loss, gpt_loss(expected, targets), atol=1e-4, rtol=1e-2, what="the loss")


@check(task="loss", group="agreement")
def test_naive_loss(loss: Loss, rng: object) -> None:
    """The loss of one sequence is close to the mean cross-entropy, without a mask."""
    logits = torch.randn(1, 6, 10, generator=generator(SEED))
    ids = torch.tensor([[4, 1, 7, 3, 8, 2]])
    require_close(loss(logits, ids), next_token_loss(logits, ids), atol=CLOSE, what="the loss")


@check(task="perplexity", group="agreement")
def test_naive_perplexity(measure: Perplexity, rng: object) -> None:
    """The perplexity of one batch is within one per cent of the right one, without masks."""
    logits = [torch.randn(2, 6, 10, generator=generator(SEED))]
    ids = [torch.tensor([[4, 1, 7, 3, 8, 2], [9, 5, 5, 6, 1, 3]])]
    got = measure(logits, ids)
    number = got if isinstance(got, float | int) else tensor_in(got, "the perplexity").to(torch.float64).mean().item()
    assert_true(math.isclose(number, perplexity(logits, ids), rel_tol=LOOSE), "The perplexity is wrong.")


@check(task="samplers", group="agreement")
def test_naive_samplers(samplers: Samplers, rng: object) -> None:
    """One row of sorted logits is divided, filtered and drawn from as the options say, frequencies to within 0.05.

    Five logits from the largest to the smallest; the most probable token has a share of 0.64.
    """
    logits = torch.tensor([[4.0, 3.0, 2.0, 1.0, 0.0]])
    require_close(samplers.temperature(logits, 2.0), logits / 2, atol=CLOSE, what="the logits at temperature 2")
    for what, got, count in (("top_k", samplers.top_k(logits, 2), 2), ("top_p", samplers.top_p(logits, 0.5), 1)):
        kept = [True] * count + [False] * (5 - count)
        assert_true(tensor_in(got).isfinite().flatten().tolist() == kept, f"{what} keeps the wrong tokens.")
    [coldest] = samplers.sample(logits, tau=1e-4, seed=SEED)
    assert_true(
        tensor_in(coldest).flatten().tolist() == [0], "A tiny temperature does not give the most probable token."
    )
    for options in ({}, {"tau": 2.0}, {"k": 2}):
        draws = samplers.sample(logits, **options, seed=SEED, calls=1000)
        drawn = torch.cat([tensor_in(draw).long().flatten() for draw in draws])
        assert_true(bool(((drawn >= 0) & (drawn < 5)).all()), "A draw is no token.")
        shares = drawn.bincount(minlength=5) / len(drawn)
        scores = logits[0] / options.get("tau", 1.0)
        if "k" in options:
            scores[2:] = -torch.inf
        require_close(shares, scores.softmax(-1), atol=0.05, what="the frequencies")


@check(task="generate", group="agreement")
def test_naive_generate(generate: Generate, rng: object) -> None:
    """Five tokens are appended to one short prompt, all of them ids of the vocabulary."""
    ids = torch.tensor([[1, 5, 2]])
    text = require_shape(generate(ModelSpec(11, 16, seed=SEED), ids, 5), (1, 8), "the text")
    assert_true(torch.equal(text[:, :3].long(), ids), "The text does not begin with the prompt.")
    assert_true(bool(((text >= 0) & (text < 11)).all()), "The text has ids that no token has.")


@check(task="tokenizer", group="agreement")
def test_naive_tokenizer(tokenizer: Tokenizer, rng: object) -> None:
    """Characters and words of the text itself come back after encoding and decoding; the special tokens come first."""
    text = "the cat sat on the mat"
    for kind in ("characters", "words"):
        [ids] = tokenizer.encode(kind, text, [text])
        [decoded] = tokenizer.decode(kind, text, [ids])
        assert_true(type(decoded) is str and decoded == text, f"The text does not come back ({kind}).")
    vocab = tokenizer.vocab("words", text)
    specials = ["<pad>", "<unk>", "<bos>", "<eos>"]
    assert_true(isinstance(vocab, list) and vocab[:4] == specials, "The special tokens do not come first.")


@check(task="patch_embedding", group="agreement")
def test_naive_patch_embedding(embedding: PatchEmbedding, rng: object) -> None:
    """The tokens of one square grey image of four patches are close to those of a convolution with the same weights."""
    x = torch.randn(1, 1, 8, 8, generator=generator(SEED))
    module = embedding.build(PatchSizes(8, 8, 4, 1, 8))
    one_example(module, {"proj": lambda: nn.Linear(16, 8)}, x, atol=CLOSE)


NAIVE: Mapping[str, Check] = {
    each.task: each
    for each in (
        *(test_naive_attention, test_naive_mask, test_naive_multi_head, test_naive_rope, test_naive_span_corruption),
        *(test_naive_layer_norm, test_naive_mlp, test_naive_block, test_naive_gpt, test_naive_loss),
        *(test_naive_perplexity, test_naive_samplers, test_naive_generate, test_naive_tokenizer),
        test_naive_patch_embedding,
    )
}
