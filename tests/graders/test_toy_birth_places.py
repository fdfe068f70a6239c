"""The toy corpus of the commands: CMU's formats, every character known, another one for each seed."""

import pytest

from graders.toy_birth_places import LONDON, MASK, PAD, make, question, rephrased


@pytest.mark.parametrize("seed", range(20))
def test_it_holds_together(seed: int) -> None:
    """Protects the commands: each question and each answer can be written with the pretraining text's characters."""
    data = make(f"seed {seed}")
    files = {name: text.decode() for name, text in data.files().items()}
    known = set(data.text)
    assert set("".join(files.values())) - {"\t"} <= known
    assert set(rephrased(data.dev[0][0]) + LONDON + "abcdefghijklmnop") <= known
    assert data.vocabulary[:3] == f"{PAD}{MASK}\n"
    assert files["birth_dev.tsv"].splitlines() == [f"{question(name)}\t{place}" for name, place in data.dev]
    assert files["birth_test_inputs.tsv"].splitlines() == [question(name) for name in data.test]
    names = [*dict(data.train), *dict(data.dev), *data.test]
    assert len(set(names)) == len(names)
    assert all(len(document) >= 4 and document.isascii() for document in data.documents)


def test_the_london_baseline_cannot_be_guessed() -> None:
    """Protects the check of london_baseline.py: 5.0 is never right, and counts are no percentages."""
    for seed in range(50):
        data = make(str(seed))
        counts = (len(data.dev), round(data.london_percent * len(data.dev) / 100))
        assert min(abs(data.london_percent - value) for value in (*counts, 5.0, data.london_percent / 100)) > 1


def test_seeds_differ() -> None:
    """Protects from answers that are copied: two submissions get two corpora, the same one the same."""
    assert make("a") == make("a") != make("b")
