"""Text for language models of characters: notes of a market, whose ends follow from their beginnings.

A note is a line such as

    Rosa has nine plums. Omar buys two of them, so Rosa keeps seven plums.

There is something to learn at every distance: letters make words, words make sentences, "one plum" has no s, the name
and the goods come back many characters later, and the last number follows from the two before it. The loss that remains
for whoever has learned all of it is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .choices import Choices

NAMES = ("Anton", "Bruno", "Clara", "Dora", "Edith", "Franz", "Greta", "Hugo", "Irma", "Jakob", "Klara", "Ludwig", "Martha",
         "Omar", "Paula", "Rosa")  # fmt: skip
GOODS = ("apple", "basket", "candle", "drum", "egg", "fig", "goose", "jar", "kettle", "lamp", "pear", "plum", "rope", "spoon",
         "vase", "wheel")  # fmt: skip
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PLURALS = {"goose": "geese"}


@dataclass(frozen=True)
class CharacterText:
    """A generated text.

    Attributes:
        text: notes, one on each line, with a line break at the end.
        nats_per_character: mean loss of a reader who knows all the rules; see `Choices.nats`.
    """

    text: str
    nats_per_character: float


def make_character_text(seed: int, n_notes: int = 3000) -> CharacterText:
    """Write a text.

    Args:
        seed: the same seed gives the same text. For validation take another one: few notes will be the same.
        n_notes: number of notes, at least 1; about 66 characters each.

    Raises:
        ValueError: there would be no note.
    """
    if n_notes < 1:
        raise ValueError(f"n_notes must be at least 1, got {n_notes}")
    choices = Choices(seed)
    notes = [choices.pick(_KINDS)(choices) for _ in range(n_notes)]
    text = "".join(f"{note}\n" for note in notes)
    return CharacterText(text, choices.nats / len(text))


def _count(number: int, goods: str) -> str:
    return f"{NUMBERS[number]} {goods if number == 1 else _PLURALS.get(goods, goods + 's')}"


def _sale(choices: Choices) -> str:
    """One person has less in the end."""
    seller = choices.pick(NAMES)
    had = choices.pick(range(2, 10))
    goods = choices.pick(GOODS)
    buyer = choices.other(NAMES, seller)
    sold = choices.pick(range(1, had + 1))
    left = _count(had - sold, goods)
    return f"{seller} has {_count(had, goods)}. {buyer} buys {NUMBERS[sold]} of them, so {seller} keeps {left}."


def _gift(choices: Choices) -> str:
    """One person has more in the end."""
    owner = choices.pick(NAMES)
    had = choices.pick(range(1, 9))
    goods = choices.pick(GOODS)
    friend = choices.other(NAMES, owner)
    got = choices.pick(range(1, 10 - had))
    return f"{owner} had {_count(had, goods)}, and with {NUMBERS[got]} from {friend} has {_count(had + got, goods)}!"


def _exchange(choices: Choices) -> str:
    """Two people end with what the other one had."""
    first = choices.pick(NAMES)
    second = choices.other(NAMES, first)
    goods = choices.pick(GOODS)
    others = choices.other(GOODS, goods)
    offer, price = _count(choices.pick(range(1, 10)), goods), _count(choices.pick(range(1, 10)), others)
    return (
        f'"Take my {offer}," says {first}; {second} gives {price}. Now {second} has {offer}, and {first} has {price}.'
    )


_KINDS: tuple[Callable[[Choices], str], ...] = (_sale, _gift, _exchange)
