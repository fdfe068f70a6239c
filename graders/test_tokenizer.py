"""Checks of the task tokenizer (docs/core.md).

Whoever has written one of the two tokenizers only is judged on that one: interface and shape ask for one that works.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given

from sandbox.errors import StudentError
from sandbox.text import clean

from .check import check
from .compare import describe
from .oracles import tokenizer as oracle
from .strategies.tokenizer import PLAIN, SPACES, WORDS, TextsCase, character_cases, texts, word_cases
from .tasks import Tokenizer
from .verdict import CheckFailed

NAMES = {"characters": "CharTokenizer", "words": "WordTokenizer"}
SPECIALS = {"<pad>": 0, "<unk>": 1, "<bos>": 2, "<eos>": 3}
SOME = "the cat sat on the mat. The café, the cat!"


def ids_in(got: Any, what: str) -> list[int]:
    """A list of Python ints.

    Raises:
        CheckFailed: it is nothing of the kind.
    """
    if type(got) is not list or any(type(i) is not int for i in got):
        raise CheckFailed(f"{what}: expected a list of int, got {describe(got)}.")
    return got


def same(got: Any, expected: Any, what: str) -> None:
    """Require the same list, text or number, and show both."""
    if type(got) is type(expected) and got == expected:
        return
    place = ""
    if isinstance(expected, list) and isinstance(got, list):
        first = next(
            (i for i, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), min(len(got), len(expected))
        )
        place = f" is wrong from place {first} on" if len(expected) > 1 else " is wrong"
    raise CheckFailed(f"{what}{place}:\n  expected: {shown(expected)}\n  got:      {shown(got)}")


def shown(value: Any) -> str:
    """A value of the student's as one short line."""
    if isinstance(value, list) and all(isinstance(item, (str, int)) for item in value):
        return clean(repr([clean(item, 40) if isinstance(item, str) else item for item in value[:60]]), 400)
    return clean(repr(value), 400) if isinstance(value, (str, int)) else describe(value)


def encodes(
    tokenizer: Tokenizer, kind: str, text: str, others: Sequence[str], max_vocab: int | None = None, **specials: bool
) -> list[list[int]]:
    """The ids of several texts by one tokenizer, each of them a list of int and the right one."""
    found = tokenizer.encode(kind, text, others, max_vocab, **specials)
    vocab = oracle.vocab(kind, text, max_vocab)
    asked = "".join(f", {name}=True" for name, value in specials.items() if value)
    for other, got in zip(others, found, strict=True):
        what = f"encode({clean(other, 120)!r}{asked}) of a {NAMES[kind]}"
        expected = oracle.encode(kind, text, other, max_vocab, **specials)
        if ids_in(got, what) != expected:
            what += f", which are the tokens {shown([vocab[i] for i in expected])},"
        same(got, expected, what)
    return found


def decodes(tokenizer: Tokenizer, kind: str, text: str, several: Sequence[list[int]]) -> None:
    """The texts of several lists of ids by one tokenizer are the right ones."""
    for ids, got in zip(several, tokenizer.decode(kind, text, several), strict=True):
        same(got, oracle.decode(kind, text, ids), f"decode({ids}) of a {NAMES[kind]} made of {clean(text, 120)!r}")


def those_that_work(tokenizer: Tokenizer) -> dict[str, tuple[Any, Any, Any]]:
    """Vocabulary, ids and text of each kind of tokenizer that works at all.

    Raises:
        StudentError, CheckFailed: none does; what the last one raised.
    """
    working: dict[str, tuple[Any, Any, Any]] = {}
    failed: StudentError | CheckFailed | None = None
    for kind in NAMES:
        try:
            vocab = tokenizer.vocab(kind, SOME)
            [ids] = tokenizer.encode(kind, SOME, ["the cat"])
            [text] = tokenizer.decode(kind, SOME, [[2, 3, 4]])
            working[kind] = vocab, ids, text
        except (StudentError, CheckFailed) as error:
            failed = error
    if failed is not None and not working:
        raise failed
    return working


@check(task="tokenizer", group="interface")
def test_interface(tokenizer: Tokenizer, rng: object) -> None:
    """A tokenizer can be made of a text, has a vocabulary, encodes and decodes."""
    those_that_work(tokenizer)


@check(task="tokenizer", group="shape")
def test_shapes(tokenizer: Tokenizer, rng: object) -> None:
    """vocab is a list of str, encode gives a list of Python ints, decode a str."""
    for kind, (vocab, ids, text) in those_that_work(tokenizer).items():
        name = NAMES[kind]
        if type(vocab) is not list or any(type(token) is not str for token in vocab):
            raise CheckFailed(f"{name}.vocab: expected a list of str, got {describe(vocab)}.")
        ids_in(ids, f"{name}.encode")
        if type(text) is not str:
            raise CheckFailed(f"{name}.decode: expected a str, got {describe(text)}.")


@check(task="tokenizer", group="agreement", requires=("characters",), examples=20)
@given(case=character_cases())
def test_character_vocabulary(tokenizer: Tokenizer, case: TextsCase) -> None:
    """CharTokenizer's vocabulary holds each character of the text once, in the order of code points, and nothing else."""
    got = tokenizer.vocab("characters", case.text)
    same(got, oracle.vocab("characters", case.text), f"The vocabulary of a CharTokenizer made of {case.text!r}")


@check(task="tokenizer", group="agreement", requires=("characters",), examples=20)
@given(case=character_cases())
def test_characters_encode(tokenizer: Tokenizer, case: TextsCase) -> None:
    """CharTokenizer encodes each character as its place in the vocabulary, and decodes ids back to the same text."""
    found = encodes(tokenizer, "characters", case.text, [case.other, case.text])
    decodes(tokenizer, "characters", case.text, found)


@check(task="tokenizer", group="agreement", requires=("words",), examples=25)
@given(case=word_cases())
def test_word_vocabulary(tokenizer: Tokenizer, case: TextsCase) -> None:
    """WordTokenizer's vocabulary: the four specials, then tokens from most to least frequent, ties by first seen."""
    got = tokenizer.vocab("words", case.text)
    same(got, oracle.vocab("words", case.text), f"The vocabulary of a WordTokenizer made of {case.text!r}")


@check(task="tokenizer", group="agreement", requires=("words",), examples=25)
@given(case=word_cases())
def test_words_encode(tokenizer: Tokenizer, case: TextsCase) -> None:
    """WordTokenizer encodes each word and each punctuation mark as its place in the vocabulary."""
    encodes(tokenizer, "words", case.text, [case.other, case.text])


@check(task="tokenizer", group="agreement", requires=("words",), examples=20)
@given(case=word_cases(), max_vocab=st.integers(4, 12))
def test_max_vocab(tokenizer: Tokenizer, case: TextsCase, max_vocab: int) -> None:
    """max_vocab limits the vocabulary with the four specials counted; the tokens that are left out become <unk>."""
    got = tokenizer.vocab("words", case.text, max_vocab)
    expected = oracle.vocab("words", case.text, max_vocab)
    same(got, expected, f"The vocabulary with max_vocab={max_vocab} of {case.text!r}")
    encodes(tokenizer, "words", case.text, [case.text], max_vocab)


@check(task="tokenizer", group="property", requires=("words",), examples=15)
@given(case=word_cases(unknown=True))
def test_unknown_words(tokenizer: Tokenizer, case: TextsCase) -> None:
    """Unknown words become 1, one id each, every time they come: encoding never changes the vocabulary."""
    encodes(tokenizer, "words", case.text, [case.other, case.other, case.text])


@check(task="tokenizer", group="property", requires=("words",), examples=15)
@given(text=texts(PLAIN, spaces=(" ",)))
def test_word_round_trip(tokenizer: Tokenizer, text: str) -> None:
    """Known words and marks with single spaces between them come back unchanged, with their case and accents."""
    [ids] = tokenizer.encode("words", text, [text])
    [got] = tokenizer.decode("words", text, [ids_in(ids, "WordTokenizer.encode")])
    same(got, text, f"The text of the ids {shown(ids)}")


@check(task="tokenizer", group="property", requires=("words",), examples=12)
@given(text=texts(WORDS), data=st.lists(st.integers(0, 30), max_size=8))
def test_words_decode(tokenizer: Tokenizer, text: str, data: list[int]) -> None:
    """decode joins tokens by single spaces, drops <pad>, <bos> and <eos> wherever they stand, and shows <unk>."""
    V = len(oracle.vocab("words", text))
    several = [[i % V for i in data], [2, 4, 0, 1, 4, 3], [0, 4, 0, 0], [4, 3, 4, 2]]
    decodes(tokenizer, "words", text, several)


@check(task="tokenizer", group="property", requires=("words",))
def test_punctuation(tokenizer: Tokenizer, rng: object) -> None:
    """Each punctuation mark is a token of its own, split off the word that it stands at; digits and underscores are not."""
    text = 'Don\'t stop: a well-known x_1 (3.14!) — «so», he said… "Yes?!"'
    encodes(tokenizer, "words", text, ["Don't", "well-known", "x_1", "3.14!", "(so)", "said…", '"Yes?!"', text])


@check(task="tokenizer", group="property", requires=("words",), examples=8)
@given(case=word_cases())
def test_specials_on_request(tokenizer: Tokenizer, case: TextsCase) -> None:
    """<bos> comes in front and <eos> at the end if they are asked for, and not otherwise, for an empty text too."""
    for bos, eos in ((False, False), (True, True), (True, False), (False, True)):
        encodes(tokenizer, "words", case.text, [case.other, ""], bos=bos, eos=eos)


@check(task="tokenizer", group="property", requires=("words",))
def test_names_of_specials_are_text(tokenizer: Tokenizer, rng: object) -> None:
    """The name of a special in a text is text like any other: <pad> is three tokens."""
    text = "a <pad> b <eos> <unk> a > b"
    same(
        tokenizer.vocab("words", text),
        oracle.vocab("words", text),
        f"The vocabulary of a WordTokenizer made of {text!r}",
    )
    encodes(tokenizer, "words", text, ["<pad>", "b <eos> a", "<bos>"])


@check(task="tokenizer", group="property", requires=("words",), examples=12)
@given(case=word_cases(), space=st.sampled_from(SPACES))
def test_concatenation(tokenizer: Tokenizer, case: TextsCase, space: str) -> None:
    """The ids of two texts with space between them are those of the first, then those of the second; space leaves no id."""
    found = tokenizer.encode(
        "words", case.text, [case.text, case.other, f"{space}{case.text}{space}{case.other}{space}"]
    )
    first, second, both = (ids_in(ids, "WordTokenizer.encode") for ids in found)
    same(both, first + second, f"The ids of {case.text!r} and {case.other!r} with {space!r} around them")


@check(task="tokenizer", group="property")
def test_long_texts(tokenizer: Tokenizer, rng: object) -> None:
    """Texts of thousands of tokens are encoded whole."""
    text = " ".join(f"w{i % 317} !" for i in range(3000))
    working = those_that_work(tokenizer)
    for kind in working:
        [got] = tokenizer.encode(kind, text, [text])
        n_ids, expected = len(ids_in(got, f"{NAMES[kind]}.encode")), oracle.encode(kind, text, text)
        same(n_ids, len(expected), f"The number of ids of a text of {len(text)} characters, {NAMES[kind]}")
        same(got, expected, f"The ids of a long text, {NAMES[kind]}")


@check(task="tokenizer", group="property")
def test_empty_texts(tokenizer: Tokenizer, rng: object) -> None:
    """The empty text has no ids, and no ids are the empty text."""
    for kind in those_that_work(tokenizer):
        encodes(tokenizer, kind, SOME, [""])
        decodes(tokenizer, kind, SOME, [[]])
        same(
            tokenizer.vocab(kind, ""),
            oracle.vocab(kind, ""),
            f"The vocabulary of a {NAMES[kind]} made of an empty text",
        )


@check(task="tokenizer", group="invariance", examples=8)
@given(words=word_cases(), characters=character_cases())
def test_decodes_tensors(tokenizer: Tokenizer, words: TextsCase, characters: TextsCase) -> None:
    """decode takes an integer tensor (T,) as well as a list."""
    for kind in those_that_work(tokenizer):
        text = words.text if kind == "words" else characters.text
        ids = oracle.encode(kind, text, text)
        for dtype in (torch.int64, torch.int32):
            [got] = tokenizer.decode(kind, text, [torch.tensor(ids, dtype=dtype)])
            same(got, oracle.decode(kind, text, ids), f"decode(tensor({ids})) of a {NAMES[kind]}")


@check(task="tokenizer", group="invariance", examples=10)
@given(first=word_cases(), second=word_cases())
def test_instances_are_independent(tokenizer: Tokenizer, first: TextsCase, second: TextsCase) -> None:
    """A second tokenizer knows nothing of the first one's text, and the same text gives the same vocabulary again."""
    for kind in those_that_work(tokenizer):
        for case in (first, second, first):
            what = f"The vocabulary of a {NAMES[kind]} made of {case.text!r} after others were made"
            same(tokenizer.vocab(kind, case.text), oracle.vocab(kind, case.text), what)


def refused(call: Callable[[], list[Any]], what: str) -> None:
    """Require that a call raises.

    Raises:
        CheckFailed: it returned something.
    """
    try:
        [got] = call()
    except StudentError as error:
        if error.facts.get("type") == "NotImplementedError":
            raise
        return
    raise CheckFailed(f"{what} must raise a ValueError; it returned {shown(got)}.")


@check(task="tokenizer", group="robustness", requires=("refuses",))
def test_unknown_characters_are_refused(tokenizer: Tokenizer, rng: object) -> None:
    """CharTokenizer raises an error for a character that is not in its vocabulary."""
    for text, other in (("abc", "abd"), ("abc", "A"), ("hello", "hello ")):
        what = f"encode({other!r}) of a CharTokenizer made of {text!r}"
        refused(partial(tokenizer.encode, "characters", text, [other]), what)


@check(task="tokenizer", group="robustness", requires=("refuses",))
def test_unknown_ids_are_refused(tokenizer: Tokenizer, rng: object) -> None:
    """decode raises an error for an id that is not in the vocabulary, negative ones included."""
    for kind in those_that_work(tokenizer):
        text = "to be or not to be"
        V = len(oracle.vocab(kind, text))
        for odd in (V, -1, V + 20):
            what = f"decode([0, {odd}]) of a {NAMES[kind]} with {V} entries"
            refused(partial(tokenizer.decode, kind, text, [[0, odd]]), what)
