"""Checks of the task decoder: token ids to hidden states, one attention head in each layer.

They come from a handout that leaves much open: names, biases, the width of the MLP, where norms stand, what the residual
connections add. The binding finds out which of the readings a submission follows, and holds it to that one.
"""

import torch
from hypothesis import given

from .check import check
from .compare import assert_agrees, assert_equal, assert_true
from .decoder import ATOL, built, defaults_are, filled, hidden_states, is_right, lengths_in_any_order
from .strategies import generator, seeds
from .strategies.decoder import DecoderCase, decoder_cases
from .tasks import Decoder, DecoderSizes


@check(task="decoder", group="interface")
def test_interface(decoder: Decoder, rng: object) -> None:
    """The Transformer can be built from vocabulary size, hidden size and context length, and called with ids (B, T)."""
    sizes = DecoderSizes(11, 6, 9)
    filled(decoder.build(sizes), sizes, 0)(torch.tensor([[1, 2, 3], [4, 5, 6]]))


@check(task="decoder", group="shape", examples=8)
@given(case=decoder_cases())
def test_shapes(decoder: Decoder, case: DecoderCase) -> None:
    """The output has the shape (B, T, hidden size) and is float32: hidden states, not logits."""
    hidden_states(built(decoder, case), case.ids, case.sizes)


@check(task="decoder", group="agreement", examples=20)
@given(case=decoder_cases())
def test_agrees_with_reference(decoder: Decoder, case: DecoderCase) -> None:
    """The hidden states are those of embeddings, masked attention, MLP and residual connections with the same weights."""
    is_right(built(decoder, case), case.ids)


@check(task="decoder", group="agreement", examples=8)
@given(case=decoder_cases(n_layers=(1, 3)))
def test_any_number_of_layers(decoder: Decoder, case: DecoderCase) -> None:
    """With one layer or three, each layer reads what the one before it gives."""
    is_right(built(decoder, case), case.ids)


@check(task="decoder", group="agreement", examples=6)
@given(case=decoder_cases(full=True))
def test_full_context(decoder: Decoder, case: DecoderCase) -> None:
    """The longest sequence that is allowed gives the right hidden states."""
    is_right(built(decoder, case), case.ids)


@check(task="decoder", group="property", examples=10)
@given(case=decoder_cases(min_tokens=2), seed=seeds)
def test_no_future_leak(decoder: Decoder, case: DecoderCase, seed: int) -> None:
    """Changing later ids does not change earlier hidden states."""
    V, T = case.sizes.vocab_size, case.ids.shape[1]
    cut = int(torch.randint(1, T, (), generator=generator(seed)))
    changed = case.ids.clone()
    changed[:, cut:] = (changed[:, cut:] + 1 + seed % (V - 1)) % V  # another id everywhere
    module = built(decoder, case)
    before, after = (hidden_states(module, ids, case.sizes) for ids in (case.ids, changed))
    what = f"the hidden states of the first {cut} tokens after the later ones have changed"
    assert_agrees(after[:, :cut], before[:, :cut].double(), what, atol=1e-5, rtol=1e-5)


@check(task="decoder", group="property", examples=8)
@given(case=decoder_cases(min_tokens=2), seed=seeds)
def test_sees_itself_and_the_past(decoder: Decoder, case: DecoderCase, seed: int) -> None:
    """Changing one id changes the hidden states of that token and of every later one."""
    V, T = case.sizes.vocab_size, case.ids.shape[1]
    place = int(torch.randint(T, (), generator=generator(seed)))
    changed = case.ids.clone()
    changed[:, place] = (changed[:, place] + 1 + seed % (V - 1)) % V
    module = built(decoder, case, even=True)
    before, after = (hidden_states(module, ids, case.sizes) for ids in (case.ids, changed))
    still = (after - before)[:, place:].abs().amax(-1) == 0  # (B, T - place)
    first = int(still.nonzero()[0, 1]) + place if still.any() else 0
    assert_true(
        not still.any(), f"After the id at position {place} has changed, the hidden state at {first} is the same."
    )


@check(task="decoder", group="property", examples=6)
@given(case=decoder_cases(min_tokens=2))
def test_prefix_property(decoder: Decoder, case: DecoderCase) -> None:
    """A shorter sequence gives the same hidden states as the beginning of a longer one."""
    module = built(decoder, case)
    whole = hidden_states(module, case.ids, case.sizes)
    for t in range(1, case.ids.shape[1]):
        part = hidden_states(module, case.ids[:, :t].contiguous(), case.sizes)
        assert_agrees(
            part, whole[:, :t].double(), f"the hidden states of the first {t} tokens alone", atol=ATOL, rtol=ATOL
        )


@check(task="decoder", group="property", examples=8)
@given(case=decoder_cases())
def test_batch_independence(decoder: Decoder, case: DecoderCase) -> None:
    """Each sequence of a batch is computed as if it stood alone."""
    module = built(decoder, case)
    together = hidden_states(module, case.ids, case.sizes)
    for i in range(len(case.ids)):
        alone = hidden_states(module, case.ids[i : i + 1], case.sizes)
        what = f"sequence {i} in the batch, against itself alone"
        assert_agrees(together[i : i + 1], alone.double(), what, atol=ATOL, rtol=ATOL)


@check(task="decoder", group="property", examples=8)
@given(case=decoder_cases(min_tokens=2))
def test_positions_matter(decoder: Decoder, case: DecoderCase) -> None:
    """The same id at every position gives another hidden state at each, and the same ones in each sequence."""
    ids = case.ids[:1, :1].expand(2, case.ids.shape[1]).contiguous()
    got = hidden_states(built(decoder, case), ids, case.sizes)
    same = (got[0, 1:] - got[0, :-1]).abs().amax(-1) < 1e-3  # (T-1,)
    assert_true(
        not same.any(),
        f"With the same id at every position, the hidden state at position {int(same.nonzero()[0]) + 1 if same.any() else 0} "
        "is that of the position before: each position must get its own position embedding.",
    )
    assert_agrees(
        got[1], got[0].double(), "the hidden states of the second of two equal sequences", atol=ATOL, rtol=ATOL
    )


@check(task="decoder", group="property")
def test_layers_have_weights_of_their_own(decoder: Decoder, rng: object) -> None:
    """Each layer has matrices of its own."""
    shared = decoder.build(DecoderSizes(11, 6, 9)).shared()
    assert_true(
        not shared,
        f"All layers use the same {', '.join(shared[:6])}: make one of each for every layer, as in ModuleList.",
    )


@check(task="decoder", group="property", examples=6)
@given(case=decoder_cases(), seed=seeds)
def test_gradients(decoder: Decoder, case: DecoderCase, seed: int) -> None:
    """Gradients reach every matrix and bias, and are the right ones."""
    grad_output = torch.randn(*case.ids.shape, case.sizes.d_model, generator=generator(seed))
    for name, gradient, expected in reversed(built(decoder, case).gradients(case.ids, grad_output)):
        message = f"No gradient reaches {name}: it is not used, or something is detached."
        assert_true(gradient is not None, message)
        # sums over B·T terms: rounding grows with their number, and with the layers behind
        assert_agrees(gradient, expected, f"the gradient of {name}", atol=1e-3, rtol=1e-3)


@check(task="decoder", group="invariance")
def test_two_layers_by_default(decoder: Decoder, rng: object) -> None:
    """Without a number of layers the model has two."""
    if decoder.any_depth:
        defaults_are(decoder, DecoderSizes(11, 6, 9), "two layers")


@check(task="decoder", group="invariance", examples=4)
@given(case=decoder_cases(whole_vocabulary=True))
def test_leaves_ids_alone(decoder: Decoder, case: DecoderCase) -> None:
    """The ids are the same after the call as before."""
    assert_equal(built(decoder, case).ids_after(case.ids), case.ids, "ids after the call")


@check(task="decoder", group="invariance", examples=4)
@given(case=decoder_cases())
def test_is_deterministic(decoder: Decoder, case: DecoderCase) -> None:
    """In eval mode two calls with the same ids agree."""
    module = built(decoder, case)
    first = hidden_states(module, case.ids, case.sizes)
    assert_equal(hidden_states(module, case.ids, case.sizes), first, "the hidden states of the second call")


@check(task="decoder", group="robustness", examples=4)
@given(case=decoder_cases(), seed=seeds)
def test_call_order_is_irrelevant(decoder: Decoder, case: DecoderCase, seed: int) -> None:
    """One model gives the right hidden states for sequences of different lengths in turn."""
    lengths_in_any_order(built(decoder, case), case.sizes, seed)


@check(task="decoder", group="robustness", examples=4)
@given(first=decoder_cases(n_layers=(1, 2)), second=decoder_cases(n_layers=(2, 3)))
def test_models_are_independent(decoder: Decoder, first: DecoderCase, second: DecoderCase) -> None:
    """Two models of different sizes, used in turn, do not disturb each other."""
    modules = [built(decoder, case) for case in (first, second)]
    for i in (0, 1, 0, 1):
        is_right(modules[i], (first, second)[i].ids, f"the hidden states of model {i + 1}")
