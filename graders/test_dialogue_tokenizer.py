"""Checks of the task dialogue_tokenizer: words of a text as ids, and back. Its vocabulary is given, what uses it is written."""

from typing import Any

import numpy as np
import torch
from hypothesis import given
from torch import Tensor

from sandbox.text import clean

from .check import check
from .compare import assert_true, describe
from .strategies.dialogue import PAD, SPECIALS, START, UNK, DialogueCase, dialogue_cases
from .tasks import DialogueTokenizer
from .verdict import CheckFailed

RAW_TEXT = "Good morrow, gentle Queen: walks the King in the garden?"


def listed(value: Any, what: str = "encode") -> list[int]:
    """Ids as a list of ints: a list, an array or a tensor of one axis was returned."""
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or not all(type(item) is int or _is_scalar(item) for item in value):
        raise CheckFailed(f"{what} must return ids as a list, an array or a tensor of one axis; got {describe(value)}.")
    return [int(item) for item in value]


def _is_scalar(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() == 0 and not value.is_floating_point() and not value.is_complex()


def encodes(tokenizer: DialogueTokenizer, case: DialogueCase) -> None:
    """The ids are the expected ones; the message names tokens beside them."""
    got, expected = listed(tokenizer.encode(case.raw_text, [case.text])[0]), case.ids
    names = case.vocabulary

    def named(ids: list[int]) -> str:
        return ", ".join(f"{i} {names[i]}" if 0 <= i < len(names) else str(i) for i in ids[:20]) or "nothing"

    assert_true(
        got == expected,
        f"encode of {case.text!r} (its words: {case.tokens}):\n  expected {named(expected)}\n  got      {named(got)}",
    )


def decodes(tokenizer: DialogueTokenizer, case: DialogueCase, ids: list[int], given_as: Any = None) -> None:
    """The text is that of the ids' tokens with a space between them."""
    got = tokenizer.decode(case.raw_text, [tokenizer.as_it_likes(ids) if given_as is None else given_as(ids)])[0]
    expected = " ".join(case.vocabulary[i] for i in ids)
    kind = "list" if given_as is None else {np.array: "array", torch.tensor: "tensor"}.get(given_as, "list")
    assert_true(type(got) is str, f"decode must return a string; got {describe(got)}.")
    assert_true(
        got == expected,
        f"decode of the ids {ids}{'' if kind == 'list' else f' in a {kind}'}:\n  expected {expected!r}\n"
        f"  got      {clean(got, 400)!r}",
    )


@check(task="dialogue_tokenizer", group="interface")
def test_interface(tokenizer: DialogueTokenizer, rng: object) -> None:
    """The tokenizer can be made of a text, encodes a string, and decodes ids."""
    tokenizer.encode(RAW_TEXT, ["the King walks"])
    tokenizer.decode(RAW_TEXT, [tokenizer.as_it_likes([START, 5, 4])])


@check(task="dialogue_tokenizer", group="shape")
def test_shapes(tokenizer: DialogueTokenizer, rng: object) -> None:
    """The encoded text is a row of integers, the decoded one a string."""
    listed(tokenizer.encode(RAW_TEXT, ["the King walks"])[0])
    got = tokenizer.decode(RAW_TEXT, [tokenizer.as_it_likes([START, 5, 4])])[0]
    assert_true(type(got) is str, f"decode must return a string; got {describe(got)}.")


@check(task="dialogue_tokenizer", group="agreement", examples=25)
@given(case=dialogue_cases())
def test_encodes(tokenizer: DialogueTokenizer, case: DialogueCase) -> None:
    """The ids of a text are that of the start token, then those of its words and punctuation marks by word_tokenize."""
    encodes(tokenizer, case)


@check(task="dialogue_tokenizer", group="agreement", examples=20)
@given(case=dialogue_cases(unknown=True))
def test_encodes_unknown_words(tokenizer: DialogueTokenizer, case: DialogueCase) -> None:
    """Words that the vocabulary lacks become the unknown token; upper and lower case differ."""
    encodes(tokenizer, case)


@check(task="dialogue_tokenizer", group="agreement", examples=20)
@given(case=dialogue_cases())
def test_decodes(tokenizer: DialogueTokenizer, case: DialogueCase) -> None:
    """The text of ids is made of their tokens with a space between each two."""
    decodes(tokenizer, case, case.ids[1:])


@check(task="dialogue_tokenizer", group="property", examples=10)
@given(case=dialogue_cases())
def test_decodes_special_tokens(tokenizer: DialogueTokenizer, case: DialogueCase) -> None:
    """Special tokens are decoded like all others, wherever they stand."""
    decodes(tokenizer, case, [*case.ids, UNK, case.ids[-1], PAD, PAD])


@check(task="dialogue_tokenizer", group="property")
def test_empty_text(tokenizer: DialogueTokenizer, rng: object) -> None:
    """The ids of an empty text are that of the start token alone."""
    got = listed(tokenizer.encode(RAW_TEXT, [""])[0])
    assert_true(got == [START], f"encode of '' must give [{START}], the id of {SPECIALS[START]}; got {got[:20]}.")


@check(task="dialogue_tokenizer", group="property", examples=10)
@given(case=dialogue_cases(unknown=True))
def test_there_and_back(tokenizer: DialogueTokenizer, case: DialogueCase) -> None:
    """Decoding what was encoded gives the words of the text back, with the unknown ones marked."""
    ids = listed(tokenizer.encode(case.raw_text, [case.text])[0])
    got = tokenizer.decode(case.raw_text, [tokenizer.as_it_likes(ids)])[0]
    words = [token if token in case.vocabulary else SPECIALS[UNK] for token in case.tokens]
    assert_true(
        type(got) is str and got.split(" ")[-len(words) :] == words,
        f"{case.text!r} encoded and decoded must end with {' '.join(words)!r}; got "
        f"{clean(got, 400)!r}." if type(got) is str else f"decode must return a string; got {describe(got)}.",
    )  # fmt: skip


@check(task="dialogue_tokenizer", group="robustness", examples=6)
@given(case=dialogue_cases())
def test_decodes_lists_arrays_and_tensors(tokenizer: DialogueTokenizer, case: DialogueCase) -> None:
    """The ids to decode may come in a list, an array or a tensor."""
    for given_as in (list, np.array, torch.tensor):
        decodes(tokenizer, case, case.ids[1:], given_as)


@check(task="dialogue_tokenizer", group="robustness", examples=8)
@given(first=dialogue_cases(), second=dialogue_cases())
def test_tokenizers_are_independent(tokenizer: DialogueTokenizer, first: DialogueCase, second: DialogueCase) -> None:
    """Two tokenizers of different texts, used in turn, do not disturb each other."""
    for case in (first, second, first, second):
        encodes(tokenizer, case)
