"""Cases of the task dialogue_tokenizer: prose that every tokenizer of NLTK's kind splits alike.

No full stop stands inside of a text, no quotation mark, hyphen or digit, and contractions only where all agree.
"""

from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis.strategies import DrawFn

SPECIALS = ("<START>", "<PAD>", "<UNK>")
START, PAD, UNK = range(3)
# a word as it is written → its tokens
_KNOWN = {
    **{word: (word,) for word in ("king", "King", "crown", "sword", "garden", "tower", "my", "the", "of", "and")},
    **{word: (word,) for word in ("Queen", "Nurse", "good", "Good", "gentle", "morrow", "walks", "in", "lost")},
    "I": ("I",),
    "I'll": ("I", "'ll"),
    "don't": ("do", "n't"),
    "it's": ("it", "'s"),
    "he'd": ("he", "'d"),
}
_UNKNOWN = {word: (word,) for word in ("zebra", "Ship", "NURSE", "kings", "quill", "theatre", "Of", "ladder")}
_MARKS = (",", ";", ":", "!", "?")


@dataclass
class DialogueCase:
    """A text that a tokenizer is made of, and another one that it encodes.

    Attributes:
        raw_text: what the vocabulary is taken from.
        text: what is encoded.
        tokens: the tokens of `text`.
    """

    raw_text: str
    text: str
    tokens: list[str]
    _words: list[str] = field(repr=False)  # the tokens of raw_text

    @property
    def vocabulary(self) -> list[str]:
        """The token of each id."""
        return [*SPECIALS, *sorted(set(self._words))]

    @property
    def ids(self) -> list[int]:
        """The ids of `text`, that of the start token first."""
        id_of = {token: i for i, token in enumerate(self.vocabulary)}
        return [START, *(id_of.get(token, UNK) for token in self.tokens)]


@st.composite
def dialogue_cases(draw: DrawFn, *, unknown: bool = False) -> DialogueCase:
    """Texts of a few words.

    Args:
        unknown: about half of the words of `text` are not in `raw_text`, others only in another case.
    """
    raw = draw(st.lists(st.sampled_from(sorted(_KNOWN)), min_size=2, max_size=9))
    raw_marks = draw(st.lists(st.sampled_from(["", "", *_MARKS]), min_size=len(raw), max_size=len(raw)))
    raw_text, words = _written(raw, raw_marks, "\n" if draw(st.booleans()) else " ", draw(st.booleans()))
    # words whose tokens are all in raw_text
    seen = sorted({word for word in _KNOWN if set(_KNOWN[word]) <= set(words)})
    pool = [*seen, *sorted({**_UNKNOWN, **_KNOWN}.keys() - set(seen))] if unknown else seen
    chosen = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=8))
    if unknown:
        chosen.append(draw(st.sampled_from(sorted(_UNKNOWN))))
    marks = draw(st.lists(st.sampled_from(["", "", *(m for m in _MARKS if unknown or m in words)]),
                          min_size=len(chosen), max_size=len(chosen)))  # fmt: skip
    text, tokens = _written(chosen, marks, " ", False)
    return DialogueCase(raw_text, text, tokens, words)


def _written(words: list[str], marks: list[str], gap: str, stop: bool) -> tuple[str, list[str]]:
    """The text of words with a mark behind each, and its tokens; `stop` puts a full stop at the end."""
    known = {**_KNOWN, **_UNKNOWN}
    marks = [*marks[:-1], "."] if stop else marks
    text = gap.join(word + mark for word, mark in zip(words, marks, strict=True))
    tokens = [
        token for word, mark in zip(words, marks, strict=True) for token in (*known[word], *([mark] if mark else []))
    ]
    return text, tokens
