"""Checks of the task mask (docs/core.md)."""

import hypothesis.strategies as st
import torch
from hypothesis import given

from . import oracles
from .check import check
from .compare import assert_equal, assert_true, describe
from .strategies import IdsCase, ids_cases, seeds
from .tasks import Mask


def as_bool(got: object, shape: tuple[int, ...], what: str) -> torch.Tensor:
    """A mask of the right shape as booleans; its dtype is another check's matter."""
    assert_true(
        isinstance(got, torch.Tensor) and tuple(got.shape) == shape,
        f"{what}: expected a bool tensor of shape {shape}, got {describe(got)}.",
    )
    assert isinstance(got, torch.Tensor)
    return got != 0


@check(task="mask", group="interface")
def test_interface(mask: Mask, rng: object) -> None:
    """The functions causal_mask(n_tokens) and attention_mask(ids, pad_id) can be imported and called."""
    mask.causal(3)
    mask.padded(torch.tensor([[1, 2, 0], [3, 0, 0]]), 0)


@check(task="mask", group="shape", examples=10)
@given(case=ids_cases())
def test_shapes(mask: Mask, case: IdsCase) -> None:
    """The causal mask has shape (T, T), the attention mask (B, 1, T, T)."""
    B, T = case.ids.shape
    as_bool(mask.causal(T), (T, T), "the causal mask")
    as_bool(mask.padded(case.ids, case.pad_id), (B, 1, T, T), "the attention mask")


@check(task="mask", group="agreement", examples=20)
@given(n_tokens=st.integers(1, 12))
def test_causal_agrees(mask: Mask, n_tokens: int) -> None:
    """In the causal mask each token may attend to itself and to the tokens before it, and to no other."""
    got = as_bool(mask.causal(n_tokens), (n_tokens, n_tokens), "the causal mask")
    assert_equal(got, oracles.causal_mask(n_tokens), "the causal mask (row = query, column = key)")


def padded_agrees(mask: Mask, case: IdsCase) -> None:
    """The attention mask equals the oracle's."""
    got = as_bool(mask.padded(case.ids, case.pad_id), tuple(case.expected.shape), "the attention mask")
    assert_equal(got, case.expected, "the attention mask (batch, 1, query, key)")


@check(task="mask", group="agreement", examples=40)
@given(case=ids_cases())
def test_padding_agrees(mask: Mask, case: IdsCase) -> None:
    """The attention mask allows the keys that are not after the query and are not padding, wherever padding stands."""
    padded_agrees(mask, case)


@check(task="mask", group="agreement", examples=40)
@given(case=ids_cases(pad_ids=st.sampled_from([5, 9, -1, 3, 12, 1])))
def test_any_pad_id(mask: Mask, case: IdsCase) -> None:
    """The padding id is the one that is given, whether it is 0, 5, −1 or larger than all others."""
    padded_agrees(mask, case)


@check(task="mask", group="agreement", examples=30)
@given(n_tokens=st.integers(1, 40), case=ids_cases(max_tokens=40))
def test_any_length(mask: Mask, n_tokens: int, case: IdsCase) -> None:
    """Both masks are right for sequences of any length, from a single token on."""
    got = as_bool(mask.causal(n_tokens), (n_tokens, n_tokens), "the causal mask")
    assert_equal(got, oracles.causal_mask(n_tokens), "the causal mask")
    padded_agrees(mask, case)
    one = IdsCase(case.ids[:, :1], case.pad_id)
    padded_agrees(mask, one)


@check(task="mask", group="agreement")
@given(case=ids_cases(square=True))
def test_broadcast_trap(mask: Mask, case: IdsCase) -> None:
    """With as many sequences as tokens, each sequence still gets its own padding."""
    padded_agrees(mask, case)


@check(task="mask", group="property")
@given(case=ids_cases(pad_ids=st.sampled_from([0, 4])))
def test_no_future_key(mask: Mask, case: IdsCase) -> None:
    """No query may attend to a later key, and a token that is not padding may attend to itself."""
    T = case.ids.shape[1]
    causal = as_bool(mask.causal(T), (T, T), "the causal mask")
    assert_true(not causal.triu(1).any(), "The causal mask lets a query attend to a later key.")
    assert_true(bool(causal.diagonal().all()), "The causal mask does not let each token attend to itself.")
    padded = as_bool(mask.padded(case.ids, case.pad_id), tuple(case.expected.shape), "the attention mask")
    assert_true(not padded.triu(1).any(), "The attention mask lets a query attend to a later key.")
    itself = padded[:, 0].diagonal(dim1=-2, dim2=-1)  # (B, T)
    assert_equal(itself, case.ids != case.pad_id, "the attention mask's diagonal (True where the token is not padding)")


@check(task="mask", group="property")
@given(case=ids_cases(max_tokens=12), cut=st.integers(1, 8), seed=seeds)
def test_prefix_consistency(mask: Mask, case: IdsCase, cut: int, seed: int) -> None:
    """Changing later tokens does not change the mask between earlier ones."""
    cut = min(cut, case.ids.shape[1])
    changed = case.ids.clone()
    changed[:, cut:] = case.pad_id if seed % 2 else 7 + (case.pad_id == 7)
    got = as_bool(mask.padded(changed, case.pad_id), tuple(case.expected.shape), "the attention mask")
    expected = case.expected[:, :, :cut, :cut]
    assert_equal(got[:, :, :cut, :cut], expected, f"the attention mask among the first {cut} tokens")


@check(task="mask", group="invariance", examples=10)
@given(case=ids_cases())
def test_is_boolean(mask: Mask, case: IdsCase) -> None:
    """Both masks are boolean tensors."""
    for what, got in (
        ("the causal mask", mask.causal(case.ids.shape[1])),
        ("the attention mask", mask.padded(case.ids, case.pad_id)),
    ):
        assert_true(
            isinstance(got, torch.Tensor) and got.dtype is torch.bool,
            f"{what}: expected dtype bool, got {describe(got)}.",
        )


@check(task="mask", group="invariance", examples=10)
@given(case=ids_cases())
def test_leaves_ids_alone(mask: Mask, case: IdsCase) -> None:
    """The ids are the same after the call as before."""
    assert_equal(mask.ids_after(case.ids, case.pad_id), case.ids, "ids after the call")
