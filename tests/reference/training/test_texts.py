"""Which texts a recipe trains on."""

from pathlib import Path

import pytest

from reference.training.texts import SHAKESPEARE_NAMES, character_texts, read_shakespeare, speeches
from tests.reference.training.recipes import setting_in

PLAY = "\n\n".join(f"SPEAKER {i}:\nLine {i} is said." for i in range(40)) + "\n"


@pytest.mark.parametrize("name", SHAKESPEARE_NAMES)
def test_tiny_shakespeare_is_found_under_each_course_name(name: str, tmp_path: Path) -> None:
    """Protects --data: a folder with the text under a usual name, or the file itself."""
    (tmp_path / name).write_text(PLAY, encoding="utf-8")
    assert read_shakespeare(tmp_path) == read_shakespeare(tmp_path / name) == PLAY


def test_a_folder_without_it_is_named(tmp_path: Path) -> None:
    """Protects instructors: the message names the folder, the names looked for and what the text looks like."""
    with pytest.raises(
        ValueError, match=r"found none of tiny_shakespeare.txt, .*input.txt; expected tiny Shakespeare: UTF-8"
    ):
        character_texts(setting_in(tmp_path, "core", data=tmp_path), 10)


def test_the_last_tenth_of_a_real_text_is_held_out(tmp_path: Path) -> None:
    """Protects measuring: nothing held out is trained on, and nothing of the text is lost."""
    (tmp_path / "input.txt").write_text(PLAY, encoding="utf-8")
    texts = character_texts(setting_in(tmp_path, "core", data=tmp_path), 10)
    assert texts.training + texts.held_out == PLAY
    assert len(texts.held_out) == len(PLAY) // 10
    assert texts.least_nats is None


def test_generated_texts_follow_from_the_seed(tmp_path: Path) -> None:
    """Protects resuming and the figures: the same seed gives the same texts; held out are other notes."""
    first, again = (character_texts(setting_in(tmp_path, "core"), 50) for _ in range(2))
    assert first == again
    lines = [set(text.splitlines()) for text in (first.training, first.held_out)]
    assert len(lines[1]) == 10
    assert len(lines[0] & lines[1]) <= 1
    assert first.least_nats is not None
    assert first.figures()["characters held out"] == len(first.held_out)


def test_speeches_are_held_out_from_the_end(tmp_path: Path) -> None:
    """Protects DialogueGPT: real speeches are dealt out whole, generated ones come from two seeds."""
    (tmp_path / "input.txt").write_text(PLAY, encoding="utf-8")
    found = speeches(setting_in(tmp_path, "core"), 10, tmp_path)
    assert "\n\n".join((*found.training, *found.held_out)) + "\n" == PLAY
    assert len(found.held_out) == 4
    generated = speeches(setting_in(tmp_path, "core"), 10, None)
    assert (len(generated.training), len(generated.held_out)) == (10, 2)


def test_a_play_of_two_speeches_is_too_short(tmp_path: Path) -> None:
    """Protects the interval: it needs two speeches, and training one."""
    path = tmp_path / "input.txt"
    path.write_text("A:\nb\n\nC:\nd\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"input.txt: found 2 speeches; at least 3"):
        speeches(setting_in(tmp_path, "core"), 10, path)
