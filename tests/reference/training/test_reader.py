"""The reader who has only counted."""

import math
import random

import pytest

from reference.corpora.character_text import make_character_text
from reference.training.reader import Reader

NOTES = make_character_text(0, 300).text
UNSEEN = make_character_text(1, 60).text


@pytest.mark.parametrize("context", ["", "R", "Rosa ha", "zzzz", "Rosa hzzz"])
def test_chances_sum_to_one(context: str) -> None:
    """Protects the figure: after each context, seen or not, the characters of the vocabulary share all of the chance."""
    reader = Reader(NOTES, "z%")
    total = sum(math.exp(-reader.nats(context + character, len(context))) for character in {*NOTES, "z", "%"})
    assert total == pytest.approx(1)


def test_worked_out_by_hand() -> None:
    """Protects the formula: Witten-Bell on "abab", where b follows a twice."""
    reader = Reader("abab", "abc")
    b_alone = (2 + 2 * (1 / 3)) / (4 + 2)
    assert math.exp(-reader.nats("ab", 1)) == pytest.approx((2 + 1 * b_alone) / (2 + 1))


def test_text_of_the_kind_that_was_read_costs_least() -> None:
    """Protects what the figure is for: unseen notes cost less than a nat, their letters in random order more than two."""
    reader = Reader(NOTES, UNSEEN)
    letters = list(UNSEEN)
    random.Random(0).shuffle(letters)
    assert reader.nats(UNSEEN) / len(UNSEEN) < 1
    assert reader.nats("".join(letters)) / len(UNSEEN) > 2
