"""What is timed: for each check of `graders/test_timing.py` how its inputs are drawn, its code called, its outputs compared.

Sizes are such that the reference takes a few milliseconds at most, and well more than a request itself at the largest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .compare import ATOL, assert_agrees, assert_agrees_with_one, assert_equal
from .oracles.attention import attention
from .oracles.generate import greedy, least_lead
from .oracles.rope import rope, rope_cache
from .oracles.samplers import top_p
from .strategies.gpt import gpt_weights
from .strategies.multi_head import head_weights
from .strategies.patch_embedding import patch_weights
from .tasks import GptSizes, HeadSizes, ModelSpec, PatchSizes

Check = Callable[[Any, Sequence[Any]], None]


@dataclass(frozen=True)
class Run:
    """What one side is asked, at one size.

    Attributes:
        draw: makes fresh inputs from a generator; both sides get the same.
        call: asks the code; returns what came back.
        check: raises CheckFailed if that is not right.
    """

    draw: Callable[[torch.Generator], Sequence[Any]]
    call: Callable[..., Any]
    check: Check


@dataclass(frozen=True)
class Workload:
    """What one check times.

    Attributes:
        task: the task whose implementation is asked.
        prepare: makes a run of an implementation, a size, and a generator for weights.
        sizes: at which it is measured; the last one is the largest.
        axis: what grows with the size.
        shape: where `{}` is the size, the inputs in words.
        gate: how many times the reference's time is allowed.
    """

    task: str
    prepare: Callable[[Any, int, torch.Generator], Run]
    sizes: tuple[int, ...]
    axis: str
    shape: str
    gate: float = 2.5


# ------------------------------------------------------------------------------------------ modules


def _of_module(module: Any, shape: tuple[int, ...], atol: float = ATOL) -> Run:
    """A module of the student's, in eval mode, on normal numbers."""
    module.train(False)

    def draw(rng: torch.Generator) -> Sequence[Any]:
        return [torch.randn(shape, generator=rng)]

    def check(output: Any, inputs: Sequence[Any]) -> None:
        assert_agrees_with_one(output, module.expected(*inputs), atol=atol)

    return Run(draw, module, check)


def _heads(implementation: Any, B: int, T: int, d_model: int, n_heads: int, rng: torch.Generator) -> Run:
    module = implementation.build(HeadSizes(d_model, n_heads, max_tokens=T))
    module.load(head_weights(d_model, rng))
    return _of_module(module, (B, T, d_model), atol=1e-4)


def _patches(implementation: Any, B: int, side: int, rng: torch.Generator) -> Run:
    sizes = PatchSizes(side, side, 4, 3, 16)
    module = implementation.build(sizes)
    module.load(patch_weights(sizes, rng))
    return _of_module(module, (B, 3, side, side), atol=1e-4)


def _gpt(implementation: Any, B: int, T: int, rng: torch.Generator) -> Run:
    sizes = GptSizes(50, T, 2, 4, 32, 128)
    module = implementation.build(sizes)
    module.load(gpt_weights(sizes, rng))
    run = _of_module(module, (B, T), atol=1e-3)
    return Run(lambda rng: [torch.randint(50, (B, T), generator=rng)], run.call, run.check)


# ------------------------------------------------------------------------------------------ functions


def _attention(implementation: Any, B: int, T: int, d: int, rng: torch.Generator) -> Run:
    """`attention(query, key, value)`, or a module with one head."""
    if hasattr(implementation, "build"):
        module = implementation.build(HeadSizes(d, 1, max_tokens=T, d_head=d))
        module.load(head_weights(d, rng, d))
        return _of_module(module, (B, T, d), atol=1e-4)

    def draw(rng: torch.Generator) -> Sequence[Any]:
        return [torch.randn(B, T, d, generator=rng) for _ in range(3)]

    def check(output: Any, inputs: Sequence[Any]) -> None:
        query, key, value = inputs
        for got, expected in zip(output, attention(query, key, value, None), strict=True):
            assert_agrees(got, expected, atol=1e-4)

    return Run(draw, implementation, check)


def _rope(implementation: Any, T: int) -> Run:
    cache = rope_cache(32, T).float()

    def draw(rng: torch.Generator) -> Sequence[Any]:
        return [torch.randn(2, 3, T, 32, generator=rng), cache]

    def check(output: Any, inputs: Sequence[Any]) -> None:
        assert_agrees(output, rope(inputs[0], rope_cache(32, T)), atol=1e-4)

    return Run(draw, implementation.apply, check)


def _layer_norm(implementation: Any, T: int) -> Run:
    def draw(rng: torch.Generator) -> Sequence[Any]:
        gain, bias = 1 + torch.rand(64, generator=rng), torch.randn(64, generator=rng)
        return [torch.randn(4, T, 64, generator=rng), gain, bias]

    def check(output: Any, inputs: Sequence[Any]) -> None:
        assert_agrees_with_one(output, implementation.expected(*inputs), atol=1e-4)

    return Run(draw, implementation, check)


def _nucleus(implementation: Any, V: int) -> Run:
    def draw(rng: torch.Generator) -> Sequence[Any]:
        while True:
            logits = 3 * torch.randn(2, V, generator=rng)
            mass = torch.softmax(logits.double(), -1).sort(-1, descending=True).values.cumsum(-1)
            if (mass - 0.9).abs().min() > 1e-5:  # else rounding may decide which token is the last
                return [logits]

    def check(output: Any, inputs: Sequence[Any]) -> None:
        expected = top_p(inputs[0], 0.9)
        if not isinstance(output, Tensor) or output.shape != expected.shape:
            assert_agrees(output, expected)
        assert_equal(output.isneginf(), expected.isneginf(), "which tokens are removed")
        assert_agrees(output.masked_fill(output.isneginf(), 0), expected.masked_fill(expected.isneginf(), 0))

    return Run(draw, lambda logits: implementation.top_p(logits, 0.9), check)


def _generation(implementation: Any, n_new_tokens: int) -> Run:
    """Greedy, with a window that stays full: each step costs the same."""

    def draw(rng: torch.Generator) -> Sequence[Any]:
        ids = torch.randint(11, (1, 3), generator=rng)
        while True:
            spec = ModelSpec(11, 3, int(torch.randint(1 << 30, (), generator=rng)))
            if least_lead(spec, greedy(spec, ids, n_new_tokens), n_new_tokens) > 0:
                return [spec, ids]

    def check(output: Any, inputs: Sequence[Any]) -> None:
        spec, ids = inputs
        assert_equal(output, greedy(spec, ids, n_new_tokens))

    return Run(draw, lambda spec, ids: implementation(spec, ids, n_new_tokens, tau=1e-6), check)


# ------------------------------------------------------------------------------------------ one for each check

WORKLOADS = {
    "attention_is_fast": Workload(
        "attention", lambda code, T, rng: _attention(code, 1, T, T, rng), (384,), "tokens", "{0} tokens of {0} features"
    ),
    "attention_scales_with_tokens": Workload(
        "attention",
        lambda code, T, rng: _attention(code, 2, T, 4, rng),
        (16, 48, 128),
        "number of tokens",
        "2 sequences of {} tokens, 4 features each",
    ),
    "attention_scales_with_batch": Workload(
        "attention",
        lambda code, B, rng: _attention(code, B, 8, 4, rng),
        (4, 32, 256),
        "number of sequences",
        "{} sequences of 8 tokens",
    ),
    "multi_head_is_fast": Workload(
        "multi_head",
        lambda code, T, rng: _heads(code, 4, T, 32, 4, rng),
        (96,),
        "tokens",
        "4 sequences of {} tokens, 4 heads",
    ),
    "multi_head_scales_with_tokens": Workload(
        "multi_head",
        lambda code, T, rng: _heads(code, 1, T, 12, 3, rng),
        (16, 48, 128),
        "number of tokens",
        "one sequence of {} tokens, 3 heads",
    ),
    "multi_head_scales_with_heads": Workload(
        "multi_head",
        lambda code, H, rng: _heads(code, 1, 16, 64, H, rng),
        (1, 4, 16, 64),
        "number of heads",
        "one sequence of 16 tokens, 64 features, {} heads",
    ),
    "patch_embedding_is_fast": Workload(
        "patch_embedding",
        lambda code, side, rng: _patches(code, 16, side, rng),
        (64,),
        "side",
        "16 images of side {}",
    ),
    "patch_embedding_scales_with_batch": Workload(
        "patch_embedding",
        lambda code, B, rng: _patches(code, B, 8, rng),
        (4, 32, 256),
        "number of images",
        "{} images of 8 x 8 pixels",
    ),
    "patch_embedding_scales_with_patches": Workload(
        "patch_embedding",
        lambda code, side, rng: _patches(code, 1, side, rng),
        (16, 32, 64),
        "side of the image",
        "one image of side {}",
    ),
    "gpt_is_fast": Workload(
        "gpt", lambda code, T, rng: _gpt(code, 4, T, rng), (48,), "tokens", "4 sequences of {} tokens, 2 blocks"
    ),
    "rope_is_fast": Workload("rope", lambda code, T, rng: _rope(code, T), (256,), "tokens", "(2, 3, {}, 32)"),
    "rope_scales_with_tokens": Workload(
        "rope", lambda code, T, rng: _rope(code, T), (8, 64, 256), "number of tokens", "(2, 3, {}, 32)"
    ),
    "layer_norm_is_fast": Workload(
        # torch.var_mean alone, a right way to the statistics, takes three to five times what a fused kernel does
        *("layer_norm", lambda code, T, rng: _layer_norm(code, T), (256,), "tokens", "(4, {}, 64)"),
        gate=15.0,
    ),
    "samplers_scale_with_vocabulary": Workload(
        "samplers",
        lambda code, V, rng: _nucleus(code, V),
        (128, 1024, 8192),
        "size of the vocabulary",
        "top_p of (2, {})",
    ),
    "generate_scales_with_new_tokens": Workload(
        "generate",
        lambda code, n, rng: _generation(code, n),
        (2, 5, 14),
        "number of new tokens",
        "one text continued by {} tokens",
    ),
}
