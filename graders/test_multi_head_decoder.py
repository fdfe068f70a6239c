"""Checks of the task multi_head_decoder: what several attention heads add to the task decoder.

Whatever the single-head model does as well is that task's matter: its mistakes do not count here once more.
"""

import torch
from hypothesis import given

from .check import check
from .compare import assert_true
from .decoder import built, defaults_are, filled, hidden_states, is_right, lengths_in_any_order
from .strategies import seeds
from .strategies.decoder import DecoderCase, decoder_cases
from .tasks import Decoder, DecoderSizes


@check(task="multi_head_decoder", group="interface")
def test_interface(decoder: Decoder, rng: object) -> None:
    """The MultiHeadTransformer can be built with a number of heads, and called with ids of shape (B, T)."""
    sizes = DecoderSizes(11, 6, 9, n_heads=3)
    filled(decoder.build(sizes), sizes, 0)(torch.tensor([[1, 2, 3], [4, 5, 6]]))


@check(task="multi_head_decoder", group="shape", examples=8)
@given(case=decoder_cases(many_heads=True))
def test_shapes(decoder: Decoder, case: DecoderCase) -> None:
    """With several heads the output has the shape (B, T, hidden size) and is float32."""
    hidden_states(built(decoder, case), case.ids, case.sizes)


@check(task="multi_head_decoder", group="agreement", examples=20)
@given(case=decoder_cases(many_heads=True))
def test_agrees_with_reference(decoder: Decoder, case: DecoderCase) -> None:
    """The hidden states are those of heads that attend on their own, are concatenated and projected, in each layer."""
    is_right(built(decoder, case), case.ids)


@check(task="multi_head_decoder", group="agreement", examples=8)
@given(case=decoder_cases(many_heads=True, n_layers=(1, 3)))
def test_any_number_of_layers(decoder: Decoder, case: DecoderCase) -> None:
    """With one layer or three, the heads of each layer read what the layer before gives."""
    is_right(built(decoder, case), case.ids)


@check(task="multi_head_decoder", group="agreement", examples=6)
@given(case=decoder_cases(many_heads=True, full=True))
def test_full_context(decoder: Decoder, case: DecoderCase) -> None:
    """With several heads the longest sequence that is allowed gives the right hidden states."""
    is_right(built(decoder, case), case.ids)


@check(task="multi_head_decoder", group="invariance")
def test_four_heads_by_default(decoder: Decoder, rng: object) -> None:
    """Without numbers of heads and layers the model has four heads and two layers."""
    defaults_are(decoder, DecoderSizes(11, 12, 9, n_heads=4), "four heads and two layers")


@check(task="multi_head_decoder", group="invariance")
def test_extends_transformer(decoder: Decoder, rng: object) -> None:
    """The MultiHeadTransformer extends the Transformer class."""
    assert_true(decoder.extends_single(), "MultiHeadTransformer is no subclass of Transformer, as the handout has it.")


@check(task="multi_head_decoder", group="robustness", examples=4)
@given(case=decoder_cases(many_heads=True), seed=seeds)
def test_call_order_is_irrelevant(decoder: Decoder, case: DecoderCase, seed: int) -> None:
    """One multi-head model gives the right hidden states for sequences of different lengths in turn."""
    lengths_in_any_order(built(decoder, case), case.sizes, seed)
