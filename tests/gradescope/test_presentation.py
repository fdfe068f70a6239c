"""What the TOML asks of Gradescope: visibility by date, tags, the leaderboard, who sees stdout."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from graders.homework import Homework, config_of
from gradescope.blank import blank
from gradescope.metadata import Metadata
from gradescope.presentation import present, released, released_config
from gradescope.results import Rank, Results, write

pytestmark = pytest.mark.torch_free

HIDDEN = 'visibility = "hidden"\nrelease = 2026-12-01'
BEFORE, AFTER = "2026-11-30T23:59:59-05:00", "2026-12-01T00:00:00-05:00"


def shown(name: str, created_at: str | None, scores: tuple[float, float] = (0, 0), **facts: Any) -> Results:
    """A file with these scores, presented."""
    results = blank(name, "Done.")
    for test, score in zip(results.tests, scores, strict=True):
        test.score = score
    results.execution_time = 12.345
    results.extra_data |= facts
    present(results, config_of(name), Metadata.of({"created_at": created_at}) if created_at else None)
    return results


@pytest.mark.parametrize(
    ("created_at", "expected"), [(BEFORE, "hidden"), (AFTER, "visible"), (None, "hidden"), ("odd", "hidden")]
)
def test_release_by_date(homework: Callable[..., str], created_at: str | None, expected: str) -> None:
    """Protects hidden questions: visible in runs from their date on, and never where the run's time is not known."""
    assert [test.visibility for test in shown(homework(rope=HIDDEN), created_at).tests] == ["visible", expected]


def test_a_released_homework_is_visible_everywhere(homework: Callable[..., str]) -> None:
    """Protects the summary, which is made of the homework: it says what the entries show, and the TOML's own is untouched."""
    config = config_of(homework(rope=HIDDEN))
    mine = Homework(slug="mine", config=config, binding={})
    after = released(mine, Metadata.of({"created_at": AFTER}))
    assert [item.visibility for item in after.config.auto_items] == ["visible", "visible"]
    assert [item.visibility for item in mine.config.auto_items] == ["visible", "hidden"]
    for metadata in (None, Metadata.of({"created_at": BEFORE}), Metadata.of({})):
        assert released(mine, metadata) == mine
    assert released_config(config, datetime.fromisoformat(AFTER)) == after.config


def test_tags_and_stdout(homework: Callable[..., str]) -> None:
    """Protects what an instructor has written: tags on their question, stdout for those who may see it."""
    results = shown(homework('stdout_visibility = "visible"', 'tags = ["code", "hard"]'), None)
    assert [test.tags for test in results.tests] == [None, ["code", "hard"]]
    assert results.stdout_visibility == "visible"
    assert shown(homework(), None).stdout_visibility == "hidden"


def test_leaderboard(homework: Callable[..., str]) -> None:
    """Protects the ranking: opt-in, in the TOML's order, Gradescope's keys; a time counts with all points only."""
    both = homework('leaderboard = ["seconds", "points"]')
    points, seconds = Rank(name="Points", value=14.0), Rank(name="Seconds", value=12.35, order="asc")
    assert shown(both, None, (10, 4), finished=True).leaderboard == [seconds, points]
    assert shown(both, None, (10, 3.5), finished=True).leaderboard == [Rank(name="Points", value=13.5, order="desc")]
    assert shown(homework(), None, (10, 4), finished=True).leaderboard is None
    assert shown(homework('leaderboard = ["points"]'), None, (10, 4), finished=True).leaderboard == [points]


def test_who_is_in_no_leaderboard(homework: Callable[..., str]) -> None:
    """Protects the others: a run that is not finished, or does not count, has no place."""
    name = homework('leaderboard = ["seconds", "points"]')
    assert shown(name, None, (10, 4)).leaderboard is None
    assert shown(name, None, (10, 4), finished=True, invalid=True).leaderboard is None


def test_a_leaderboard_tells_nothing_of_hidden_questions(homework: Callable[..., str]) -> None:
    """Protects hidden questions: their points are in no rank before their date."""
    name = homework('leaderboard = ["points", "seconds"]', HIDDEN)
    seconds = Rank(name="Seconds", value=12.35, order="asc")
    for score in (0.0, 4.0):
        assert shown(name, BEFORE, (10, score), finished=True).leaderboard == [Rank(name="Points", value=10), seconds]
    assert shown(name, AFTER, (10, 3), finished=True).leaderboard == [Rank(name="Points", value=13)]


def test_what_the_staff_reads(homework: Callable[..., str], tmp_path: Any) -> None:
    """Protects the staff's view: id, times, lateness and notes, no names; nothing at all outside of Gradescope."""
    name = homework()
    results = blank(name, "Done.")
    found = Metadata.of(
        {
            "id": 7,
            "created_at": AFTER,
            "users": [{"name": "Somebody", "email": "somebody@example.edu"}] * 2,
            "assignment": {"due_date": BEFORE, "title": 3, "group_size": []},
        }
    )
    present(results, config_of(name), found)
    assert results.extra_data["submission"] == {
        "id": "7",
        "created_at": AFTER,
        "due_date": BEFORE,
        "late": True,
        "students": 2,
        "notes": ["group_size: expected a whole number, found a list"],
    }
    assert "omebody" not in results.model_dump_json()
    for odd in ({"id": "\ud800"}, {"id": "x\x00"}, {"created_at": "\ud800"}, {"users": ["\ud800"]}):
        present(results, config_of(name), Metadata.of(odd))
        write(results, tmp_path / "results.json")
    assert "submission" not in shown(name, None).extra_data
