"""Items that need the staff's data: graded here where it is, by people where it is not, and never silently lost."""

from pathlib import Path

import pytest

from graders.homework import Homework, HomeworkError, read_config
from graders.trained_items import remarks_on_data

pytestmark = pytest.mark.torch_free


def refusal(path: Path) -> str:
    """Why a TOML is refused."""
    with pytest.raises(HomeworkError) as caught:
        read_config(path)
    return str(caught.value)


NEEDY = """
title = "T"
[files]
names = ["a.py"]
[trained]
data = "hw.data"
[trained.text]
parameters = "a.pt"
model = "A"
at_most = 9
context = 2
[[item]]
number = "1"
title = "P"
points = 1
kind = "auto"
needs_data = true
rules = ["trained.perplexity"]
note = "As ever."
"""


def test_without_data_people_grade(tmp_path: Path) -> None:
    """Protects a checkout without data: what needs it is manual, says why, and nothing else changes."""
    (tmp_path / "hw.toml").write_text(NEEDY)
    config = read_config(tmp_path / "hw.toml")
    assert (config.auto_items, config.without_data) == ((), config.items)
    assert config.items[0].note == "Graded by people here, since there is no folder hw.data beside hw.toml. As ever."
    told = ["graded by people, for lack of data in hw.data: 1"]
    assert remarks_on_data(config, tmp_path) == told
    (tmp_path / "hw.data").mkdir()
    (tmp_path / "hw.data" / "heldout.ids").write_text("1 2 3")
    config = read_config(tmp_path / "hw.toml")
    assert (config.auto_items, config.without_data, remarks_on_data(config, tmp_path)) == (config.items, (), [])
    solution = Homework(slug="hw", config=config, binding={}, folder=tmp_path).without_trained()
    assert (solution.config.auto_items, solution.config.items[0].note) == ((), "As ever.")
    (tmp_path / "hw.data" / "heldout.ids").unlink()
    assert "hw.data/heldout.ids: No such file" in remarks_on_data(config, tmp_path)[0]


def test_spoilt_data_is_an_error(tmp_path: Path) -> None:
    """Protects students: a folder that lacks a file stops the run, with file, found and expected."""
    (tmp_path / "hw.toml").write_text(NEEDY)
    (tmp_path / "hw.data").mkdir()
    assert refusal(tmp_path / "hw.toml") == (
        "hw.toml: [trained]: hw.data/heldout.ids: No such file or directory; expected the ids of a text's tokens, separated "
        "by spaces or line breaks, in UTF-8"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("needs_data = true", "", "an item whose `rules` name checks of trained models has `needs_data = true`"),
        ('rules = ["trained.perplexity"]', 'tasks = ["mask"]', "has `needs_data = true`, and no other has"),
        ('kind = "auto"', 'kind = "manual"', "a manual item has no"),
        (
            "trained.perplexity",
            "trained.image_accuracy",
            "rule 'trained.image_accuracy' needs the table [trained.images]",
        ),
        ("at_most = 9", "at_most = 0.5", "trained.text.at_most: found 0.5"),
        ('data = "hw.data"', 'data = "../hw"', "trained.data: found '../hw'"),
    ],
)
def test_mistakes_in_what_is_trained(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Protects instructors from a slip in [trained]: the key is named, and what is allowed."""
    assert old in NEEDY
    (tmp_path / "hw.toml").write_text(NEEDY.replace(old, new))
    assert message in refusal(tmp_path / "hw.toml")
