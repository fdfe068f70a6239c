"""A handful of people and places in the formats of CMU's homework, to run its commands on. Nothing is to be learnt from it."""

import random
import string
from collections.abc import Iterable
from dataclasses import dataclass

LONDON = "London"
PAD, MASK = "\u25a1", "\u2047"  # the homework's □ and ⁇; their ids are 0 and 1
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwz", "aeiou"
# every letter of an answer or a question must occur in the pretraining text
_LETTERS = f"What is the birthplace of {string.ascii_uppercase}? Where was {string.ascii_lowercase} born?"


@dataclass(frozen=True)
class ToyBirthPlaces:
    """The four files.

    Attributes:
        documents: the pretraining text, one on a line.
        train, dev: (name, place) of each person.
        test: names; nobody knows their places.
    """

    documents: tuple[str, ...]
    train: tuple[tuple[str, str], ...]
    dev: tuple[tuple[str, str], ...]
    test: tuple[str, ...]

    @property
    def text(self) -> str:
        """The pretraining text, without a newline at its end."""
        return "\n".join(self.documents)

    @property
    def vocabulary(self) -> str:
        """All characters; a character's id is its place."""
        return "".join([PAD, MASK, *sorted(set(self.text))])

    @property
    def london_percent(self) -> float:
        """What answering London to every question of the dev file scores."""
        return 100 * sum(place == LONDON for _, place in self.dev) / len(self.dev)

    def files(self) -> dict[str, bytes]:
        """The files by the handout's names."""
        return {
            "wiki.txt": self.text.encode(),
            "birth_places_train.tsv": _lines(f"{question(name)}\t{place}" for name, place in self.train),
            "birth_dev.tsv": _lines(f"{question(name)}\t{place}" for name, place in self.dev),
            "birth_test_inputs.tsv": _lines(question(name) for name in self.test),
        }


def question(name: str) -> str:
    """What the homework asks about a person."""
    return f"Where was {name} born?"


def rephrased(name: str) -> str:
    """What its question 4(a) asks in its place."""
    return f"What is the birthplace of {name}?"


def make(seed: str) -> ToyBirthPlaces:
    """Make the files; the same seed makes the same."""
    rng = random.Random(seed)
    places = [_word(rng, 3) for _ in range(4)]
    n_dev = rng.choice((7, 9, 11, 13))
    n_london = rng.randint(n_dev // 2, n_dev // 2 + 2)
    of_dev = [LONDON] * n_london + rng.choices(places, k=n_dev - n_london)
    rng.shuffle(of_dev)
    names = list(dict.fromkeys(f"{_word(rng, 2)} {_word(rng, 3)}" for _ in range(100)))
    train = tuple((names.pop(), place) for place in rng.choices([LONDON, *places], k=6))
    dev = tuple((names.pop(), place) for place in of_dev)
    test = tuple(names.pop() for _ in range(5))
    documents = [f"{name}. {name} was born in {place}." for name, place in (*train[:3], *dev[:3])]
    return ToyBirthPlaces((*documents, _LETTERS), train, dev, test)


def _word(rng: random.Random, syllables: int) -> str:
    return "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(syllables)).capitalize()


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
