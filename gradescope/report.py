"""From verdicts to results.json: one entry per item of the handout, its checks in the output."""

from collections.abc import Mapping, Sequence

from graders.check import Check
from graders.homework import Homework, Level
from graders.scoring import ItemScore, carries_points, scores, weight_of
from graders.telling import snippet_told, told
from graders.verdict import Outcome, Reason, Verdict
from sandbox.text import clean

from .results import MAX_TEXT, NOT_YET, Results, TestEntry

MAX_MESSAGE = 4096  # bytes
MAX_MESSAGES = 18_000  # all messages of an item, with its snippets
MAX_SNIPPETS = 7000  # those of them that are shown are whole
MAX_PRINTED = 3000
MAX_FILE = 256 << 10  # bytes of results.json
INVALID = "This run does not count: hidden checks could not be graded on this machine. The staff has to grade it again."
_MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.NOT_JUDGED: "–"}


def results_of(
    homework: Homework,
    checks: Sequence[Check],
    verdicts: Mapping[str, Verdict],
    *,
    finished: bool,
    note: str = "",
    seconds: float | None = None,
    staff: Mapping[str, object] | None = None,
) -> Results:
    """Make the whole file for what has been judged so far; what has not counts 0 and says so.

    Args:
        homework: what is graded.
        checks: its checks, in order.
        verdicts: by check id.
        finished: whether the run is over.
        note: a sentence for the student that comes first.
        seconds: duration of the run.
        staff: facts for the staff, kept in extra_data.
    """
    judged = scores(homework, checks, verdicts)
    invalid = any(verdict.reason is Reason.UNCONFINED for verdict in verdicts.values())
    if invalid:
        note = f"{INVALID}\n{note}".strip()
    data = dict(staff or {}) | {
        "homework": homework.slug,
        "finished": finished,
        "invalid": invalid,
        "misconceptions": {
            check.task: verdict.misconception.name
            for check in checks
            if (verdict := verdicts.get(check.id)) is not None and verdict.misconception is not None
        },
    }
    room = MAX_MESSAGES
    while True:  # a few rounds, where many messages are long; what is short stays whole
        entries = [
            _entry(result, [check for check in checks if result.item.has(check.id)], verdicts, homework, room)
            for result in judged
        ]
        data["checks"] = {check.id: _facts(check, verdicts.get(check.id), room) for check in checks}
        results = Results(
            output=clean(_summary(homework, checks, verdicts, judged, finished, note), MAX_TEXT),
            tests=entries,
            execution_time=seconds,
            extra_data=data,
        )
        size = len(results.as_bytes())
        if size <= MAX_FILE or not room:
            return results
        room = int(room * 0.9 * MAX_FILE / size)


def _facts(check: Check, verdict: Verdict | None, room: int) -> dict[str, str]:
    if verdict is None:
        return {"outcome": "not run"}
    facts = {"outcome": verdict.outcome.value}
    if verdict.reason is not None:
        facts["reason"] = verdict.reason.name.lower()
    if verdict.misconception is not None:
        facts["misconception"] = verdict.misconception.name
    if verdict.staff:
        facts["staff"] = clean(verdict.staff, min(MAX_MESSAGE, room))
    return facts


def _entry(
    result: ItemScore, checks: Sequence[Check], verdicts: Mapping[str, Verdict], homework: Homework, room: int
) -> TestEntry:
    item, level = result.item, homework.config.feedback
    lines = []
    blocked = 0
    printed = ""
    messages = {check.id: told(verdicts[check.id], level, snippet=False) for check in checks if check.id in verdicts}
    snippets = _snippets(checks, verdicts, level, min(MAX_SNIPPETS, room // 2))
    # so much for each message that none pushes another check's sentence out of the output
    left = room - sum(map(len, snippets.values()))
    each = min(MAX_MESSAGE, left // max(1, sum(map(bool, messages.values()))))
    for check in checks:
        verdict = verdicts.get(check.id)
        advice = "" if weight_of(item, check) else " (advice, costs nothing)"
        if verdict is None:
            lines.append(f"… {check.sentence}{advice}\n    {NOT_YET}")
        elif verdict.reason is Reason.PREREQUISITE:
            blocked += 1
        else:
            lines.append(f"{_MARKS[verdict.outcome]} {check.sentence}{advice}")
            lines += _indented(messages[check.id], each)
            if check.id in snippets:
                lines += ["", snippets[check.id]]
            printed = printed or (verdict.output if level != "verdict" else "")
    if blocked:
        lines.append(f"– {blocked} more checks are not judged: they need what failed above. They count 0.")
    if printed:
        lines += ["", "What the code printed (the beginning):"]
        lines += _indented(printed, min(MAX_PRINTED, room // 4))
    return TestEntry(
        name=item.title,
        number=item.number,
        score=float(result.earned),
        max_score=float(item.points),
        status="passed" if result.earned == item.points else "failed",
        output=clean("\n".join(lines), MAX_TEXT),
        visibility=item.visibility,
    )


def _snippets(checks: Sequence[Check], verdicts: Mapping[str, Verdict], level: Level, left: int) -> dict[str, str]:
    """The snippets that are shown, by check, whole; they are not indented, so that they run as they stand."""
    shown: dict[str, str] = {}
    for check in checks:
        text = snippet_told(verdicts[check.id], level) if check.id in verdicts else ""
        if not text or len(text) > left:
            continue
        if not any(line.startswith((*_MARKS.values(), "…")) for line in text.splitlines()):
            shown[check.id] = clean(text, len(text))
            left -= len(text)
    return shown


def _indented(text: str, room: int) -> list[str]:
    """Clean a text and indent its lines; of what needs more room, in bytes, both ends stay."""
    limit = room
    while True:
        lines = [f"    {line}" for line in clean(text, limit).splitlines()]
        size = sum(len(line.encode()) + 1 for line in lines)
        if size <= room or not limit:
            return lines
        limit = min(limit * 9 // 10, limit * room // size)


def _summary(
    homework: Homework,
    checks: Sequence[Check],
    verdicts: Mapping[str, Verdict],
    judged: Sequence[ItemScore],
    finished: bool,
    note: str,
) -> str:
    """At most three lines: what is right, what to fix first. Of hidden items they say nothing but that there are some."""
    lines = note.splitlines()
    if not finished:
        done = sum(check.id in verdicts for check in checks)
        lines.append(f"Not finished: {done} of {len(checks)} checks are judged; the others count 0 so far.")
    counting = [result for result in judged if result.item.points]
    shown = [result for result in counting if result.item.visibility == "visible"]
    right = [result.item.number for result in shown if result.earned == result.item.points]
    hidden = len(counting) - len(shown)
    if hidden and not shown:
        lines.append("All points are hidden for now.")
    elif hidden and len(right) == len(shown):
        more = "1 more question is" if hidden == 1 else f"{hidden} more questions are"
        lines.append(f"Full points for everything that is shown now; {more} hidden.")
    elif len(right) == len(shown):
        lines.append("All checks passed: full points for everything that is graded here.")
    elif right:
        lines.append(f"Full points for: {', '.join(right)}.")
    first = next((check for check in checks if _failed(homework, check, verdicts)), None)
    if first is not None:
        item = homework.item_of(first.id)
        lines.append(f"Fix first, in {item.number if item else first.task}: {first.sentence}")
    return "\n".join(lines[:3])


def _failed(homework: Homework, check: Check, verdicts: Mapping[str, Verdict]) -> bool:
    verdict, item = verdicts.get(check.id), homework.item_of(check.id)
    if verdict is None or (item is not None and item.visibility != "visible"):
        return False
    return verdict.outcome is Outcome.FAILED and carries_points(homework, check)
