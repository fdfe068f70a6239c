"""Cases of the task tokenizer."""

from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

# case, accents, digits, underscores, apostrophes and punctuation glued to words, an alphabet without spaces
WORDS = (
    *("the", "The", "cat", "sat", "on", "THE", "a", "mat", "café", "naïve", "Übung", "x_1", "42", "ß", "日本"),
    *("don't", "end.", "(yes)", "3.14", "word-word", "Hm…", "!", "—", "?!", '"So,"'),
)
PLAIN = ("the", "The", "cat", "sat", "on", "a", "mat", "café", "naïve", "Übung", "x_1", "42", "ß", ".", "!", ",")
UNKNOWN = ("dog", "Cat", "cafe", "7", "été", "#")
SPACES = (" ", "  ", "\n", "\t", " \n\n ")
# upper and lower case, digits and space, what stands beyond ASCII and beyond 16 bits; not in the order of code points
CHARACTERS = "ba dcAZ\nz0.é~B9_ß日😀"


@dataclass
class TextsCase:
    """What a tokenizer is made of, and a text for it to encode."""

    text: str
    other: str


def texts(
    words: tuple[str, ...], *, least: int = 1, most: int = 14, spaces: tuple[str, ...] = SPACES
) -> SearchStrategy[str]:
    """Words with space between them; some come several times."""
    pairs = st.lists(st.tuples(st.sampled_from(words), st.sampled_from(spaces)), min_size=least, max_size=most)
    return pairs.map(lambda found: "".join(word + space for word, space in found).rstrip())


@st.composite
def word_cases(draw: DrawFn, *, unknown: bool = False) -> TextsCase:
    """A text of words and punctuation, and another of the same words in another order.

    Args:
        unknown: the other text also has words that the first has not, each of them twice.
    """
    some = tuple(
        draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=7, unique=True))
    )  # so that words come again
    text = draw(texts(some, least=2))
    other = draw(texts(some, most=6))
    if unknown:
        new = draw(st.sampled_from(UNKNOWN))
        other = f"{new} {other} {draw(st.sampled_from(UNKNOWN))} {new}"
    return TextsCase(text, other)


@st.composite
def character_cases(draw: DrawFn) -> TextsCase:
    """A text, and another of the same characters."""
    text = draw(st.text(CHARACTERS, min_size=1, max_size=16))
    return TextsCase(text, draw(st.text(sorted(set(text)), max_size=8)))
