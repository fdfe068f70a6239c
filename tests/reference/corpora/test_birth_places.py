"""Generated people and birth places: forms, splits, what can be learned from where, and what cannot."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from reference.corpora.birth_places import (
    FIRST_NAMES,
    JOBS,
    MOST_PEOPLE,
    PLACES,
    SENTENCES,
    BirthPlaces,
    make_birth_places,
    name_in,
    question,
)

pytestmark = pytest.mark.torch_free

SEEDS = range(4)
MADE = {seed: make_birth_places(seed) for seed in SEEDS}
PERSON = r"[A-Z][a-z]{1,4} [A-Z][a-z]{4,6}"
seeds = pytest.mark.parametrize("made", MADE.values(), ids=[f"seed{seed}" for seed in SEEDS])


def key_of(made: BirthPlaces) -> str:
    assert made.test_key is not None
    return made.test_key


def answers(text: str) -> dict[str, str]:
    """The place of each person in a file of questions with places."""
    fields = [line.split("\t") for line in text.splitlines()]
    found = {asked.removeprefix("Where was ").removesuffix(" born?"): place for asked, place in fields}
    assert len(found) == len(fields), "somebody is asked for twice"
    return found


def documents(made: BirthPlaces) -> dict[str, list[str]]:
    """The sentences about each person."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in made.wiki.split("\n"):
        name, _, sentence = line.partition(". ")
        found[name].append(sentence)
    return found


# ------------------------------------------------------------------------------------------------------------ forms


@seeds
def test_files_have_the_real_form(made: BirthPlaces) -> None:
    """Protects whoever reads the files as the real ones: lines, tabs, spaces, line breaks and numbers of questions."""
    assert re.fullmatch(rf"({PERSON}\. [^\n]+ \.\n)+{PERSON}\. [^\n]+ \.", made.wiki)
    for text in (made.train, made.dev, key_of(made)):
        assert re.fullmatch(rf"(Where was {PERSON} born\?\t[A-Z][a-z]+\n)+", text)
    assert re.fullmatch(rf"(Where was {PERSON} born\?\n)+", made.test_inputs)
    assert [text.count("\n") for text in (made.train, made.dev, made.test_inputs)] == [500, 500, 437]
    assert made.wiki.count("\n") + 1 == 2 * (500 + 500 + 437)


@seeds
def test_the_key_answers_the_test_questions(made: BirthPlaces) -> None:
    """Protects the scoring of the test predictions: the same questions in the same order."""
    assert [line.split("\t")[0] for line in key_of(made).splitlines()] == made.test_inputs.splitlines()


@seeds
def test_the_pretraining_text_has_all_characters_of_the_questions(made: BirthPlaces) -> None:
    """Protects against a question that cannot be encoded; a test question's prompt has its line break in it."""
    known = set(made.wiki)
    assert set(made.train + made.dev + key_of(made)) - {"\t"} <= known
    assert set("What is the birthplace of ?") <= known  # the other way to ask, of question 4(a)
    assert known.isdisjoint("⁇□")
    assert made.wiki.isascii()


@seeds
def test_lengths_are_as_stated(made: BirthPlaces) -> None:
    """Protects the choice of a block size: what the docstring says about lengths."""
    for text in (made.train, made.dev, key_of(made)):
        assert max(len(question(name) + place) for name, place in answers(text).items()) <= 37
    assert max(map(len, made.wiki.split("\n"))) <= 66


def test_stated_lengths_are_the_largest_possible() -> None:
    """Protects the docstring's numbers for all seeds: the longest names and places in each sentence."""
    first, place, job = (max(words, key=len) for words in (FIRST_NAMES, PLACES, JOBS))
    name = f"{first} Zabbabb"  # 7 letters, as long as surnames get
    written = [sentence.format(first=first, last="Zabbabb", place=place, job=job) for sentence in SENTENCES]
    lines = [f"{name}. {sentence}" for sentence in written]
    assert max(map(len, lines)) == 66
    assert max(line.index(place) + len(place) for line in lines) == 50
    assert len(question(name) + place) == 37


# ----------------------------------------------------------------------------------- who occurs where, what is learned


@seeds
def test_people_of_dev_and_test_are_in_the_pretraining_text_only(made: BirthPlaces) -> None:
    """Protects the point of the homework: what is asked in dev and test can have been learned in pretraining only."""
    train, dev, test = answers(made.train), answers(made.dev), answers(key_of(made))
    assert len({*train, *dev, *test}) == len(train) + len(dev) + len(test)
    assert set(documents(made)) == {*train, *dev, *test}


@seeds
def test_each_document_tells_the_place(made: BirthPlaces) -> None:
    """Protects answerability: each document names one place, the right one, after the person's name."""
    places = {**answers(made.train), **answers(made.dev), **answers(key_of(made))}
    known = re.compile(rf"\b({'|'.join(PLACES)})\b")
    for name, sentences in documents(made).items():
        assert [known.findall(sentence) for sentence in sentences] == [[places[name]]] * len(sentences)
        assert known.search(name) is None


@seeds
def test_documents_about_a_person_differ(made: BirthPlaces) -> None:
    """Protects what makes knowledge retrievable: each person's place is told in two different sentences."""
    for name, sentences in documents(made).items():
        place = next(place for place in PLACES if place in sentences[0])
        forms = {re.sub(rf"{name}|{name.split()[1]}|{place}|\b({'|'.join(JOBS)})\b", "_", text) for text in sentences}
        assert len(forms) == len(sentences) == 2


FEATURES: dict[str, Callable[[str], str]] = {
    "first name": lambda name: name.split()[0],
    "surname": lambda name: name.split()[1],
    "first letters": lambda name: name.split()[1][:2],
    "last letters": lambda name: name[-2:],
    "length": lambda name: str(len(name)),
}


@seeds
@pytest.mark.parametrize("feature", FEATURES.values(), ids=FEATURES)
def test_names_do_not_tell_the_place(made: BirthPlaces, feature: Callable[[str], str]) -> None:
    """Protects "well below 10 % without pretraining": guessing by parts of names, learned from train, gets 8 % at most."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for name, place in answers(made.train).items():
        seen[feature(name)][place] += 1
    dev = answers(made.dev)
    guesses = [seen[feature(name)].most_common(1)[0][0] if seen[feature(name)] else "London" for name in dev]
    assert sum(guess == place for guess, place in zip(guesses, dev.values(), strict=True)) <= 0.08 * len(dev)


@seeds
def test_the_london_baseline(made: BirthPlaces) -> None:
    """Protects the baseline's stated 5.0 % on dev, as with the real file; no other constant answer is better."""
    for text, counts in ((made.train, {25}), (made.dev, {25}), (key_of(made), {21, 22})):
        [(best, n), (_, second)] = Counter(answers(text).values()).most_common(2)
        assert best == "London"
        assert n in counts
        assert second < 0.65 * n


@seeds
def test_all_places_are_seen_in_finetuning(made: BirthPlaces) -> None:
    """Protects learnability: no place of dev or test is missing from train."""
    assert set(answers(made.train).values()) == set(PLACES)


@seeds
def test_a_fifth_of_the_people_share_their_surname(made: BirthPlaces) -> None:
    """Protects that the whole name counts: some surnames have two holders, with different first names."""
    holders: dict[str, set[str]] = defaultdict(set)
    for name in documents(made):
        holders[name.split()[1]].add(name.split()[0])
    sizes = Counter(map(len, holders.values()))
    assert set(sizes) == {1, 2}
    assert 0.19 < 2 * sizes[2] / 1437 < 0.21


@seeds
def test_places_come_in_random_order(made: BirthPlaces) -> None:
    """Protects against answers that can be read off the line's number: neighbours share their place by chance only."""
    for text in (made.train, made.dev, key_of(made)):
        places = list(answers(text).values())
        same = sum(place == following for place, following in pairwise(places))
        assert same < 0.06 * len(places)  # by chance 2 %


def test_nobody_is_named_like_a_place() -> None:
    """Protects documents with one place each, where it could go wrong most often: with as many people as there may be."""
    made = make_birth_places(0, n_train=MOST_PEOPLE - 2, n_dev=1, n_test=1, n_documents=1)
    surnames = {name.split()[1] for name in documents(made)}
    assert len(documents(made)) == MOST_PEOPLE
    assert surnames.isdisjoint(PLACES)


def test_lists_have_no_word_twice() -> None:
    """Protects the shares: a place that is listed twice would be more frequent than stated."""
    for words in (FIRST_NAMES, PLACES, JOBS, SENTENCES):
        assert len(set(words)) == len(words)
    assert len({*FIRST_NAMES} & {*PLACES}) == 0


# ---------------------------------------------------------------------------------------------------- seeds and sizes


def test_the_same_seed_gives_the_same_files_everywhere() -> None:
    """Protects recorded results: the same bytes on all supported Pythons, and in every process."""
    made = MADE[0]
    together = "\0".join((made.wiki, made.train, made.dev, made.test_inputs, key_of(made)))
    assert hashlib.sha256(together.encode()).hexdigest()[:16] == "5b9282930e388255"


def test_another_seed_gives_other_people() -> None:
    """Protects a course that wants data of its own: nobody keeps both name and place, but for chance."""
    first, second = (answers(MADE[seed].dev) for seed in (0, 1))
    assert len(first.items() & second.items()) == 0


@pytest.mark.parametrize("n_documents", [1, len(SENTENCES)])
def test_few_people_do(n_documents: int) -> None:
    """Protects small data sets for tests: still all characters, and as many documents as asked for."""
    made = make_birth_places(3, n_train=5, n_dev=2, n_test=1, n_documents=n_documents)
    assert [len(answers(text)) for text in (made.train, made.dev, key_of(made))] == [5, 2, 1]
    assert {len(set(sentences)) for sentences in documents(made).values()} == {n_documents}
    assert set(made.train + made.dev + key_of(made)) - {"\t"} <= set(made.wiki)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"n_dev": 0}, "n_dev must be at least 1, got 0"),
        ({"n_train": -2}, "n_train must be at least 1, got -2"),
        ({"n_documents": 0}, "n_documents must be from 1 to 8, got 0"),
        ({"n_documents": 9}, "n_documents must be from 1 to 8, got 9"),
        ({"n_train": 3, "n_dev": 2, "n_test": 2}, "the number of people must be from 8 to 20,000, got 7"),
        ({"n_train": MOST_PEOPLE}, "the number of people must be from 8 to 20,000, got 20,937"),
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, Any], message: str) -> None:
    """Protects the caller: what was asked for and what is possible, in one sentence."""
    with pytest.raises(ValueError) as caught:
        make_birth_places(0, **sizes)
    assert str(caught.value) == message


# ------------------------------------------------------------------------------------------------------------- files


def test_students_files_are_written_without_the_key(tmp_path: Path) -> None:
    """Protects the hidden answers: the folder for students has four files, and none has a test person's place."""
    made = MADE[0]
    made.write(tmp_path / "new" / "folder")
    written = {path.name: path.read_bytes().decode() for path in (tmp_path / "new" / "folder").iterdir()}
    assert written == {
        "wiki.txt": made.wiki,
        "birth_places_train.tsv": made.train,
        "birth_dev.tsv": made.dev,
        "birth_test_inputs.tsv": made.test_inputs,
    }
    made.write_key(tmp_path / "key.tsv")
    assert (tmp_path / "key.tsv").read_bytes().decode() == made.test_key


def test_an_unknown_key_is_not_written(tmp_path: Path) -> None:
    """Protects against an empty key file, with which every prediction would be wrong."""
    made = BirthPlaces("a", "b", "c", "d", None)
    with pytest.raises(ValueError, match="^the places of the test questions are not known, so no key can be written$"):
        made.write_key(tmp_path / "key.tsv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Where was Ada Kavel born?", "Ada Kavel"),
        ("Where was Douglas P. Fry born?", "Douglas P. Fry"),
        ("Where was  born?", None),
        ("Where was born?", None),
        ("Where is Ada Kavel born?", None),
        ("Where was Ada Kavel born", None),
        ("Where was Ada Kavel born?\tRome", None),
        ("Where was Ada\tKavel born?", None),
        ("", None),
    ],
)
def test_names_are_read_from_questions(text: str, name: str | None) -> None:
    """Protects the check of real files: only a question of this form has a name."""
    assert name_in(text) == name
