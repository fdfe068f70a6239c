"""Checks of time (docs/timing.md). A homework's item lists those that it wants, in `timing`.

Each compares with the homework's solution. A check named `…_is_fast` times calls of one size; one named `…_scale(s)_with_…`
times several sizes, and asks how the cost grows: that tells a Python loop where a tensor operation was meant, and hardly
depends on the machine.
"""

import random

from .check import check
from .cuda_timing import assert_fast_on_device, assert_full_precision, require_cuda
from .timed import Timed
from .timing import assert_fast, assert_scales
from .workloads import WORKLOADS


@check(task="timing", group="property")
def test_attention_is_fast(timed: Timed, rng: random.Random) -> None:
    """Attention takes about the time that it must."""
    assert_fast(timed, "attention_is_fast", WORKLOADS["attention_is_fast"], rng)


@check(task="timing", group="property")
def test_attention_scales_with_tokens(timed: Timed, rng: random.Random) -> None:
    """Attention is computed for all tokens at once, without a loop over them."""
    assert_scales(timed, "attention_scales_with_tokens", WORKLOADS["attention_scales_with_tokens"], rng)


@check(task="timing", group="property")
def test_attention_scales_with_batch(timed: Timed, rng: random.Random) -> None:
    """Attention is computed for all sequences at once, without a loop over them."""
    assert_scales(timed, "attention_scales_with_batch", WORKLOADS["attention_scales_with_batch"], rng)


@check(task="timing", group="property")
def test_attention_on_cuda_is_fast(timed: Timed, rng: random.Random) -> None:
    """On a GPU, attention takes about the time that it must."""
    require_cuda(timed)
    gate = timed.table.gates.get("timing.attention_on_cuda_is_fast", 2.5)
    timed.notes.append(assert_fast_on_device(timed, gate, rng))


@check(task="timing", group="property")
def test_attention_on_cuda_keeps_precision(timed: Timed, rng: random.Random) -> None:
    """On a GPU, attention of float32 tensors is computed in float32, not in a coarser format."""
    require_cuda(timed)
    assert_full_precision(timed, rng)


@check(task="timing", group="property")
def test_multi_head_is_fast(timed: Timed, rng: random.Random) -> None:
    """Multi-head attention takes about the time that it must."""
    assert_fast(timed, "multi_head_is_fast", WORKLOADS["multi_head_is_fast"], rng)


@check(task="timing", group="property")
def test_multi_head_scales_with_tokens(timed: Timed, rng: random.Random) -> None:
    """Multi-head attention is computed for all tokens at once, without a loop over them."""
    assert_scales(timed, "multi_head_scales_with_tokens", WORKLOADS["multi_head_scales_with_tokens"], rng)


@check(task="timing", group="property")
def test_multi_head_scales_with_heads(timed: Timed, rng: random.Random) -> None:
    """Multi-head attention is computed for all heads at once, without a loop over them."""
    assert_scales(timed, "multi_head_scales_with_heads", WORKLOADS["multi_head_scales_with_heads"], rng)


@check(task="timing", group="property")
def test_patch_embedding_is_fast(timed: Timed, rng: random.Random) -> None:
    """Patch embedding takes about the time that it must."""
    assert_fast(timed, "patch_embedding_is_fast", WORKLOADS["patch_embedding_is_fast"], rng)


@check(task="timing", group="property")
def test_patch_embedding_scales_with_batch(timed: Timed, rng: random.Random) -> None:
    """All images of a batch are embedded at once, without a loop over them."""
    assert_scales(timed, "patch_embedding_scales_with_batch", WORKLOADS["patch_embedding_scales_with_batch"], rng)


@check(task="timing", group="property")
def test_patch_embedding_scales_with_patches(timed: Timed, rng: random.Random) -> None:
    """All patches of an image are embedded at once, without a loop over them."""
    assert_scales(timed, "patch_embedding_scales_with_patches", WORKLOADS["patch_embedding_scales_with_patches"], rng)


@check(task="timing", group="property")
def test_gpt_is_fast(timed: Timed, rng: random.Random) -> None:
    """The language model takes about the time that it must."""
    assert_fast(timed, "gpt_is_fast", WORKLOADS["gpt_is_fast"], rng)


@check(task="timing", group="property")
def test_rope_is_fast(timed: Timed, rng: random.Random) -> None:
    """The rotation takes about the time that it must."""
    assert_fast(timed, "rope_is_fast", WORKLOADS["rope_is_fast"], rng)


@check(task="timing", group="property")
def test_rope_scales_with_tokens(timed: Timed, rng: random.Random) -> None:
    """All tokens are rotated at once, without a loop over them."""
    assert_scales(timed, "rope_scales_with_tokens", WORKLOADS["rope_scales_with_tokens"], rng)


@check(task="timing", group="property")
def test_layer_norm_is_fast(timed: Timed, rng: random.Random) -> None:
    """Layer normalisation takes about the time that it must."""
    assert_fast(timed, "layer_norm_is_fast", WORKLOADS["layer_norm_is_fast"], rng)


@check(task="timing", group="property")
def test_samplers_scale_with_vocabulary(timed: Timed, rng: random.Random) -> None:
    """top_p filters the whole vocabulary at once, without a loop over it."""
    assert_scales(timed, "samplers_scale_with_vocabulary", WORKLOADS["samplers_scale_with_vocabulary"], rng)


@check(task="timing", group="property")
def test_generate_scales_with_new_tokens(timed: Timed, rng: random.Random) -> None:
    """Each new token costs one run of the model, however many came before it."""
    assert_scales(timed, "generate_scales_with_new_tokens", WORKLOADS["generate_scales_with_new_tokens"], rng)
