"""Generated data sets in the hands of the homeworks' own code: they are read as the real ones are."""

import math
import re
from pathlib import Path

import torch

from reference.corpora.birth_places import make_birth_places
from reference.corpora.character_text import make_character_text
from reference.corpora.dialogues import make_dialogues
from reference.corpora.images import make_shapes
from reference.patch_embedding import PatchEmbedding
from reference.tokenizer import CharTokenizer, WordTokenizer
from tests.reference.homeworks.cmu_modules import cmu

BLOCK_SIZE = 64


def test_cmu_encodes_documents_and_questions() -> None:
    """Protects pretraining and finetuning: in CMU's own data sets, blocks of 64 hold all of a question and its place."""
    made = make_birth_places(0, n_train=30, n_dev=20, n_test=10)
    corruption = cmu.dataset.CharCorruptionDataset(made.wiki, BLOCK_SIZE)
    assert len(corruption) == 120
    for i in range(len(corruption)):
        x, _ = corruption[i]
        assert (x == corruption.stoi["⁇"]).sum() == 2
    names = cmu.dataset.NameDataset(corruption, made.train)
    assert len(names) == 30
    for i, line in enumerate(made.train.splitlines()):
        x, y = names[i]
        assert (x.shape, y.shape) == ((BLOCK_SIZE - 1,), (BLOCK_SIZE - 1,))
        asked = "".join(corruption.itos[id] for id in y.tolist() if id != 0)
        assert asked == f"⁇{line.partition(chr(9))[2]}⁇"


def test_cmu_scores_the_files(tmp_path: Path) -> None:
    """Protects the baseline and the key: "London" is right 25 times of 500, the key's places always."""
    made = make_birth_places(0)
    made.write(tmp_path)
    made.write_key(tmp_path / "key.tsv")
    evaluate = cmu.utils.evaluate_places
    assert evaluate(str(tmp_path / "birth_dev.tsv"), ["London"] * 500) == (500.0, 25.0)
    assert made.test_key is not None
    places = [line.split("\t")[1] for line in made.test_key.splitlines()]
    assert evaluate(str(tmp_path / "key.tsv"), places) == (437.0, 437.0)
    assert evaluate(str(tmp_path / "birth_test_inputs.tsv"), places) == (0.0, 0.0)


def test_characters_are_encoded() -> None:
    """Protects the homeworks on characters: the tokenizer of a training text knows all of a validation text."""
    tokenizer = CharTokenizer(make_character_text(0, 1000).text)
    unseen = make_character_text(1, 1000).text
    assert tokenizer.decode(tokenizer.encode(unseen)) == unseen
    assert make_character_text(0, 1000).nats_per_character < 0.1 * math.log(len(tokenizer.vocab))


def test_words_are_encoded() -> None:
    """Protects the homeworks on words: no unknown token in validation, and speeches of a length that blocks can hold."""
    tokenizer = WordTokenizer(make_dialogues(0).text)
    unseen = [tokenizer.encode(block) for block in make_dialogues(1).blocks]
    assert not any(tokenizer.specials.index("<unk>") in ids for ids in unseen)
    assert len(tokenizer.vocab) < 150
    assert max(map(len, unseen)) <= 48


def test_speeches_are_split_as_those_of_tiny_shakespeare() -> None:
    """Protects a stand-in for it: both ways in which the homeworks' notebooks split at empty lines give the speeches."""
    made = make_dialogues(0, 40)
    for parts in (made.text.split("\n\n"), re.split(r"\n\s*\n", made.text)):
        assert tuple(part.strip() for part in parts if part.strip()) == made.blocks


def test_images_are_cut_into_patches() -> None:
    """Protects the homework on images: the reference's patch embedding takes them as they are."""
    images = make_shapes(0, 10)
    with torch.random.fork_rng(devices=[]):
        assert PatchEmbedding(32, 4, 3, 6)(images.pixels).shape == (10, 64, 6)
    assert torch.equal(images.labels, torch.arange(10))
