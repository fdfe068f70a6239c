"""The staff's data: a folder that is there must be whole, and what is wrong with it is said with file, found and expected."""

import json
from pathlib import Path

import pytest

from graders.trained_data import DataError, look_at, read_birth_places, read_images, read_tokens
from graders.trained_table import TrainedTable

pytestmark = pytest.mark.torch_free
TABLE = TrainedTable.model_validate({"data": "hw.data", "birth_places": {}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with everything about birth places."""
    place = tmp_path / "hw.data"
    place.mkdir()
    texts = {
        "wiki.txt": "Ada was born in Rome. Where? Was Bob, too?\nCleo",
        "birth_dev.tsv": "Where was Ada born?\tRome\nWhere was Bob born?\tOslo\n",
        "birth_test_inputs.tsv": "Where was Cleo born?\n",
        "birth_test_key.tsv": "Where was Cleo born?\tRiga\n",
    }
    for name, text in texts.items():
        (place / name).write_text(text, encoding="utf-8")
    return place


def test_what_is_read(folder: Path) -> None:
    """Protects the figures: questions, answers, and the characters that models know."""
    data = read_birth_places(folder)
    assert (data.dev_places, data.test, data.test_places) == (("Rome", "Oslo"), ("Where was Cleo born?",), ("Riga",))
    assert data.characters == tuple(sorted(set((folder / "wiki.txt").read_text())))
    assert look_at(folder, TABLE) == []
    (folder / "birth_test_key.tsv").unlink()
    assert read_birth_places(folder).test_places is None
    assert look_at(folder, TABLE) == [
        "hw.data has no birth_test_key.tsv: checks on the answers to the test questions are not judged"
    ]


def test_digests(folder: Path) -> None:
    """Protects the reference models: the digests of their tensors, by name."""
    (folder / "reference_digests.json").write_text(json.dumps({"head.weight": ["a" * 64]}))
    assert read_birth_places(folder).digests == {"head.weight": frozenset(["a" * 64])}
    for text in ("[", "[]", '{"a": "b"}', '{"a": ["b"]}', "[" * 100_000):
        (folder / "reference_digests.json").write_text(text)
        with pytest.raises(DataError, match=r"hw\.data/reference_digests\.json: found"):
            read_birth_places(folder)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("wiki.txt", None, r"hw\.data/wiki\.txt: No such file or directory; expected the pretraining text"),
        ("wiki.txt", b"", r"hw\.data/wiki\.txt: found an empty file"),
        ("wiki.txt", b"abc", r"hw\.data/wiki\.txt: found none of .* which the questions have"),
        ("birth_dev.tsv", b"\xff", r"hw\.data/birth_dev\.tsv: found no UTF-8, at byte 0"),
        (
            "birth_dev.tsv",
            b"Where was Ada born?\n",
            r"birth_dev\.tsv, line 1: found 'Where was Ada born\?'; expected a q",
        ),
        (
            "birth_test_inputs.tsv",
            b"Where was Cleo born?\tRiga\n",
            r"expected a question on each line, without answers",
        ),
        (
            "birth_test_key.tsv",
            b"Where was Ada born?\tRome\n",
            r"found 1 questions that are not those of birth_test_inp",
        ),
    ],
)
def test_what_is_spoilt(folder: Path, name: str, text: bytes | None, message: str) -> None:
    """Protects students: data that lacks or spoils a file is an error for the staff, and no run begins."""
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_bytes(text)
    with pytest.raises(DataError, match=message):
        look_at(folder, TABLE)


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    """Protects staff: an archive that was not unpacked is named."""
    (tmp_path / "hw.data").write_text("")
    with pytest.raises(DataError, match=r"hw\.data is no folder"):
        look_at(tmp_path / "hw.data", TABLE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x01" * 3074, "found 3074 bytes; expected CIFAR-10's file"),
        (b"\x0a" * 3073, "found a label 10"),
        (b"", "found an empty file"),
    ],
)
def test_images(tmp_path: Path, data: bytes, message: str) -> None:
    """Protects the accuracy of images: another file, or one that is cut off, is refused."""
    (tmp_path / "test_batch.bin").write_bytes(b"\x09" * 3073 * 2)
    assert len(read_images(tmp_path)) == 6146
    (tmp_path / "test_batch.bin").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_images(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"), [("1 2 -3 4", "found '-3'"), ("1 2 3", "found 3 ids"), ("1 ² 3 4", "'²'")]
)
def test_tokens(tmp_path: Path, text: str, message: str) -> None:
    """Protects the perplexity: ids and nothing else, more of them than a model sees at once."""
    (tmp_path / "heldout.ids").write_text("1 2\n30 4")
    assert read_tokens(tmp_path, 3) == (1, 2, 30, 4)
    (tmp_path / "heldout.ids").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_tokens(tmp_path, 3)
