"""What a homework's TOML asks of Gradescope, put into results.json: who sees what and when, tags, the leaderboard.

A leaderboard ranks what students may see: a run that is not finished is in none, hidden questions are not in its points, and
its time counts only with all points, since code that fails at once is always the fastest.
"""

from datetime import datetime
from typing import Any

from graders.homework import Config, Homework

from .limits import NOT_COUNTED, not_counted
from .metadata import Metadata
from .results import Rank, Results


def released(homework: Homework, metadata: Metadata | None) -> Homework:
    """The homework as it holds for this run: what is released by its date is visible."""
    config = released_config(homework.config, metadata.created_at if metadata is not None else None)
    return homework.model_copy(update={"config": config})


def released_config(config: Config, moment: datetime | None) -> Config:
    """The same for a TOML alone; without a moment nothing is released."""
    items = tuple(
        item.model_copy(update={"visibility": "visible"}) if item.is_released(moment) else item for item in config.items
    )
    return config.model_copy(update={"items": items})


def present(results: Results, config: Config, metadata: Metadata | None) -> None:
    """Put everything into the file but the changes since the last submission; it is changed.

    Args:
        results: of a run in any state.
        config: the homework's.
        metadata: of the submission; None where there is none, outside of Gradescope.
    """
    config = released_config(config, metadata.created_at if metadata is not None else None)
    items = {item.number: item for item in config.auto_items}
    for entry in results.tests:
        item = items[entry.number]
        entry.visibility = item.visibility
        entry.tags = list(item.tags) or None
    results.stdout_visibility = config.gradescope.stdout_visibility
    if results.extra_data.get("finished"):
        results.leaderboard = _leaderboard(results, config) or None
    if metadata is not None:
        results.extra_data["submission"] = _facts(metadata)
        results.extra_data[NOT_COUNTED] = not_counted(metadata)


def _leaderboard(results: Results, config: Config) -> list[Rank]:
    if results.extra_data.get("invalid"):
        return []
    shown = [entry for entry in results.tests if entry.visibility == "visible"]
    points = round(sum(entry.score for entry in shown), 2)
    all_points = round(sum(entry.max_score for entry in shown), 2)
    ranks = []
    for name in config.gradescope.leaderboard:
        if name == "points":
            ranks.append(Rank(name="Points", value=points, order="desc"))
        elif results.execution_time is not None and points == all_points:
            ranks.append(Rank(name="Seconds", value=round(results.execution_time, 2), order="asc"))
    return ranks


def _facts(metadata: Metadata) -> dict[str, Any]:
    """For the staff; no names."""
    due = metadata.due_date
    return {
        "id": metadata.id,
        "created_at": metadata.created_at.isoformat() if metadata.created_at is not None else None,
        "due_date": due.isoformat() if due is not None else None,
        "late": metadata.is_late,
        "students": len(metadata.users),
        "notes": list(metadata.notes),
    }
