"""People and their birth places: a pretraining text that tells them, and questions that ask for them.

The files have the form of CMU's homework 3: `wiki.txt`, a document on each line, and three files of questions. As there,
every person occurs in the pretraining text; those of the dev and test questions occur in no other file. So the answers
can be learned from the pretraining text only.
"""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

# Files as students get them; the key is the staff's.
WIKI, TRAIN, DEV, TEST_INPUTS = "wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv"
TEST_KEY = "birth_test_key.tsv"

FIRST_NAMES = (
    "Ada", "Amir", "Anna", "Ben", "Carl", "Clara", "David", "Dora", "Elias", "Emma", "Eva", "Felix", "Finn", "Greta",
    "Hana", "Hugo", "Ida", "Igor", "Ines", "Ivan", "Jana", "Jonas", "Karim", "Lars", "Lea", "Leon", "Lina", "Luis", "Maya",
    "Milo", "Nadia", "Nils", "Nora", "Omar", "Oscar", "Petra", "Rosa", "Samir", "Sofia", "Vera",
)  # fmt: skip
PLACES = (
    "London", "Chicago", "Paris", "Toronto", "Milan", "Dublin", "Boston", "Sydney", "Oslo", "Naples", "Berlin", "Belfast",
    "Vienna", "Prague", "Oxford", "Ottawa", "Moscow", "Montreal", "Leeds", "Lahore", "Helsinki", "Rome", "Warsaw",
    "Glasgow", "Budapest", "Madrid", "Lisbon", "Athens", "Cairo", "Delhi", "Mumbai", "Kyoto", "Tokyo", "Seoul", "Lima",
    "Bogota", "Havana", "Quito", "Nairobi", "Lagos", "Accra", "Tunis", "Tehran", "Baghdad", "Kabul", "Hanoi", "Manila",
    "Perth", "Dallas", "Denver", "Detroit", "Seattle", "Houston", "Miami", "Geneva", "Zurich", "Munich", "Hamburg",
    "Krakow", "Riga",
)  # fmt: skip
LONDONERS = 0.05  # as in the real dev set; the other places' shares fall evenly from 2.6 % to 0.6 %
JOBS = (
    "painter", "writer", "pilot", "nurse", "baker", "singer", "lawyer", "chemist", "farmer", "dancer", "sailor", "judge",
)  # fmt: skip
# The place comes early, since documents are cut at random lengths. One sentence is a question much like those of the
# finetuning data: a small model finds in it what the questions have to do with the text.
SENTENCES = (
    "Born in {place}, {last} became a {job} .",
    "{last} was born in {place} and became a {job} .",
    "{first} {last} was born in {place} .",
    "{last} (born in {place}) is a {job} .",
    "{last}, born in {place}, is a {job} .",
    "A native of {place}, {last} is a {job} .",
    "Where was {last} born? In {place} .",
    "{last}'s birth place is {place} .",
)
# Surnames are one of each, put together: 5 to 7 letters, and nobody's on purpose.
_SURNAME_PARTS = (
    tuple("BDFGHKLMNPRSTVWZ"),
    tuple("aeiou"),
    ("b", "d", "k", "l", "m", "n", "r", "s", "t", "v", "lk", "nd", "rl", "st"),
    tuple("aeiou"),
    ("k", "l", "m", "n", "r", "s", "sk", "rt"),
)
MOST_PEOPLE = 20_000  # there are 44,800 surnames; with many of them in use, new ones would be hard to draw
_SURNAMES_PER_PERSON = 0.9  # so that 8 in 10 have theirs alone, as in the real files, and the others share it with one


@dataclass(frozen=True)
class BirthPlaces:
    """The files' texts.

    Attributes:
        wiki: documents `Name. Sentence .`, one on a line; no line break at the end.
        train: `Where was NAME born?<tab>PLACE` on each line.
        dev: likewise.
        test_inputs: `Where was NAME born?` on each line.
        test_key: the test questions with their places, like `dev`; None where it is not known.
    """

    wiki: str
    train: str
    dev: str
    test_inputs: str
    test_key: str | None

    def write(self, folder: Path) -> None:
        """Write the four files that students get. The folder is made if it is not there; files there are replaced."""
        folder.mkdir(parents=True, exist_ok=True)
        texts = {WIKI: self.wiki, TRAIN: self.train, DEV: self.dev, TEST_INPUTS: self.test_inputs}
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode())

    def write_key(self, path: Path) -> None:
        """Write the test questions with their places, apart from what students get.

        Raises:
            ValueError: the places are not known.
        """
        if self.test_key is None:
            raise ValueError("the places of the test questions are not known, so no key can be written")
        path.write_bytes(self.test_key.encode())


def make_birth_places(
    seed: int, n_train: int = 500, n_dev: int = 500, n_test: int = 437, n_documents: int = 2
) -> BirthPlaces:
    """Make up people, and write the files about them.

    Args:
        seed: the same seed gives the same files.
        n_train, n_dev, n_test: number of people asked for in each file.
        n_documents: number of documents about each person, each with another sentence.

    Returns:
        The files' texts. Each file has each place in the same share, as near as whole people allow. A question with its
        place has 37 characters at most; a document has 66 at most, and its place ends within the first 50.

    Raises:
        ValueError: a file would be empty, there are too few people for all sentences to occur, more documents than
            sentences, or more people than names.
    """
    sizes = {"n_train": n_train, "n_dev": n_dev, "n_test": n_test}
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    if not 1 <= n_documents <= len(SENTENCES):
        raise ValueError(f"n_documents must be from 1 to {len(SENTENCES)}, got {n_documents}")
    n_people = sum(sizes.values())
    if not len(SENTENCES) <= n_people <= MOST_PEOPLE:
        raise ValueError(f"the number of people must be from {len(SENTENCES)} to {MOST_PEOPLE:,}, got {n_people:,}")
    rng = random.Random(seed)
    names = _names(n_people, rng)
    places = [place for size in sizes.values() for place in _places(size, rng)]
    people = list(zip(names, places, strict=True))
    train, dev, test = people[:n_train], people[n_train : n_train + n_dev], people[n_train + n_dev :]
    return BirthPlaces(
        wiki="\n".join(_documents(people, n_documents, rng)),
        train=_lines(f"{question(name)}\t{place}" for name, place in train),
        dev=_lines(f"{question(name)}\t{place}" for name, place in dev),
        test_inputs=_lines(question(name) for name, _ in test),
        test_key=_lines(f"{question(name)}\t{place}" for name, place in test),
    )


def question(name: str) -> str:
    """Ask for a person's birth place, as the files do."""
    return f"Where was {name} born?"


def name_in(text: str) -> str | None:
    """Read the name back from a question; None if the text is no question of the files' form."""
    before, after = question("|").split("|")
    name = text.removeprefix(before).removesuffix(after)
    return name if name and question(name) == text and "\t" not in name else None


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _names(n: int, rng: random.Random) -> list[str]:
    """Make `n` different names in random order."""
    surnames: dict[str, None] = {}  # a set that keeps its order
    while len(surnames) < math.ceil(n * _SURNAMES_PER_PERSON):
        surname = "".join(map(rng.choice, _SURNAME_PARTS))
        if surname not in PLACES:
            surnames[surname] = None
    holders = [(rng.choice(FIRST_NAMES), surname) for surname in surnames]
    for first, surname in holders[: n - len(holders)]:
        holders.append((rng.choice([other for other in FIRST_NAMES if other != first]), surname))
    names = [f"{first} {surname}" for first, surname in holders]
    rng.shuffle(names)
    return names


def _places(n: int, rng: random.Random) -> list[str]:
    """Give `n` people a birth place, in random order; the places' shares are kept as well as whole people allow."""
    others = len(PLACES) - 1
    falling = [2.6 - 2.0 * i / (others - 1) for i in range(others)]
    shares = [LONDONERS, *((1 - LONDONERS) * share / sum(falling) for share in falling)]
    counts = [math.floor(share * n) for share in shares]
    by_remainder = sorted(range(len(PLACES)), key=lambda i: counts[i] - shares[i] * n)
    for i in by_remainder[: n - sum(counts)]:
        counts[i] += 1
    places = [place for place, count in zip(PLACES, counts, strict=True) for _ in range(count)]
    rng.shuffle(places)
    return places


def _documents(people: Sequence[tuple[str, str]], n_documents: int, rng: random.Random) -> list[str]:
    """Write the documents: a first one about each person, then a second one about each, and so on."""
    orders = []
    for i in range(len(people)):
        sentence = SENTENCES[i % len(SENTENCES)]  # in turn, so that each occurs
        orders.append([sentence, *rng.sample([other for other in SENTENCES if other != sentence], n_documents - 1)])
    documents = []
    for turn in range(n_documents):
        for (name, place), order in zip(people, orders, strict=True):
            first_name, last = name.split()
            sentence = order[turn].format(first=first_name, last=last, place=place, job=rng.choice(JOBS))
            documents.append(f"{name}. {sentence}")
    return documents
