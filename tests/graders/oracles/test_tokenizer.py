"""The expected vocabularies and ids against values written by hand and a scan by character."""

from hypothesis import given, settings

from graders.oracles.tokenizer import decode, encode, vocab
from graders.strategies.tokenizer import TextsCase, character_cases, word_cases

examples = settings(derandomize=True, deadline=None, database=None, max_examples=60)
SPECIALS = ["<pad>", "<unk>", "<bos>", "<eos>"]


def cut(text: str) -> list[str]:
    """Runs of letters, digits and underscores, and every other character that is not white space."""
    words = [""]
    for character in text:
        if character.isalnum() or character == "_":
            words[-1] += character
        else:
            words += [character.strip(), ""]
    return [word for word in words if word]


def test_values_by_hand() -> None:
    """Protects the contract: order, specials, unknown words, what decode shows."""
    text = "to be, or not to be"
    assert vocab("words", text) == [*SPECIALS, "to", "be", ",", "or", "not"]
    assert vocab("words", text, 6) == [*SPECIALS, "to", "be"]
    assert encode("words", text, "be or  Be", bos=True, eos=True) == [2, 5, 7, 1, 3]
    assert decode("words", text, [2, 5, 0, 1, 6, 3, 4]) == "be <unk> , to"
    assert vocab("characters", "bB a") == [" ", "B", "a", "b"]
    assert encode("characters", "bB a", "ab") == [2, 3]
    assert decode("characters", "bB a", [3, 0, 1]) == "b B"


@examples
@given(words=word_cases(unknown=True), characters=character_cases())
def test_against_a_scan(words: TextsCase, characters: TextsCase) -> None:
    """Protects every check: tokens, counts and ties by a scan that uses no regular expression."""
    tokens = cut(words.text)
    first_seen = sorted(set(tokens), key=tokens.index)
    expected = SPECIALS + sorted(first_seen, key=tokens.count, reverse=True)
    assert vocab("words", words.text) == expected
    ids = [expected.index(word) if word in tokens else 1 for word in cut(words.other)]
    assert encode("words", words.text, words.other) == ids
    assert 1 in ids
    alphabet = sorted(set(characters.text), key=ord)
    assert vocab("characters", characters.text) == alphabet
    assert encode("characters", characters.text, characters.other) == [alphabet.index(c) for c in characters.other]
