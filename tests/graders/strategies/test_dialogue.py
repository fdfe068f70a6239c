"""The texts of dialogues are split in the stated tokens by NLTK itself and by what stands in for it."""

import nltk.tokenize
from hypothesis import given, settings

from graders.strategies.dialogue import UNK, DialogueCase, dialogue_cases
from sandbox.stand_ins import word_tokenize

examples = settings(derandomize=True, deadline=None, database=None, max_examples=150)


def words(text: str) -> tuple[list[str], list[str]]:
    return nltk.tokenize.word_tokenize(text, preserve_line=True), word_tokenize(text)


@examples
@given(case=dialogue_cases(unknown=True))
def test_both_tokenizers_agree(case: DialogueCase) -> None:
    """Protects students whose word_tokenize is the real one: no case tells it from the stand-in."""
    assert words(case.text) == (case.tokens, case.tokens)
    real, stand_in = words(case.raw_text)
    assert sorted(set(real)) == sorted(set(stand_in)) == case.vocabulary[3:]


@examples
@given(known=dialogue_cases(), unknown=dialogue_cases(unknown=True))
def test_words_are_known_or_not(known: DialogueCase, unknown: DialogueCase) -> None:
    """Protects the checks: ids lie in the vocabulary, and the unknown token occurs where it is asked for, only there."""
    assert UNK not in known.ids
    assert UNK in unknown.ids
    assert all(0 <= i < len(case.vocabulary) for case in (known, unknown) for i in case.ids)
    assert [known.ids[0], unknown.ids[0]] == [0, 0]
