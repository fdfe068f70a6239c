"""What a decoder from ids to hidden states must do, with one head or with several: the bodies of the checks of both tasks."""

import torch
from torch import Tensor

from .compare import assert_agrees, assert_agrees_with_one, assert_true, describe, require_tensor
from .strategies import generator
from .strategies.decoder import DecoderCase, decoder_weights
from .tasks import Decoder, DecoderModule, DecoderSizes
from .verdict import CheckFailed

# up to three layers behind each other, without norms perhaps: rounding adds up
ATOL = 1e-4


def filled(module: DecoderModule, sizes: DecoderSizes, seed: int, *, even: bool = False) -> DecoderModule:
    """The module with weights that follow from a seed.

    Args:
        module: the student's.
        sizes: what it was built with.
        seed: another seed gives other weights.
        even: small scores, so that every token that may be seen has some weight.
    """
    weights = decoder_weights(sizes, module.d_hidden, generator(seed))
    if even:
        weights = {role: tensor * 0.1 if ".query." in role else tensor for role, tensor in weights.items()}
    module.load(weights)
    return module


def built(decoder: Decoder, case: DecoderCase, *, even: bool = False) -> DecoderModule:
    """The student's module with the case's weights, in eval mode."""
    return filled(decoder.build(case.sizes), case.sizes, case.seed, even=even)


def hidden_states(module: DecoderModule, ids: Tensor, sizes: DecoderSizes) -> Tensor:
    """The module's hidden states, of the right shape and dtype."""
    got = module(ids)
    shape = (*ids.shape, module.width)
    if module.width == sizes.d_model and isinstance(got, Tensor) and tuple(got.shape) == (*ids.shape, sizes.vocab_size):
        raise CheckFailed(
            f"The output: expected hidden states of shape {shape}, got {describe(got)}, one value for each token of the "
            "vocabulary. Leave out the projection to the vocabulary: it belongs to the language model outside."
        )
    return require_tensor(got, "the output", shape, torch.float32)


def is_right(module: DecoderModule, ids: Tensor, what: str = "the hidden states") -> None:
    """The hidden states are those that the loaded weights give; a known mistake is named."""
    got = module(ids)
    try:
        assert_agrees_with_one(got, module.expected(ids), what, atol=ATOL, rtol=ATOL)
    except CheckFailed as failed:
        supposed = module.supposed(ids)
        if supposed is None:
            raise
        try:
            assert_agrees(got, supposed[1], what, atol=ATOL, rtol=ATOL)
        except CheckFailed:
            raise failed from None
        first, _, rest = str(failed).partition("\n")
        raise CheckFailed(f"{first}\n  They are what comes out if {supposed[0]}.\n{rest}") from None


def lengths_in_any_order(module: DecoderModule, sizes: DecoderSizes, seed: int) -> None:
    """Lengths 3, the longest, 5, 1 and 3 in turn give the right hidden states."""
    for i, T in enumerate((3, sizes.max_tokens, 5, 1, 3)):
        ids = torch.randint(sizes.vocab_size, (2, T), generator=generator(seed + i))
        is_right(module, ids, f"the hidden states of call {i + 1}, T={T}")


def defaults_are(decoder: Decoder, sizes: DecoderSizes, words: str) -> None:
    """A module that is built without numbers of layers and heads has those of `sizes`."""
    module = filled(decoder.build_default(sizes), sizes, 7)
    explicit = filled(decoder.build(sizes), sizes, 7)
    ids = torch.randint(sizes.vocab_size, (2, 5), generator=generator(8))
    wanted = require_tensor(explicit(ids), "the output", (2, 5, explicit.width), torch.float32)
    got = module(ids)
    try:
        assert_agrees(got, wanted.double(), "the hidden states", atol=ATOL, rtol=ATOL)
    except CheckFailed as failed:
        assert_true(False, f"Built without these arguments, the model must have {words}, and does not:\n{failed}")
