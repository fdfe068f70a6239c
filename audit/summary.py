"""What a kill matrix says about the checks: how many wrong submissions each rejects, and which only it rejects."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .matrix import Row


@dataclass(frozen=True)
class CheckSummary:
    """One check: how many chaffs it rejects, and those that no other check rejects."""

    id: str
    kills: int
    sole: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """One task of `core`, or one homework that is graded whole.

    Attributes:
        homework, task: what it is about; task "" = the whole homework.
        seeds: with which it was judged.
        wheats, chaffs: numbers of submissions.
        rejected: chaffs that are rejected at every seed.
        named: chaffs whose misconception the feedback names, as their header says.
        checks: in the order in which they run; a kill counts if it happens at every seed.
        faults: (submission, seed, what is wrong).
        seconds: of all of it, on one core.
    """

    homework: str
    task: str
    seeds: tuple[int, ...]
    wheats: int
    chaffs: int
    rejected: int
    named: int
    checks: tuple[CheckSummary, ...]
    faults: tuple[tuple[str, int, str], ...]
    seconds: float

    @property
    def title(self) -> str:
        """`core: loss`, or the homework."""
        name = Path(self.homework).stem if self.homework.endswith(".toml") else self.homework
        return f"{name}: {self.task}" if self.task else name

    @property
    def idle(self) -> tuple[str, ...]:
        """Checks that reject nothing."""
        return tuple(check.id for check in self.checks if not check.kills)

    @property
    def sole(self) -> int:
        """Number of chaffs that only one check rejects."""
        return sum(len(check.sole) for check in self.checks)


def summaries(rows: Sequence[tuple[str, Row]]) -> list[Summary]:
    """Sum up rows by homework and task, in their order.

    Args:
        rows: (homework, row), as `audit.matrix.run` returns them.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for homework, row in rows:
        groups.setdefault((homework, row.specimen.task), []).append(row)
    return [_summary(homework, task, group) for (homework, task), group in groups.items()]


def _summary(homework: str, task: str, rows: Sequence[Row]) -> Summary:
    rejecting: dict[str, set[str]] = {}  # chaff -> checks that reject it at every seed
    rejected: dict[str, bool] = {}
    names: dict[str, bool] = {}
    for row in rows:
        if row.specimen.right:
            continue
        name = row.specimen.name
        rejecting[name] = rejecting[name] & {*row.rejecting} if name in rejecting else {*row.rejecting}
        rejected[name] = rejected.get(name, True) and bool(row.rejecting)
        names[name] = bool(row.specimen.misconception) and names.get(name, True) and not row.faults
    judged = dict.fromkeys(check for row in rows for check in row.judged)
    kills = Counter(check for checks in rejecting.values() for check in checks)
    sole: dict[str, list[str]] = {}
    for chaff, checks in rejecting.items():
        if len(checks) == 1:
            sole.setdefault(next(iter(checks)), []).append(chaff)
    return Summary(
        homework,
        task,
        tuple(sorted({row.seed for row in rows})),
        len({row.specimen.name for row in rows if row.specimen.right}),
        len(rejecting),
        sum(rejected.values()),
        sum(names.values()),
        tuple(CheckSummary(check, kills[check], tuple(sole.get(check, ()))) for check in judged),
        tuple((row.specimen.name, row.seed, fault) for row in rows for fault in row.faults),
        sum(row.seconds for row in rows),
    )


def as_json(rows: Sequence[tuple[str, Row]]) -> dict[str, Any]:
    """The whole matrix as plain data."""
    return {
        "summary": [
            {
                "homework": each.homework,
                "task": each.task,
                "seeds": list(each.seeds),
                "wheats": each.wheats,
                "chaffs": each.chaffs,
                "rejected": each.rejected,
                "named": each.named,
                "checks": [{"id": c.id, "kills": c.kills, "sole_killer_of": list(c.sole)} for c in each.checks],
                "faults": [{"submission": name, "seed": seed, "fault": fault} for name, seed, fault in each.faults],
                "wheat_names": sorted(
                    {row.specimen.name for name, row in rows if name == each.homework and row.specimen.right}
                ),
                "seconds": round(each.seconds, 2),
            }
            for each in summaries(rows)
        ],
        "rows": [
            {
                "homework": homework,
                "submission": row.specimen.name,
                "right": row.specimen.right,
                "sentence": row.specimen.sentence,
                "seed": row.seed,
                "must_be_rejected_by": row.specimen.rejected_by or None,
                "must_lose": None if row.specimen.loses is None else sorted(row.specimen.loses),
                "rejected_by": list(row.rejecting),
                "loses": sorted(row.lost),
                "misconceptions": list(row.misconceptions),
                "faults": list(row.faults),
                "seconds": round(row.seconds, 3),
            }
            for homework, row in rows
        ],
    }
