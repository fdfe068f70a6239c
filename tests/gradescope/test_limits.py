"""Limits of submissions a day: counted by the submission's own day, and never for what was our fault."""

from collections.abc import Callable
from typing import Any

import pytest

from gradescope.limits import NOT_JUDGED, not_counted, refusal, was_judged
from gradescope.metadata import Metadata
from gradescope.presentation import present
from gradescope.results import Results
from tests.earlier_run import file_of

pytestmark = pytest.mark.torch_free

NOW = "2026-11-26T15:00:00-05:00"


def on(time: str, score: float | None = 7.0, day: int = 26, **more: Any) -> dict[str, Any]:
    """An earlier submission of November."""
    return {"submission_time": f"2026-11-{day:02}T{time}:00-05:00", "score": score, "autograder_error": False} | more


def metadata(*earlier: dict[str, Any], created_at: str | None = NOW) -> Metadata:
    return Metadata.of({"created_at": created_at, "previous_submissions": list(earlier)})


THREE = (on("09:00", 1.0), on("10:00", 9.0), on("11:00", 5.0))


@pytest.fixture
def refused(homework: Callable[..., str]) -> Callable[..., Results | None]:
    """What is written in the place of a grading, at a limit of three a day."""

    def refused(*earlier: dict[str, Any], limit: int | None = 3, created_at: str | None = NOW) -> Results | None:
        name = homework("" if limit is None else f"submissions_per_day = {limit}")
        return refusal(metadata(*earlier, created_at=created_at), name)

    return refused


# ---------------------------------------------------------------------------------------------------- what counts


def test_the_limit_is_reached_by_so_many(refused: Callable[..., Results | None]) -> None:
    """Protects the number: with a limit of three the fourth of a day is refused, the third is not."""
    assert refused(*THREE[:2]) is None
    assert refused(*THREE) is not None
    assert refused() is None
    assert refused(*THREE, limit=4) is None
    assert refused(*THREE, limit=None) is None


@pytest.mark.parametrize(
    "third",
    [
        on("11:00", autograder_error=True),
        on("11:00", None),
        on("11:00", "not a number"),  # type: ignore[arg-type]
        {"score": 5.0},
        on("11:00", results=file_of({}, finished=False)),
        on("11:00", results=file_of({}, finished=False, grader_status=-9)),
        on("11:00", results=file_of({}, invalid=True)),
        on("15:00"),
        on("15:01"),
        on("23:59", day=25),
    ],
    ids=[
        "error",
        "no score",
        "odd score",
        "no time",
        "cut short",
        "killed",
        "unconfined",
        "itself",
        "later",
        "yesterday",
    ],
)
def test_what_does_not_count(refused: Callable[..., Results | None], third: dict[str, Any]) -> None:
    """Protects students from our faults, from a re-run in which later submissions are known, and from yesterday."""
    assert refused(*THREE[:2], third) is None


def test_a_day_is_that_of_the_submission(refused: Callable[..., Results | None]) -> None:
    """Protects whoever hands in around midnight: the day is the local one of `created_at`, whatever offsets others have."""
    utc = [{"submission_time": f"2026-11-27T0{hour}:30:00Z", "score": 1.0} for hour in range(3, 6)]
    # 03:30, 04:30 and 05:30 UTC are 22:30, 23:30 and 00:30 in the offset of the submission
    assert refused(*utc, created_at="2026-11-27T01:00:00-05:00", limit=1) is not None
    assert refused(*utc, created_at="2026-11-27T01:00:00-05:00", limit=2) is None
    assert refused(*utc[:2], created_at="2026-11-26T23:59:00-05:00", limit=2) is not None


def test_without_its_own_time_nothing_is_refused(refused: Callable[..., Results | None]) -> None:
    """Protects students where Gradescope does not say when they handed in."""
    assert refused(*THREE, created_at=None) is None


def test_what_did_not_count_is_carried_on(refused: Callable[..., Results | None]) -> None:
    """Protects from a fault that lies further back: only the latest file is at hand, so each carries the earlier ones."""
    cut = on("10:00", results=file_of({}, finished=False))
    carried = not_counted(metadata(on("09:00"), cut))
    assert carried == ["2026-11-26T10:00:00-05:00"]
    later = on("11:00", results=file_of({"1": 3, "2(a)": 2}, not_counted=carried))
    assert refused(on("09:00"), on("10:00"), later) is None
    assert refused(on("09:00"), on("10:00"), on("10:30"), later) is not None
    again = not_counted(metadata(on("09:00"), on("10:00"), later))
    assert again == carried


@pytest.mark.parametrize("carried", [3, "2026", [None, 3, [], "yesterday", "2026-11-26T11:00:00"], {"a": 1}])
def test_odd_facts_are_passed_over(refused: Callable[..., Results | None], carried: object) -> None:
    """Protects the count from a file of another grader, or of an older version of ours."""
    assert refused(*THREE[:2], on("11:00", results=file_of({}, not_counted=carried))) is not None
    assert refused(*THREE[:2], on("11:00", results={"extra_data": carried})) is not None


def test_was_judged() -> None:
    """Protects the rule: to its end and valid; a file that says nothing of the kind was judged by somebody else."""
    assert [was_judged(facts) for facts in ({}, {"finished": True}, {"finished": True, "invalid": False})] == [True] * 3
    assert [was_judged(facts) for facts in ({"finished": False}, {"finished": True, "invalid": True})] == [False] * 2


# ---------------------------------------------------------------------------------------------------- what is written


def test_the_text(refused: Callable[..., Results | None]) -> None:
    """Protects the student: what happened, which score stays, and when the next is graded, in three lines."""
    results = refused(*THREE)
    assert results is not None
    assert results.output.splitlines() == [
        "Not judged: 3 of your submissions of today were graded, and the limit is 3 a day.",
        "Your score stays that of your submission of 2026-11-26 11:00 (UTC-05:00).",
        "What you hand in from 2026-11-27 00:00 (UTC-05:00) on is graded again; this submission does not count.",
    ]
    assert {test.output for test in results.tests} == {NOT_JUDGED}
    assert results.extra_data == {
        "homework": "mine",
        "finished": False,
        "kept_from": "2026-11-26T11:00:00-05:00",
    }
    assert Results.model_validate_json(results.model_dump_json(by_alias=True)) == results


def test_the_score_is_that_of_the_latest_that_counts(refused: Callable[..., Results | None]) -> None:
    """Protects the score: not the best, not a failed run's; never more than there is, never below 0."""
    results = refused(*THREE)
    assert results is not None
    assert (results.kept_score, results.score, [test.score for test in results.tests]) == (5.0, 5.0, [0.0, 0.0])
    results = refused(*THREE, on("12:00", 13.0, autograder_error=True))
    assert results is not None
    assert results.score == 5.0
    for found, kept in ((400.0, 14.0), (-3.0, 0.0)):
        results = refused(*THREE[:2], on("11:00", found))
        assert results is not None
        assert results.score == kept


def test_items_keep_their_scores(refused: Callable[..., Results | None]) -> None:
    """Protects the view: where the latest file has the items' scores they are shown as they were, without a sum on top."""
    results = refused(*THREE[:2], on("11:00", 7.5, results=file_of({"1": 3.5, "2(a)": 4.0})))
    assert results is not None
    assert results.kept_score is None
    assert [(test.score, test.status) for test in results.tests] == [(3.5, "failed"), (4.0, "passed")]


def test_a_second_refusal_keeps_the_same(refused: Callable[..., Results | None]) -> None:
    """Protects who tries again and again: each refused file is the next one's source, and none counts."""
    earlier = [*THREE[:2], on("11:00", 7.5, results=file_of({"1": 3.5, "2(a)": 4.0}))]
    for minute in range(10, 15):
        results = refused(*earlier)
        assert results is not None
        present(results, config_of_mine(results), metadata(*earlier))
        assert (results.kept_score, [test.score for test in results.tests]) == (None, [3.5, 4.0])
        del earlier[-1]["results"]
        written = results.model_dump(mode="json", by_alias=True, exclude_none=True)
        earlier.append(on(f"12:{minute}", 7.5, results=written))
    assert results is not None
    assert len(results.extra_data["not_counted"]) == 4
    assert results.extra_data["kept_from"] == "2026-11-26T11:00:00-05:00"


def config_of_mine(results: Results) -> Any:
    """The TOML's table that goes with the file."""
    from graders.homework import Config

    items = [
        {"number": test.number, "title": "x", "points": test.max_score, "kind": "auto", "tasks": [f"task{i}"]}
        for i, test in enumerate(results.tests)
    ]
    return Config.model_validate({"title": "x", "files": {"names": ["a.py"]}, "item": items})


@pytest.mark.parametrize(
    "file",
    [
        file_of({"1": 3.5, "2(a)": 4.0}, homework="another"),
        file_of({"1": 3.5}),
        file_of({"1": 3.5, "2(a)": 4.5}),
        file_of({"1": -1, "2(a)": 4.0}),
        file_of({"1": 3.5, "2(a)": "4"}),  # type: ignore[dict-item]
        file_of({"1": 3.5, "2(a)": float("nan")}),
        file_of({"1": 3.5, "2(a)": 4.0}) | {"score": 3.0},
        file_of({"1": 3.5, "2(a)": 4.0}) | {"tests": [None]},
        file_of({"1": 3.5, "2(a)": 4.0}) | {"tests": [{"number": ["1"], "score": 1, "max_score": 10}]},
        file_of({"1": 3.5, "2(a)": 4.0}) | {"tests": {"number": "1"}},
        file_of({}) | {"tests": None},
        {},
    ],
    ids=range(12),
)
def test_a_file_that_does_not_fit_gives_the_sum_alone(
    refused: Callable[..., Results | None], file: dict[str, Any]
) -> None:
    """Protects the items' scores: from another homework, with other points or in another form they are not taken."""
    results = refused(*THREE[:2], on("11:00", 7.5, results=file))
    assert results is not None
    assert (results.score, results.kept_score, [test.score for test in results.tests]) == (7.5, 7.5, [0.0, 0.0])


def test_a_place_on_the_leaderboard_is_kept(homework: Callable[..., str]) -> None:
    """Protects the leaderboard: who hands in once too often keeps the place, if the latest file has it."""
    name = homework('submissions_per_day = 1\nleaderboard = ["points"]')
    ranks = [{"name": "Points", "value": 7.5, "order": "desc"}]
    for found, expected in ((ranks, ranks), ("odd", None), (None, None)):
        file = file_of({"1": 3.5, "2(a)": 4.0}) | {"leaderboard": found}
        results = refusal(metadata(on("11:00", 7.5, results=file)), name)
        assert results is not None
        assert (results.leaderboard and [rank.model_dump() for rank in results.leaderboard]) == expected
