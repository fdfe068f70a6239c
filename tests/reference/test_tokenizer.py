"""The reference tokenizers against Hugging Face's tokenizers and against loops written from the rules."""

import pytest
import tokenizers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, models, pre_tokenizers

from reference.tokenizer import CharTokenizer, WordTokenizer

examples = settings(derandomize=True, deadline=None, database=None, max_examples=100)
SPECIALS = ["<pad>", "<unk>", "<bos>", "<eos>"]
WORDS = ["the", "The", "cat", "sat", "café", "straße", "x_1", "42", "猫", "<unk>", "pad", ",", ".", "!?", "don't", "—"]
words = st.lists(st.sampled_from(WORDS), max_size=12)
# letters, digits and marks of which all libraries agree what a word is; tokens glued together or apart
texts = words.map(" ".join) | words.map("".join) | st.text(st.sampled_from("abAB é_1.,'-<>\n\t€"), max_size=30)


def slow_words(text: str) -> list[str]:
    """Cut a text in words and punctuation, one character at a time."""
    found: list[str] = []
    inside_word = False
    for character in text:
        is_word = character.isalnum() or character == "_"
        if is_word and inside_word:
            found[-1] += character
        elif not character.isspace():
            found.append(character)
        inside_word = is_word
    return found


def slow_vocabulary(text: str) -> list[str]:
    """Specials, then tokens by count, ties by first place, by repeated search for the next one."""
    tokens = slow_words(text)
    left = set(tokens)
    vocabulary = list(SPECIALS)
    while left:
        best = min(left, key=lambda token: (-tokens.count(token), tokens.index(token)))
        left.remove(best)
        vocabulary.append(best)
    return vocabulary


@examples
@given(text=texts)
def test_word_vocabulary(text: str) -> None:
    """Protects the ids: specials 0 to 3, then by frequency, ties by first seen."""
    assert WordTokenizer(text).vocab == slow_vocabulary(text)


@examples
@given(text=texts, other=texts, max_vocab=st.none() | st.integers(4, 12))
def test_words_equal_hugging_faces_tokenizer(text: str, other: str, max_vocab: int | None) -> None:
    """Protects words, punctuation and unknown tokens: WordLevel and Split have no code of ours."""
    vocabulary = {token: i for i, token in enumerate(slow_vocabulary(text)[:max_vocab])}
    judge = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    judge.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|[^\w\s]"), "removed", invert=True)
    tokenizer = WordTokenizer(text, max_vocab)
    for string in (text, other):
        assert tokenizer.encode(string) == judge.encode(string).ids
    assert tokenizer.vocab == list(vocabulary)  # encoding adds nothing


def test_worked_example() -> None:
    """Protects the rules in numbers that a person can follow: order, max_vocab, unknown, bos and eos, decoding."""
    tokenizer = WordTokenizer("b a , a b c a !", max_vocab=7)
    assert tokenizer.vocab == [*SPECIALS, "a", "b", ","]
    assert tokenizer.encode("a,c  b!") == [4, 6, 1, 5, 1]
    assert tokenizer.encode("a", bos=True) == [2, 4]
    assert tokenizer.encode("a", eos=True) == [4, 3]
    assert tokenizer.encode("", bos=True, eos=True) == [2, 3]
    assert tokenizer.encode(" \n ") == []
    assert tokenizer.decode([0, 2, 4, 0, 6, 1, 3, 5, 3, 0]) == "a , <unk> b"
    assert tokenizer.decode([]) == tokenizer.decode([2, 3]) == ""


def test_names_of_specials_in_a_text_are_text() -> None:
    """Protects against a text that smuggles in an end or padding: <eos> in it is three tokens, as known or unknown."""
    tokenizer = WordTokenizer("< eos >")
    assert tokenizer.encode("<eos><eos>") == [4, 5, 6, 4, 5, 6]
    assert tokenizer.decode(tokenizer.encode("<eos>")) == "< eos >"
    assert WordTokenizer("").encode("<pad>") == [1, 1, 1]


@examples
@given(text=texts, bos=st.booleans(), eos=st.booleans())
def test_word_round_trip(text: str, bos: bool, eos: bool) -> None:
    """Protects decoding: known text comes back with single spaces; lists and tensors, any integer dtype."""
    tokenizer = WordTokenizer(text)
    ids = tokenizer.encode(text, bos=bos, eos=eos)
    assert all(type(i) is int for i in ids)
    expected = " ".join(slow_words(text))
    assert tokenizer.decode(ids) == expected
    assert tokenizer.decode(torch.tensor(ids, dtype=torch.int64)) == expected
    assert tokenizer.decode(torch.tensor(ids, dtype=torch.int32)) == expected


@examples
@given(left=texts, right=texts)
def test_encoding_is_a_homomorphism(left: str, right: str) -> None:
    """Protects long inputs and instances: parts encode as the whole does, in whatever order instances are made."""
    tokenizer = WordTokenizer(left)
    WordTokenizer(right)
    assert tokenizer.encode(f"{left} {right}") == tokenizer.encode(left) + tokenizer.encode(right)
    assert tokenizer.vocab == WordTokenizer(left).vocab
    assert tokenizer.encode(f"{left} " * 50) == tokenizer.encode(left) * 50


@examples
@given(text=st.text(max_size=30))
def test_characters(text: str) -> None:
    """Protects ids in the order of code points, for any Unicode text, and the way back from lists and tensors."""
    tokenizer = CharTokenizer(text)
    ids = tokenizer.encode(text)
    assert ids == [sum(other < character for other in set(text)) for character in text]
    assert all(type(i) is int for i in ids)
    assert tokenizer.vocab == [chr(point) for point in sorted({ord(character) for character in text})]
    assert tokenizer.decode(ids) == tokenizer.decode(torch.tensor(ids, dtype=torch.int64)) == text


def test_what_is_not_in_the_vocabulary_is_named() -> None:
    """Protects the messages for unknown characters and ids; −1 must not be the last entry."""
    tokenizer = CharTokenizer("abc")
    with pytest.raises(ValueError, match="character 'x' at place 2"):
        tokenizer.encode("abxy")
    for any_tokenizer, size in ((tokenizer, 3), (WordTokenizer("a"), 5)):
        for wrong in (-1, size):
            with pytest.raises(ValueError, match=f"id {wrong} is not in the vocabulary of {size}"):
                any_tokenizer.decode([0, wrong])
            with pytest.raises(ValueError, match=f"id {wrong} is not in the vocabulary of {size}"):
                any_tokenizer.decode(torch.tensor([wrong]))


def test_max_vocab_has_room_for_the_specials() -> None:
    """Protects the message for a vocabulary below four entries; four is the specials alone."""
    assert WordTokenizer("a b", max_vocab=4).vocab == SPECIALS
    with pytest.raises(ValueError, match="at least 4, got max_vocab=3"):
        WordTokenizer("a b", max_vocab=3)
