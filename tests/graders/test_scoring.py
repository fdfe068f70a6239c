"""From verdicts to points: exact to the cent, nothing for a stub, nothing lost through our own fault."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.catalogue import checks_of
from graders.check import Check, Group
from graders.homework import Homework, HomeworkError, Item, available, load
from graders.scoring import cents_of, failed_advice, lost_items, score, scores, weight_of
from graders.verdict import Outcome, Reason, Verdict

ROOT = Path(__file__).parents[2]
examples = settings(derandomize=True, deadline=None, database=None, max_examples=150)
PASSED, FAILED = Verdict(Outcome.PASSED), Verdict(Outcome.FAILED)
STUMBLED = Verdict.not_judged(Reason.GRADER_FAULT)
NAMES = [group.value for group in Group]


def item(points: str = "10", **fields: Any) -> Item:
    return Item(number="1", title="Masks", points=Decimal(points), kind="auto", tasks=("mask",), **fields)


def one(name: str, group: str = "property", weight: float = 1.0, task: str = "mask") -> Check:
    return Check(task, name, Group(group), f"It is {name}.", frozenset(), weight, lambda: None)


def one_of_each() -> list[Check]:
    """A check of each group, all of the same weight: 1.67 or 1.66 points each."""
    return [one(name, name) for name in NAMES]


def earned(verdicts: dict[str, Verdict], points: str = "6", **fields: Any) -> str:
    """What an item earns with one check of each group; checks without a verdict given here have passed."""
    found = {f"mask.{name}": verdicts.get(name, PASSED) for name in NAMES}
    return str(score(item(points, **fields), one_of_each(), found).earned)


# ---------------------------------------------------------------------------------------------------- weights


def test_weight_of() -> None:
    """Protects what an instructor edits: the TOML's weight beats the check's own, and advice beats both."""
    check = one("any_length", weight=3)
    assert weight_of(item(), check) == 3
    assert weight_of(item(weights={"mask.any_length": 0.5}), check) == 0.5
    assert weight_of(item(weights={"mask.any_length": 0}), check) == 0
    assert weight_of(item(advice=("mask.any_length",)), check) == 0
    assert weight_of(item(weights={"mask.any_length": 6}, advice=("mask.any_length",)), check) == 0
    assert weight_of(item(weights={"mask.other": 6}), check) == 3


# ---------------------------------------------------------------------------------------------------- cents


def test_cents_are_shared_by_weight() -> None:
    """Protects the shares: 1 point at weights 1, 1 and 2."""
    checks = [one("a"), one("b"), one("c", weight=2)]
    assert cents_of(item("1"), checks) == {"mask.a": 25, "mask.b": 25, "mask.c": 50}


def test_cents_left_over_go_to_the_largest_remainders() -> None:
    """Protects the method: 1.00 at weights 1, 2 and 4 is 14.29, 28.57 and 57.14: the cent left over is b's."""
    checks = [one("a"), one("b", weight=2), one("c", weight=4)]
    assert cents_of(item("1"), checks) == {"mask.a": 14, "mask.b": 29, "mask.c": 57}


def test_equal_remainders_are_told_apart_by_name() -> None:
    """Protects reproducibility: with three equal weights the cent goes to the first by name, in any order of checks."""
    names = ["b", "c", "a"]
    assert cents_of(item("1"), [one(name) for name in names]) == {"mask.a": 34, "mask.b": 33, "mask.c": 33}
    assert cents_of(item("1"), [one(n) for n in names]) == cents_of(item("1"), [one(n) for n in sorted(names)])


def test_advice_has_no_cents() -> None:
    """Protects `advice costs nothing`: the others share all points."""
    found = cents_of(item("3", advice=("mask.b",)), [one("a"), one("b"), one("c")])
    assert found == {"mask.a": 150, "mask.b": 0, "mask.c": 150}


@examples
@given(
    cents=st.integers(0, 9_999_999),
    weights=st.lists(st.one_of(st.integers(0, 1000), st.floats(0, 1000)), min_size=1, max_size=25).filter(any),
)
def test_cents_sum_exactly_and_fairly(cents: int, weights: list[float]) -> None:
    """Protects totals: whatever the weights, the cents sum to the points, and no share is a cent or more off."""
    of = item(str(Decimal(cents) / 100))
    checks = [one(f"c{i:02}", weight=weight) for i, weight in enumerate(weights)]
    found = cents_of(of, checks)
    assert [check.id for check in checks] == list(found)
    assert cents == sum(found.values())
    whole = sum(Fraction(weight) for weight in weights)
    exact = {check.id: cents * Fraction(check.weight) / whole for check in checks}
    assert all(-1 < found[name] - exact[name] < 1 for name in found)
    assert all(found[name] == 0 for name in found if not exact[name])
    # largest remainder: nobody who was rounded up had a smaller remainder than somebody who was rounded down
    up = [exact[name] % 1 for name in found if found[name] > exact[name]]
    down = [exact[name] % 1 for name in found if found[name] < exact[name]]
    assert not up or not down or min(up) >= max(down)


@pytest.mark.parametrize("checks", [[], [one("a", weight=0)]], ids=["no check", "weight 0"])
def test_an_item_that_nothing_can_earn_is_an_error(checks: list[Check]) -> None:
    """Protects the total: points that no check carries would be lost to everyone."""
    with pytest.raises(HomeworkError) as caught:
        cents_of(item("1"), checks)
    assert str(caught.value) == "item 1: none of its checks has a weight above 0"


# ---------------------------------------------------------------------------------------------------- scores


def test_all_passed_is_all_points() -> None:
    """Protects the right solution: the last cent included."""
    for points in ("6", "0.01", "7", "99999.99", "0"):
        assert Decimal(points) == Decimal(earned({}, points))


def test_a_failed_check_costs_its_share() -> None:
    """Protects proportion: one of six equal checks costs a sixth."""
    assert earned({"robustness": FAILED}) == "5"
    assert earned({"robustness": FAILED, "property": FAILED}) == "4"


@pytest.mark.parametrize(
    ("passing", "expected"),
    [
        (["interface", "shape", "invariance"], "0"),  # what a stub satisfies
        (["interface", "shape", "invariance", "agreement"], "4"),
        (["agreement"], "1"),
        (["property", "robustness"], "2"),
        (["interface", "property"], "1"),
    ],
    ids=str,
)
def test_what_a_stub_satisfies_needs_an_agreement_beside_it(passing: list[str], expected: str) -> None:
    """Protects from points for a signature: interface, shape and invariance earn nothing without an agreement."""
    assert expected == earned({name: PASSED if name in passing else FAILED for name in NAMES})


def test_any_agreement_will_do() -> None:
    """Protects partial solutions: one of two agreement checks is enough for the interface's points."""
    checks = [one("interface", "interface"), one("first", "agreement"), one("second", "agreement")]
    verdicts = {"mask.interface": PASSED, "mask.first": FAILED, "mask.second": PASSED}
    assert Decimal("2") == score(item("3"), checks, verdicts).earned


def test_agreement_counts_within_its_item_only() -> None:
    """Protects questions from each other: another question's agreement earns nothing here."""
    homework = tiny()
    checks = [one("interface", "interface"), one("agrees", "agreement"),
              one("interface", "interface", task="rope"), one("agrees", "agreement", task="rope")]  # fmt: skip
    verdicts = {check.id: PASSED for check in checks} | {"mask.agrees": FAILED}
    assert [Decimal("0"), Decimal("4")] == [result.earned for result in scores(homework, checks, verdicts)]


def test_our_fault_costs_nothing() -> None:
    """Protects the student from us: what we could not judge is earned, and counts as agreement too."""
    assert earned({"property": STUMBLED}) == "6"
    assert earned({"agreement": STUMBLED}) == "6"
    assert earned(dict.fromkeys(NAMES, STUMBLED)) == "6"


@examples
@given(data=st.data(), waived=st.sets(st.sampled_from(NAMES), min_size=1))
def test_nobody_loses_by_a_waiver(data: st.DataObject, waived: set[str]) -> None:
    """Protects fairness: whatever was waived and whatever the verdicts were, nobody has less than without the waiver."""
    verdicts = [PASSED, FAILED, STUMBLED, Verdict.not_judged(Reason.PREREQUISITE)]
    found = {name: data.draw(st.sampled_from(verdicts), label=name) for name in NAMES}
    void = dict.fromkeys(waived, Verdict.not_judged(Reason.WAIVED))
    assert Decimal(earned(found)) <= Decimal(earned(found | void))


def test_a_waived_check_counts_as_passed() -> None:
    """Protects the rule: it gives its own share to all, and the shares of the others stay as they were."""
    void = Verdict.not_judged(Reason.WAIVED)
    assert earned({"robustness": void}) == "6"
    assert earned({"robustness": void, "property": FAILED}) == "5"
    assert earned(dict.fromkeys(NAMES, FAILED) | {"property": void}) == "1"


@pytest.mark.parametrize("reason", [Reason.PREREQUISITE, Reason.BUDGET, Reason.NOT_RUN])
def test_other_reasons_earn_nothing(reason: Reason) -> None:
    """Protects the score: what was not judged for the student's own or the clock's reasons counts 0."""
    assert earned({"property": Verdict.not_judged(reason)}) == "5"
    assert earned(dict.fromkeys(NAMES, Verdict.not_judged(reason))) == "0"


def test_what_has_no_verdict_earns_nothing_and_is_not_complete() -> None:
    """Protects the file that is written before the run ends: what is not yet judged counts 0 and says so."""
    checks = one_of_each()
    nothing = score(item("6"), checks, {})
    assert (Decimal(0), False) == (nothing.earned, nothing.complete)
    some = score(item("6"), checks, {"mask.agreement": PASSED, "mask.property": PASSED})
    assert (Decimal(2), False) == (some.earned, some.complete)
    everything = score(item("6"), checks, {check.id: FAILED for check in checks})
    assert (Decimal(0), True) == (everything.earned, everything.complete)


@examples
@given(data=st.data(), cents=st.integers(0, 10_000))
def test_a_score_is_between_nothing_and_all(data: st.DataObject, cents: int) -> None:
    """Protects totals: no mixture of verdicts earns more than the points, and a better verdict never earns less."""
    verdicts = [PASSED, FAILED, STUMBLED, Verdict.not_judged(Reason.PREREQUISITE)]
    found = {name: data.draw(st.sampled_from(verdicts), label=name) for name in NAMES}
    points = str(Decimal(cents) / 100)
    before = Decimal(earned(found, points))
    assert 0 <= before <= Decimal(points)
    name = data.draw(st.sampled_from(NAMES))
    assert before <= Decimal(earned(found | {name: PASSED}, points))


# ---------------------------------------------------------------------------------------------------- a whole homework


def tiny() -> Homework:
    """Two graded items and a manual one."""
    core = load("core")
    items = (
        item("4", advice=("mask.extra",)),
        Item(number="2", title="By hand", points=Decimal(3), kind="manual"),
        Item(number="3", title="RoPE", points=Decimal(4), kind="auto", tasks=("rope",)),
    )
    return core.model_copy(update={"config": core.config.model_copy(update={"items": items})})


def test_scores_are_in_the_handouts_order() -> None:
    """Protects the report: graded items only, each with the checks of its own tasks."""
    checks = [one("agrees", "agreement", task="rope"), one("agrees", "agreement"), one("extra")]
    found = scores(tiny(), checks, {"mask.agrees": PASSED, "mask.extra": FAILED, "rope.agrees": FAILED})
    assert [("1", Decimal(4), True), ("3", Decimal(0), True)] == [(r.item.number, r.earned, r.complete) for r in found]
    assert [result.cents for result in found] == [{"mask.agrees": 400, "mask.extra": 0}, {"rope.agrees": 400}]


def test_lost_items_and_failed_advice() -> None:
    """Protects `full points`: an item is lost by a cent, not by advice; failed advice is listed apart."""
    checks = [one("agrees", "agreement"), one("extra"), one("agrees", "agreement", task="rope"), one("x", task="gpt")]
    verdicts = {"mask.agrees": PASSED, "mask.extra": FAILED, "rope.agrees": PASSED, "gpt.x": FAILED}
    assert set() == lost_items(tiny(), checks, verdicts)
    assert failed_advice(tiny(), checks, verdicts) == ["mask.extra"]
    assert {"3"} == lost_items(tiny(), checks, verdicts | {"rope.agrees": FAILED})
    assert {"1", "3"} == lost_items(tiny(), checks, {})
    assert failed_advice(tiny(), checks, {"mask.extra": PASSED}) == []
    assert failed_advice(tiny(), checks, {"mask.extra": STUMBLED}) == []


@pytest.mark.parametrize("slug", ["core", "cmu_birthplaces"])
def test_every_check_of_a_shipped_homework_carries_points_or_is_advice(slug: str) -> None:
    """Protects from a check that is worth nothing by accident: its share is a cent or more, or 0 because it is advice."""
    homework = load(slug)
    for result in scores(homework, checks_of(homework), {}):
        assert int(result.item.points * 100) == sum(result.cents.values())
        assert set(result.item.advice) == {name for name, cents in result.cents.items() if cents == 0}


def test_agreement_is_worth_most() -> None:
    """Protects the meaning of the points: in each item no single check is worth more than agreement in all its forms."""
    for slug in available():
        homework = load(slug)
        checks = {check.id: check for check in checks_of(homework)}
        with_points = [result for result in scores(homework, list(checks.values()), {}) if result.item.points]
        for result in with_points:
            agreement = [cents for name, cents in result.cents.items() if checks[name].group is Group.AGREEMENT]
            code = [cents for name, cents in result.cents.items() if not name.startswith("rules.")]
            assert sum(agreement) + 1 >= max(code)  # the cent left over may go to another check


@pytest.mark.parametrize("slug", ["core", "cmu_birthplaces"])
def test_the_template_earns_exactly_nothing(judge: Any, slug: str) -> None:
    """Protects the scale: what students start from earns 0 on every item, and each item says what is missing."""
    someone = judge(ROOT / "student_template" / slug, slug)
    verdicts = someone.judge_all()
    found = scores(someone.homework, someone.checks, verdicts)
    verdicts = {name: verdict for name, verdict in verdicts.items() if not name.startswith(("rules.", "timing."))}
    assert [Decimal(0)] * len(found) == [result.earned for result in found]
    assert all(result.complete for result in found)
    assert {Outcome.FAILED, Outcome.NOT_JUDGED} == {verdict.outcome for verdict in verdicts.values()}
    assert {None, Reason.PREREQUISITE} == {verdict.reason for verdict in verdicts.values()}
    for name, verdict in verdicts.items():
        if name.endswith(".interface"):
            assert verdict.message.startswith("Not written yet: ")


@pytest.mark.parametrize(
    ("credit", "expected"), [(0.0, "0"), (0.5, "0.5"), (0.35, "0.35"), (0.29, "0.29"), (1.0, "1"), (0.3333, "0.33")]
)
def test_partial_credit_is_exact(credit: float, expected: str) -> None:
    """Protects the cents: 0.35 of a point is 35 cents, though 0.35 * 100 is less in floating point; the rest is cut."""
    verdict = Verdict(Outcome.FAILED, credit=credit)
    got = score(item("1"), [one("a", Group.AGREEMENT)], {"mask.a": verdict})
    assert (got.earned, got.complete) == (Decimal(expected), True)


def test_partial_credit_counts_as_agreement() -> None:
    """Protects the shares of the form: a model that reaches half of what is asked for has not reached nothing."""
    checks = [one("a", Group.AGREEMENT), one("b", Group.INVARIANCE)]
    verdicts = {"mask.a": Verdict(Outcome.FAILED, credit=0.5), "mask.b": Verdict(Outcome.PASSED)}
    assert score(item("1"), checks, verdicts).earned == Decimal("0.75")
    verdicts["mask.a"] = Verdict(Outcome.FAILED)
    assert score(item("1"), checks, verdicts).earned == 0
