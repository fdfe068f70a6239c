"""From verdicts to points. Points live in the homework's TOML; arithmetic is in cents, exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from .check import Check, Group
from .homework import Homework, HomeworkError, Item
from .verdict import Outcome, Verdict


@dataclass(frozen=True)
class ItemScore:
    """What one item earned.

    Attributes:
        item: the item.
        earned: points, with two decimals.
        cents: what each check of the item is worth, by id; they sum to the item's points.
        complete: whether every check has a verdict.
    """

    item: Item
    earned: Decimal
    cents: dict[str, int]
    complete: bool


def weight_of(item: Item, check: Check) -> float:
    """A check's weight within its item; 0 = advice, which costs nothing."""
    if check.id in item.advice:
        return 0.0
    return item.weights.get(check.id, check.weight)


def carries_points(homework: Homework, check: Check) -> bool:
    """Whether a check belongs to a graded item and has a weight there: it is no advice."""
    item = homework.item_of(check.id)
    return item is not None and weight_of(item, check) > 0


def cents_of(item: Item, checks: Sequence[Check]) -> dict[str, int]:
    """Share an item's points among its checks by weight; the cents left over go to the largest remainders.

    Raises:
        HomeworkError: all weights are 0, and the item has points.
    """
    total = int(item.points * 100)
    if not total:
        return dict.fromkeys((check.id for check in checks), 0)
    weights = {check.id: Fraction(weight_of(item, check)) for check in checks}
    whole = sum(weights.values(), Fraction(0))
    if not whole:
        raise HomeworkError(f"item {item.number}: none of its checks has a weight above 0")
    exact = {name: total * weight / whole for name, weight in weights.items()}
    cents = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (cents[name] - exact[name], name))
    for name in by_remainder[: total - sum(cents.values())]:
        cents[name] += 1
    return cents


def score(item: Item, checks: Sequence[Check], verdicts: Mapping[str, Verdict]) -> ItemScore:
    """Score one item.

    A check earns its cents when it passed (or was not judged for a reason that gives points), and a part of them, in whole
    cents, where it failed with a credit. What a stub can satisfy (interface, shapes, invariances) earns only if some
    agreement check of the item passed. What has no verdict earns 0.
    """
    cents = cents_of(item, checks)
    agreed = any(
        check.group is Group.AGREEMENT and check.id in verdicts and verdicts[check.id].share > 0 for check in checks
    )
    earned = 0
    for check in checks:
        verdict = verdicts.get(check.id)
        if verdict is not None and (agreed or not check.group.needs_agreement):
            earned += int(cents[check.id] * verdict.share)
    complete = all(check.id in verdicts for check in checks)
    return ItemScore(item, Decimal(earned) / 100, cents, complete)


def scores(homework: Homework, checks: Sequence[Check], verdicts: Mapping[str, Verdict]) -> list[ItemScore]:
    """Score every graded item, in the handout's order."""
    return [
        score(item, [check for check in checks if item.has(check.id)], verdicts) for item in homework.config.auto_items
    ]


def lost_items(homework: Homework, checks: Sequence[Check], verdicts: Mapping[str, Verdict]) -> set[str]:
    """The numbers of the items that did not get all their points."""
    return {result.item.number for result in scores(homework, checks, verdicts) if result.earned < result.item.points}


def failed_advice(homework: Homework, checks: Sequence[Check], verdicts: Mapping[str, Verdict]) -> list[str]:
    """The ids of failed checks that cost nothing."""
    return [
        check.id
        for check in checks
        if (item := homework.item_of(check.id)) is not None
        and weight_of(item, check) == 0
        and check.id in verdicts
        and verdicts[check.id].outcome is Outcome.FAILED
    ]
