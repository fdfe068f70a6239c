"""What has changed since the last submission, told per question: only where both runs can be compared, and both are shown.

A question that is hidden now, or was hidden then, is never told of. What the earlier file says is compared, not repeated:
of it, only numbers get into the new one.
"""

from collections.abc import Mapping
from typing import Any

from graders.homework import Config, Item
from sandbox.text import clean

from .limits import scores_of, was_judged
from .metadata import Metadata, Previous
from .results import MAX_TEXT, Results, TestEntry

MAX_SUMMARY = 3  # lines
SINCE = "Since your last submission"


def add(results: Results, config: Config, metadata: Metadata, slug: str, sentences: Mapping[str, str]) -> None:
    """Tell the changes in the output of each question, and in the summary if it has a line left.

    Args:
        results: of this run, finished; it is changed.
        config: the homework's, as it holds for this run (see `presentation.released`).
        metadata: of this submission.
        slug: of the homework.
        sentences: of its checks, by id.
    """
    previous = metadata.latest
    if not config.gradescope.show_changes or previous is None or not _comparable(results, previous):
        return
    before = scores_of(previous, config, slug)
    if before is None:
        return
    told = []
    for item, entry in _shown(results, config, previous):
        points = points_line(item, before[entry.number], entry.score)
        lines = [f"{SINCE}: {points}", *_checks(item, previous, results, sentences)]
        entry.output = clean("\n".join([*lines, "", entry.output]), MAX_TEXT)
        if before[entry.number] != entry.score:
            told.append(points)
    if told and len(results.output.splitlines()) < MAX_SUMMARY:
        results.output = clean(f"{results.output}\n{SINCE}: {'; '.join(told)}", MAX_TEXT)


def points_line(item: Item, before: float, now: float) -> str:
    """`2(a): 3.00 -> 4.00 points`."""
    if before == now:
        return f"{item.number}: {now:.2f} points, as before"
    return f"{item.number}: {before:.2f} -> {now:.2f} points"


def _comparable(results: Results, previous: Previous) -> bool:
    """Whether both runs were judged to their ends."""
    facts = results.extra_data
    return bool(facts.get("finished")) and was_judged(facts) and was_judged(previous.facts)


def _shown(results: Results, config: Config, previous: Previous) -> list[tuple[Item, TestEntry]]:
    """The questions that students see in both files."""
    tests = (previous.results or {}).get("tests", [])  # `scores_of` has looked at its form
    seen = {test["number"] for test in tests if test.get("visibility", "visible") == "visible"}
    items = {item.number: item for item in config.auto_items}
    return [
        (items[entry.number], entry)
        for entry in results.tests
        if entry.visibility == "visible" and entry.number in seen and entry.number in items
    ]


def _checks(item: Item, previous: Previous, results: Results, sentences: Mapping[str, str]) -> list[str]:
    """A line for each check that passes now and did not, or passed and does not now."""
    before, now = _outcomes(previous.facts), _outcomes(results.extra_data)
    lines = []
    for check, sentence in sentences.items():
        if not item.has(check) or check not in before or check not in now:
            continue
        if before[check] != now[check]:
            if now[check] == "passed":
                lines.append(f"Now right: {sentence}")
            elif before[check] == "passed" and now[check] == "failed":
                lines.append(f"No longer right: {sentence}")
    return lines


def _outcomes(facts: dict[str, Any]) -> dict[str, str]:
    checks = facts.get("checks")
    if not isinstance(checks, dict):
        return {}
    found = {name: each.get("outcome") for name, each in checks.items() if isinstance(each, dict)}
    return {name: outcome for name, outcome in found.items() if isinstance(outcome, str)}
