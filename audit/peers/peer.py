"""The assertions of a public judge of PyTorch tasks, re-stated in our own words for `core`'s interface.

Its style: the output has the right shape, some gradient exists, and a property holds where it is trivial; simple functions
are compared with torch's own on one example. We know it from a description and from eight wrong answers that it accepts:
attention without the scaling, attention as a running mean or as the values themselves, two maps that are no rotation, two
ways to cut an image wrongly, and a sampler that ignores p. The tests hold that this re-statement accepts them too. Not a line
of the judge's is copied, and what it asserts beyond its description we cannot know.

Tasks without anything like it there are left out: mask, perplexity, generate, span_corruption, tokenizer.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from graders.check import Check, check
from graders.compare import assert_true
from graders.strategies import generator
from graders.tasks import (
    Attention,
    Block,
    BlockSizes,
    Gpt,
    GptSizes,
    HeadSizes,
    LayerNorm,
    Loss,
    Mlp,
    MlpSizes,
    Module,
    MultiHead,
    PatchEmbedding,
    PatchSizes,
    Rope,
    Samplers,
)

from .closeness import require_close, require_shape, tensor_in

SEED = 0
CLOSE = 1e-4


def some_gradient(gradients: Iterable[Any]) -> None:
    """At least one gradient exists; its value is not looked at."""
    assert_true(any(isinstance(gradient, Tensor) for gradient in gradients), "There is no gradient.")


def shape_and_a_gradient(module: Module, x: Tensor, shape: tuple[int, ...] | None = None) -> None:
    """The output has a shape, that of x by default, and x gets a gradient."""
    output = require_shape(module(x), tuple(x.shape) if shape is None else shape)
    some_gradient([module.gradients(x, torch.ones(output.shape))[0]])


def the_past_stays(before: Any, after: Any, cut: int) -> None:
    """Outputs (B, T, d) of the tokens before `cut` are the same after later tokens have changed."""
    before, after = tensor_in(before), require_shape(after, tuple(tensor_in(before).shape))
    require_close(after[:, :cut], before[:, :cut], atol=1e-5, what="the earlier tokens' output")


def with_other_end(x: Tensor) -> Tensor:
    """x (B, T, d) with other numbers from token 3 on."""
    return torch.cat((x[:, :3], torch.randn(x[:, 3:].shape, generator=generator(SEED + 1))), dim=1)


def shape_gradient_and_past(module: Module) -> None:
    """The output for x (2, 5, 8) has its shape, x gets a gradient, and no output feels later tokens."""
    module.train(False)
    x = torch.randn(2, 5, 8, generator=generator(SEED))
    shape_and_a_gradient(module, x)
    the_past_stays(module(x), module(with_other_end(x)), 3)


@check(task="attention", group="agreement")
def test_peer_attention(attention: Attention, rng: object) -> None:
    """With a causal mask, the shape is right, the first output is the first value, and no output feels later tokens.

    Described: a judge of causal attention whose assertions neither the scale nor queries and keys have a part in. This is our
    re-statement: shape, the trivial first token, the future, and a gradient of any of the three inputs.
    """
    query, key, value = torch.randn(3, 2, 5, 8, generator=generator(SEED))
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    output = require_shape(attention(query, key, value, mask)[0], (2, 5, 8))
    require_close(output[:, 0], value[:, 0], atol=1e-5, what="the first token's output")
    changed = attention(with_other_end(query), with_other_end(key), with_other_end(value), mask)[0]
    the_past_stays(output, changed, 3)
    some_gradient(attention.gradients(query, key, value, mask, torch.ones(2, 5, 8)))


@check(task="multi_head", group="agreement")
def test_peer_multi_head(multi_head: MultiHead, rng: object) -> None:
    """The shape is right, a gradient exists, and no output feels later tokens.

    Follows from the description of causal attention. This is our re-statement, with the weights of a new module.
    """
    shape_gradient_and_past(multi_head.build(HeadSizes(8, 2, max_tokens=5)))


@check(task="rope", group="agreement")
def test_peer_rope(rope: Rope, rng: object) -> None:
    """Shape and norms are kept, a gradient exists, and products of queries and keys at equal positions do not change.

    Described: a property of relative positions that is asserted at distance 0 only, where it is trivial. This is our
    re-statement of that kind of assertion: the same query and the same key stand at every position.
    """
    query, key = torch.randn(2, 1, 1, 1, 8, generator=generator(SEED)).expand(2, 2, 3, 6, 8).contiguous()
    cache = tensor_in(rope.cache(8, 6), "the cache")
    turned = [require_shape(rope.apply(x, cache), (2, 3, 6, 8)) for x in (query, key)]
    require_close(turned[0].norm(dim=-1), query.norm(dim=-1), atol=CLOSE, what="the norm")
    products = (turned[0] * turned[1]).sum(-1)  # (2, 3, 6)
    require_close(products, products[..., :1].expand_as(products), atol=CLOSE, what="the product at distance 0")
    some_gradient([rope.gradient(query, cache, torch.ones(query.shape))])


@check(task="layer_norm", group="agreement")
def test_peer_layer_norm(norm: LayerNorm, rng: object) -> None:
    """The output is close to torch's layer_norm for one example, and a gradient exists.

    Follows from the description, by which simple functions are compared with torch's own to within 1e-4. This is our
    re-statement, with gain and bias drawn at random to its favour.
    """
    numbers = generator(SEED)
    x, gain, bias = torch.randn(2, 4, 8, generator=numbers), *torch.randn(2, 8, generator=numbers)
    require_close(norm(x, gain, bias), F.layer_norm(x, (8,), gain, bias), atol=CLOSE)
    some_gradient(norm.gradients(x, gain, bias, torch.ones(x.shape))[:1])


@check(task="mlp", group="agreement")
def test_peer_mlp(mlp: Mlp, rng: object) -> None:
    """Between layers that pass their input on, the activation is the exact GELU to within 1e-4; a gradient exists.

    Follows from the description of GELU alone, compared with torch's exact one. This is our re-statement for an MLP.
    """
    x = torch.randn(2, 4, 8, generator=generator(SEED))
    module = mlp.build(MlpSizes(8, 32))
    shape_and_a_gradient(module, x)
    passing = torch.eye(32, 8)
    bias = {"up.bias": torch.zeros(32), "down.bias": torch.zeros(8)}
    module.load({"up.weight": passing, "down.weight": passing.T.contiguous(), **bias})
    module.train(False)
    require_close(module(x), F.gelu(x), atol=CLOSE)


@check(task="block", group="agreement")
def test_peer_block(block: Block, rng: object) -> None:
    """The shape is right, a gradient exists, and no output feels later tokens.

    Follows from the style and from the description of causal attention. This is our re-statement, with the weights of a new
    module.
    """
    shape_gradient_and_past(block.build(BlockSizes(8, 2, 32, max_tokens=5)))


@check(task="gpt", group="agreement")
def test_peer_gpt(gpt: Gpt, rng: object) -> None:
    """The logits have the shape (B, T, V), parameters get gradients, and no logits feel later tokens.

    Follows from the style and from the description of causal attention. This is our re-statement, with the weights of a new
    model.
    """
    model = gpt.build(GptSizes(11, 8, n_layers=2, n_heads=2, d_model=8, d_hidden=32))
    model.train(False)
    ids = torch.randint(11, (2, 5), generator=generator(SEED))
    logits = require_shape(model(ids), (2, 5, 11), "the logits")
    some_gradient(model.gradients(ids, torch.ones(2, 5, 11)).values())
    the_past_stays(logits, model(torch.cat((ids[:, :3], (ids[:, 3:] + 1) % 11), dim=1)), 3)


@check(task="loss", group="agreement")
def test_peer_loss(loss: Loss, rng: object) -> None:
    """The loss is close to torch's cross_entropy for one example without a mask, and a gradient exists.

    Follows from the description, by which simple functions are compared with torch's own to within 1e-4. This is our
    re-statement.
    """
    numbers = generator(SEED)
    logits, ids = torch.randn(4, 6, 10, generator=numbers), torch.randint(10, (4, 6), generator=numbers)
    expected = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    require_close(loss(logits, ids), expected, atol=CLOSE, what="the loss")
    some_gradient([loss.gradient(logits, ids, None)])


@check(task="samplers", group="agreement")
def test_peer_samplers(samplers: Samplers, rng: object) -> None:
    """A tiny temperature gives the largest, a high one several tokens; the draws of top-k are among the k largest.

    Described: a judge of sampling that a sampler passes which ignores p. This is our re-statement: with p only the range of
    the ids is asserted.
    """
    logits = torch.tensor([[1.0, 3.0, 0.0, 2.0, -1.0]])

    def drawn(**options: Any) -> set[float]:
        draws = samplers.sample(logits, **options, seed=SEED, calls=50)
        return {i for draw in draws for i in tensor_in(draw, "the draw").flatten().tolist()}

    for options, allowed in (({"tau": 1e-4}, {1}), ({"k": 1}, {1}), ({"k": 2}, {1, 3}), ({"p": 0.5}, {0, 1, 2, 3, 4})):
        assert_true(drawn(**options) <= allowed, f"With {options} a token was drawn that must not be.")
    assert_true(len(drawn(tau=5.0)) > 1, "At a high temperature always the same token was drawn.")


@check(task="patch_embedding", group="agreement")
def test_peer_patch_embedding(embedding: PatchEmbedding, rng: object) -> None:
    """There is one token for each patch of a square image, of the right width, and the image gets a gradient.

    Described: a judge of patch embedding that accepts a reshape without a permutation and the mean colour. This is our
    re-statement: number of patches, shape, and a gradient.
    """
    module = embedding.build(PatchSizes(8, 8, 4, 3, 10))
    n_patches = module.n_patches()
    assert_true(type(n_patches) is int and n_patches == 4, "The number of patches is wrong.")
    shape_and_a_gradient(module, torch.randn(2, 3, 8, 8, generator=generator(SEED)), (2, 4, 10))


# tasks of which the description tells what wrong answers are accepted; the other entries follow from its style
DESCRIBED = frozenset({"attention", "rope", "samplers", "patch_embedding"})

PEER: Mapping[str, Check] = {
    each.task: each
    for each in (
        *(test_peer_attention, test_peer_multi_head, test_peer_rope, test_peer_layer_norm, test_peer_mlp),
        *(test_peer_block, test_peer_gpt, test_peer_loss, test_peer_samplers, test_peer_patch_embedding),
    )
}
