"""A limit of submissions a day, counted honestly: only a run that was judged to its end counts.

A day is that of the submission's own `created_at`, by its offset, not of the clock: a submission that is run again later
is counted as it was then. Gradescope hands over the results of the latest submission only, so each file of ours also carries
which earlier ones do not count.
"""

from datetime import datetime, time, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from graders.homework import Config, config_of, toml_of

from .blank import blank
from .metadata import Metadata, Previous
from .results import Rank, Results

NOT_COUNTED = "not_counted"  # keys of extra_data
KEPT_FROM = "kept_from"
NOT_JUDGED = "Not judged in this run: more was handed in today than is graded in a day."
_RANKS: TypeAdapter[list[Rank]] = TypeAdapter(list[Rank])


def refusal(metadata: Metadata, homework: str) -> Results | None:
    """What to write in the place of a grading, if the limit is reached; None if there is something to grade.

    Nothing is judged then. The score stays that of the latest submission that was judged, item by item where it is known.

    Args:
        metadata: of this submission.
        homework: its slug or the path of its TOML.

    Raises:
        HomeworkError: unknown homework, or a TOML that cannot be used.
    """
    config = config_of(homework)
    limit, now = config.gradescope.submissions_per_day, metadata.created_at
    if limit is None or now is None:
        return None
    today = [(at, each) for at, each in _counted(metadata) if at.astimezone(now.tzinfo).date() == now.date()]
    if len(today) < limit:
        return None
    at, last = today[-1]
    morning = datetime.combine(now.date() + timedelta(days=1), time.min, now.tzinfo)
    note = (
        f"Not judged: {len(today)} of your submissions of today were graded, and the limit is {limit} a day.\n"
        f"Your score stays that of your submission of {_told(at.astimezone(now.tzinfo))}.\n"
        f"What you hand in from {_told(morning)} on is graded again; this submission does not count."
    )
    results = blank(homework, note)
    for entry in results.tests:
        entry.output = NOT_JUDGED
    _keep(results, config, toml_of(homework).stem, metadata.latest, at, last)
    results.extra_data[KEPT_FROM] = at.isoformat()
    return results


def not_counted(metadata: Metadata) -> list[str]:
    """The times of the earlier submissions that do not count, as this submission's file carries them on."""
    return [at.isoformat() for at, each in metadata.earlier if at in _uncounted(metadata)]


def was_judged(facts: dict[str, Any]) -> bool:
    """Whether a run was judged to its end, by its `extra_data`; one of another grader's is taken to be."""
    return facts.get("finished") is not False and facts.get("invalid") is not True


def _counted(metadata: Metadata) -> list[tuple[datetime, Previous]]:
    """The earlier submissions that count: Gradescope has a score, and the run did not fail through a fault of ours."""
    out = _uncounted(metadata)
    return [
        (at, each)
        for at, each in metadata.earlier
        if at not in out and each.score is not None and not each.autograder_error
    ]


def _uncounted(metadata: Metadata) -> set[datetime]:
    """What the latest file says of those before it, and of itself."""
    latest = metadata.latest
    if latest is None:
        return set()
    carried = latest.facts.get(NOT_COUNTED)
    times = [_time_of(text) for text in (carried if isinstance(carried, list) else [])]
    found = {at for at in times if at is not None}
    if latest.submission_time is not None and not was_judged(latest.facts):
        found.add(latest.submission_time)
    return found


def _time_of(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _keep(results: Results, config: Config, slug: str, latest: Previous | None, at: datetime, last: Previous) -> None:
    """Put the score into the file: item by item if the latest file has it, which may itself have kept it; else the sum."""
    scores = scores_of(latest, config, slug) if latest is not None else None
    if latest is not None and latest is not last and latest.facts.get(KEPT_FROM) != at.isoformat():
        scores = None
    if scores is None:
        results.kept_score = round(min(max(last.score or 0.0, 0.0), results.max_score), 2)
        return
    for entry in results.tests:
        entry.score = scores[entry.number]
        entry.status = "passed" if entry.score == entry.max_score else "failed"
    if config.gradescope.leaderboard and latest is not None:
        results.leaderboard = _ranks_of(latest)


def _ranks_of(previous: Previous) -> list[Rank] | None:
    """The leaderboard's entries in an earlier file: who hands in once too often does not lose their place."""
    try:
        return _RANKS.validate_python((previous.results or {}).get("leaderboard"))
    except ValidationError:
        return None


def scores_of(previous: Previous, config: Config, slug: str) -> dict[str, float] | None:
    """The score of each item in an earlier file of ours; None if its homework was another or had other points."""
    if previous.facts.get("homework") != slug or (previous.results or {}).get("score") is not None:
        return None
    tests = (previous.results or {}).get("tests")
    points = {item.number: float(item.points) for item in config.auto_items}
    found: dict[str, float] = {}
    for test in tests if isinstance(tests, list) else []:
        if not isinstance(test, dict):
            return None
        number, score, most = test.get("number"), test.get("score"), test.get("max_score")
        if not isinstance(number, str) or not isinstance(score, (int, float)) or most != points.get(number):
            return None
        if not 0 <= score <= points[number]:
            return None
        found[number] = float(score)
    return found if found.keys() == points.keys() else None


def _told(moment: datetime) -> str:
    offset = f"{moment:%z}"
    return f"{moment:%Y-%m-%d %H:%M} (UTC{offset[:3]}:{offset[3:5]})"
