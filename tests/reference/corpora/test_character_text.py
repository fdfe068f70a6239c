"""Generated notes: true sums, a loss that nobody can beat, and something to learn at every distance."""

import hashlib
import math
import re
from collections import Counter, defaultdict

import pytest

from reference.corpora.character_text import GOODS, NAMES, NUMBERS, make_character_text

pytestmark = pytest.mark.torch_free

MADE = make_character_text(0)
SALE = re.compile(r"(\w+) has (\w+) (\w+)\. (\w+) buys (\w+) of them, so (\w+) keeps (\w+) (\w+)\.")
GIFT = re.compile(r"(\w+) had (\w+) (\w+), and with (\w+) from (\w+) has (\w+) (\w+)!")
EXCHANGE = re.compile(
    r'"Take my (\w+) (\w+)," says (\w+); (\w+) gives (\w+) (\w+)\. Now (\w+) has (\w+ \w+), and (\w+) has (\w+ \w+)\.'
)
SINGULAR = {"geese": "goose", **{f"{goods}s": goods for goods in GOODS if goods != "goose"}}


def things(number: str, goods: str) -> tuple[int, str]:
    """Read a count back, and look whether the goods have the right number."""
    value = NUMBERS.index(number)
    one = goods if value == 1 else SINGULAR[goods]
    assert one in GOODS
    return value, one


def cost(note: str) -> float:
    """What the note costs a reader who knows the rules, worked out from its words; what does not follow fails."""
    n_names, n_goods = len(NAMES), len(GOODS)
    if match := SALE.fullmatch(note):
        seller, had, goods, buyer, sold, same, left, rest = match.groups()
        before, after = things(had, goods), things(left, rest)
        assert seller == same != buyer
        assert (before[0] - NUMBERS.index(sold), before[1]) == after
        assert 2 <= before[0] <= 9
        options = [n_names, 8, n_goods, n_names - 1, before[0]]
    elif match := GIFT.fullmatch(note):
        owner, had, goods, got, friend, now, rest = match.groups()
        before, after = things(had, goods), things(now, rest)
        assert owner != friend
        assert (before[0] + NUMBERS.index(got), before[1]) == after
        assert 1 <= before[0] <= 8
        options = [n_names, 8, n_goods, n_names - 1, 9 - before[0]]
    else:
        match = EXCHANGE.fullmatch(note)
        assert match, note
        had, goods, first, second, price, others, receiver, received, payer, paid = match.groups()
        assert things(had, goods)[1] != things(price, others)[1]
        assert (received, paid) == (f"{had} {goods}", f"{price} {others}")
        assert (first, second) == (payer, receiver)
        assert first != second
        options = [n_names, n_names - 1, n_goods, n_goods - 1, 9, 9]
    return math.log(3) + sum(map(math.log, options))


def n_gram_loss(text: str, order: int, unseen: str) -> float:
    """Mean loss of predicting `unseen` from the `order` characters before each (Witten and Bell's smoothing)."""
    counts: list[dict[str, Counter[str]]] = [defaultdict(Counter) for _ in range(order + 1)]
    for length, table in enumerate(counts):
        for i in range(length, len(text)):
            table[text[i - length : i]][text[i]] += 1
    n_characters = len(set(text))
    total = 0.0
    for i in range(order, len(unseen)):
        probability = 1 / n_characters
        for length, table in enumerate(counts):
            after = table.get(unseen[i - length : i])
            if after:
                probability = (after[unseen[i]] + len(after) * probability) / (after.total() + len(after))
        total -= math.log(probability)
    return total / (len(unseen) - order)


def test_notes_follow_the_rules_and_cost_what_is_stated() -> None:
    """Protects the stated best loss, and that ends follow from beginnings: each note leads back to its draws."""
    notes = MADE.text.splitlines()
    assert len(notes) == 3000
    assert MADE.text.endswith("\n")
    assert sum(map(cost, notes)) / len(MADE.text) == pytest.approx(MADE.nats_per_character, rel=1e-9)


def test_there_is_something_to_learn_at_every_distance() -> None:
    """Protects learnability: each longer view of the past helps, and eight characters still miss half of what is there."""
    unseen = make_character_text(1).text[:8000]
    losses = [n_gram_loss(MADE.text, order, unseen) for order in (0, 1, 2, 8)]
    assert losses[0] > 1.4 * losses[1]
    assert losses[1] > 1.4 * losses[2]
    assert losses[2] > 1.4 * losses[3]
    assert losses[3] > 1.8 * MADE.nats_per_character


def test_all_kinds_occur_equally_often() -> None:
    """Protects the stated best loss: 3,000 notes of three kinds, each within 5 sigma of a third."""
    for kind in (SALE, GIFT, EXCHANGE):
        count = sum(kind.fullmatch(note) is not None for note in MADE.text.splitlines())
        assert abs(count - 1000) < 5 * math.sqrt(3000 * 1 / 3 * 2 / 3)


def test_the_same_seed_gives_the_same_text_everywhere() -> None:
    """Protects recorded results: the same bytes on all supported Pythons, and in every process."""
    assert hashlib.sha256(MADE.text.encode()).hexdigest()[:16] == "44cd0510f2be0733"


def test_validation_text_has_the_same_characters_and_other_notes() -> None:
    """Protects validation: nothing that cannot be encoded, and hardly a note that was seen in training."""
    validation = make_character_text(1)
    assert set(validation.text) == set(MADE.text)
    seen = set(MADE.text.splitlines())
    assert sum(note in seen for note in validation.text.splitlines()) < 0.03 * 3000


def test_words_differ() -> None:
    """Protects the stated best loss: a word that is listed twice would be two options that look alike."""
    for words in (NAMES, GOODS, NUMBERS):
        assert len(set(words)) == len(words)


def test_one_note_does_and_none_is_refused() -> None:
    """Protects the caller: the smallest text, and the sentence below it."""
    assert make_character_text(5, 1).text.count("\n") == 1
    with pytest.raises(ValueError, match="^n_notes must be at least 1, got 0$"):
        make_character_text(5, 0)
