"""Generated speeches: the layout of tiny Shakespeare, words that come back, and a loss that nobody can beat."""

import hashlib
import math
import re

import pytest

from reference.corpora.dialogues import BELONGINGS, HOURS, MANNERS, PLACES, make_dialogues

pytestmark = pytest.mark.torch_free

MADE = make_dialogues(0)
# by the names of groups: what comes back is asked for by a back reference
KINDS = {
    "loss": re.compile(
        r"(?P<speaker>[A-Z ]+):\nGood (?P<hour>\w+), (?P<manner>\w+) (?P<friend>[\w ]+)!\n"
        r"I left my (?P<thing>\w+) in the (?P<place>\w+) this (?P=hour),\nand who but (?P=friend) walks in the (?P=place)\?"
    ),
    "order": re.compile(
        r"(?P<speaker>[A-Z ]+):\nGo to the (?P<place>\w+), (?P<friend>[\w ]+), and bring my (?P<thing>\w+)\.\n"
        r"What is the (?P=place) to me without my (?P=thing), (?P<manner>\w+) (?P=friend)\?"
    ),
    "gift": re.compile(
        r"(?P<speaker>[A-Z ]+):\nMy (?P<thing>\w+) for thy (?P<theirs>\w+), (?P<friend>[\w ]+)!\n"
        r"Come this (?P<hour>\w+); bring thy (?P=theirs),\nand ere the (?P=hour) ends my (?P=thing) is thine\."
    ),
}
OPTIONS = {"hour": HOURS, "manner": MANNERS, "place": PLACES}


def cost(block: str) -> float:
    """What the speech costs a reader who knows the rules, worked out from its words; what does not follow fails."""
    [match] = [match for kind in KINDS.values() if (match := kind.fullmatch(block))]
    words = match.groupdict()
    speaker, friend = words.pop("speaker"), words.pop("friend").upper()
    assert friend in BELONGINGS
    assert speaker != friend
    assert words.pop("thing") in BELONGINGS[speaker]
    options = [len(KINDS), len(BELONGINGS), len(BELONGINGS) - 1, 2]
    if "theirs" in words:
        assert words.pop("theirs") in BELONGINGS[friend]
        options.append(2)
    for name, word in words.items():
        assert word in OPTIONS[name]
        options.append(len(OPTIONS[name]))
    return sum(map(math.log, options))


def test_speeches_follow_the_rules_and_cost_what_is_stated() -> None:
    """Protects the stated best loss, and that later lines follow from earlier ones: each leads back to its draws."""
    assert len(MADE.blocks) == 1000
    assert sum(map(cost, MADE.blocks)) / 1000 == pytest.approx(MADE.nats, rel=1e-9)


def test_the_text_has_the_layout_of_tiny_shakespeare() -> None:
    """Protects whoever splits the text as the real one: empty lines between speeches, a speaker's line above each."""
    assert MADE.text.endswith(".\n") or MADE.text.endswith("?\n")
    assert tuple(MADE.text.rstrip("\n").split("\n\n")) == MADE.blocks
    assert all(re.fullmatch(r"[A-Z ]+:", block.split("\n")[0]) for block in MADE.blocks)


def test_documents_are_the_speeches_on_one_line() -> None:
    """Protects whoever reads a document a line: none is cut, none has a line break."""
    assert len(MADE.documents) == len(MADE.blocks)
    assert not any("\n" in document for document in MADE.documents)
    assert [document.split() for document in MADE.documents] == [block.split() for block in MADE.blocks]


def test_every_belonging_has_one_owner() -> None:
    """Protects what is to be learned: a thing tells who speaks, and everybody has two."""
    things = [thing for owned in BELONGINGS.values() for thing in owned]
    assert len(set(things)) == len(things) == 2 * len(BELONGINGS)
    for words in (HOURS, MANNERS, PLACES):
        assert len(set(words)) == len(words)


def test_the_same_seed_gives_the_same_speeches_everywhere() -> None:
    """Protects recorded results: the same bytes on all supported Pythons, and in every process."""
    assert hashlib.sha256(MADE.text.encode()).hexdigest()[:16] == "71d94eb0b5f2a1ef"


def test_validation_speeches_have_the_same_words_and_are_others() -> None:
    """Protects validation: no unknown word, and nine speeches in ten that training had not."""
    validation = make_dialogues(1)
    assert set(re.findall(r"\w+", validation.text)) == set(re.findall(r"\w+", MADE.text))
    assert len(set(validation.blocks) & set(MADE.blocks)) < 100


def test_one_speech_does_and_none_is_refused() -> None:
    """Protects the caller: the smallest text, and the sentence below it."""
    assert len(make_dialogues(5, 1).blocks) == 1
    with pytest.raises(ValueError, match="^n_blocks must be at least 1, got 0$"):
        make_dialogues(5, 0)
