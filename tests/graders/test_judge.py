"""Judging one submission: order, prerequisites, seeds, the budget, and whose fault it is when the grader stumbles."""

import hashlib
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.catalogue import checks_of
from graders.check import Check, Group, check
from graders.deadline import Deadline
from graders.homework import Homework, LimitTable, Waiver, load
from graders.judge import KEY, Judge, reference_of
from graders.student import Student
from graders.verdict import Misconception, Outcome, Reason, Verdict
from sandbox import intake
from sandbox.client import Patience
from sandbox.errors import IntakeError
from sandbox.probes import PROBES
from sandbox.self_test import Confinement

ROOT = Path(__file__).parents[2]
MASK = (ROOT / "reference" / "mask.py").read_text(encoding="utf-8")
FLOATS = """
    import torch

    def causal_mask(n_tokens):
        return torch.ones(n_tokens, n_tokens).tril()

    def attention_mask(ids, pad_id):
        return causal_mask(ids.shape[1]) * (ids != pad_id)[:, None, None, :]
"""

PASSED, FAILED = Verdict(Outcome.PASSED), Verdict(Outcome.FAILED, "wrong")
STUMBLED = Verdict.not_judged(Reason.GRADER_FAULT, staff="a traceback")
GROUPS = ("interface", "shape", "agreement", "property", "invariance", "robustness")
FAULT = "Not judged: the grader itself failed here; it costs no points, and the staff has been told."


def within(seconds: float) -> Homework:
    """`core` with another time for the whole run."""
    core = load("core")
    limits = LimitTable(seconds_in_all=seconds)
    return core.model_copy(update={"config": core.config.model_copy(update={"limits": limits})})


def named(judge: Judge, check_id: str) -> Check:
    return next(one for one in judge.checks if one.id == check_id)


def of_task(judge: Judge, task: str) -> list[Check]:
    return [one for one in judge.checks if one.task == task]


@dataclass(frozen=True)
class Foregone(Check):
    """A check of the task mask that runs nothing: its verdict is known, and what it was run with is written down."""

    verdict: Verdict = PASSED
    runs: list[tuple[Student, int]] = field(default_factory=list, compare=False)

    def run(self, student: Student, seed: int, *, shrink_calls: int = 0) -> Verdict:
        """Tell the verdict."""
        self.runs.append((student, seed))
        return self.verdict


def foregone(group: str, verdict: Verdict, task: str = "mask") -> Foregone:
    return Foregone(task, group, Group(group), f"It is {group}.", frozenset(), 1.0, lambda: None, verdict)


def judged(judge: Judge, verdicts: dict[str, Verdict]) -> dict[str, str]:
    """Judge one foregone check for each group; returns each one's reason, or its outcome."""
    judge.checks = [foregone(group, verdicts.get(group, PASSED)) for group in GROUPS]
    found = judge.judge_all()
    return {
        name.removeprefix("mask."): verdict.reason.name if verdict.reason else verdict.outcome.value
        for name, verdict in found.items()
    }


# ---------------------------------------------------------------------------------------------------- order and gating


def test_checks_are_judged_in_the_catalogues_order(judge: Any) -> None:
    """Protects the order of feedback: each verdict is told once, in the handout's order, and remembered with its time."""
    someone = judge({"mask.py": MASK})
    someone.checks = of_task(someone, "mask")
    told = []
    verdicts = someone.judge_all(lambda one, verdict: told.append((one.id, verdict)))
    ids = [one.id for one in checks_of(load("core")) if one.task == "mask"]
    assert ids == [name for name, _ in told]
    assert verdicts == dict(told)
    assert {Verdict(Outcome.PASSED)} == set(verdicts.values())
    assert ids == list(someone.seconds)
    assert all(0 < seconds < 60 for seconds in someone.seconds.values())


def test_a_missing_file_costs_one_failure(judge: Any) -> None:
    """Protects the reader from ten failures with one cause: the first says it, the others that they wait for it."""
    someone = judge({"attention.py": "raise RuntimeError"})
    someone.checks = of_task(someone, "mask")
    first, *others = someone.judge_all().values()
    message = "There is no file mask.py in the submission. Add it, with this name."
    assert Verdict(Outcome.FAILED, message, blocking=True) == first
    sentence = (
        "Not judged: it needs “The functions causal_mask(n_tokens) and attention_mask(ids, pad_id) can be imported and "
        "called.”"
    )
    assert [Verdict(Outcome.NOT_JUDGED, sentence, Reason.PREREQUISITE)] * len(others) == others
    assert len(others) == 10


def test_a_wrong_shape_is_a_prerequisite_too(judge: Any) -> None:
    """Protects the reader: where the shape is wrong, only the shape is told; the interface has passed."""
    someone = judge({"mask.py": FLOATS.replace("[:, None, None, :]", "[:, None, :]")})
    someone.checks = of_task(someone, "mask")
    interface, shape, *others = someone.judge_all().values()
    assert (interface.outcome, shape.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert shape.message.startswith("the attention mask: expected a bool tensor of shape (")
    sentence = "Not judged: it needs “The causal mask has shape (T, T), the attention mask (B, 1, T, T).”"
    assert {(Reason.PREREQUISITE, sentence)} == {(verdict.reason, verdict.message) for verdict in others}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({}, dict.fromkeys(GROUPS, "passed")),
        ({"interface": FAILED}, {"interface": "failed"} | dict.fromkeys(GROUPS[1:], "PREREQUISITE")),
        ({"shape": FAILED}, {"interface": "passed", "shape": "failed"} | dict.fromkeys(GROUPS[2:], "PREREQUISITE")),
        # everything else is told at once: agreement, properties and robustness gate nothing
        ({"agreement": FAILED}, dict.fromkeys(GROUPS, "passed") | {"agreement": "failed"}),
        ({"property": FAILED}, dict.fromkeys(GROUPS, "passed") | {"property": "failed"}),
        # a fault of ours counts as met
        ({"interface": STUMBLED}, dict.fromkeys(GROUPS, "passed") | {"interface": "GRADER_FAULT"}),
        ({"shape": STUMBLED}, dict.fromkeys(GROUPS, "passed") | {"shape": "GRADER_FAULT"}),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_only_interface_and_shape_gate(judge: Any, verdicts: dict[str, Verdict], expected: dict[str, str]) -> None:
    """Protects the student's time: one run tells all that is wrong, unless nothing can be called or compared."""
    assert expected == judged(judge({}), verdicts)


def test_gates_are_of_one_task(judge: Any) -> None:
    """Protects the other questions: what is missing in one task gates nothing in another."""
    someone = judge({})
    someone.checks = [foregone("interface", FAILED), foregone("agreement", PASSED, task="rope")]
    assert [verdict.outcome for verdict in someone.judge_all().values()] == [Outcome.FAILED, Outcome.PASSED]


def test_a_deselected_gate_counts_as_met(judge: Any) -> None:
    """Protects `-k`: one check can be run alone, and its message is its own."""
    someone = judge({})
    verdict = someone.judge(named(someone, "mask.causal_agrees"))
    message = "There is no file mask.py in the submission. Add it, with this name."
    assert Verdict(Outcome.FAILED, message, blocking=True) == verdict
    assert list(someone.verdicts) == ["mask.causal_agrees"]


# ---------------------------------------------------------------------------------------------------- seeds


def test_the_same_files_have_the_same_seeds(judge: Any) -> None:
    """Protects reruns: where the submission lies does not matter."""
    seeds = [{one.id: someone.seed_of(one) for one in someone.checks}
             for someone in (judge({"mask.py": MASK}), judge({"mask.py": MASK}))]  # fmt: skip
    assert seeds[0] == seeds[1]
    assert len(seeds[0]) == len(set(seeds[0].values()))
    assert all(0 <= seed < 2**63 for seed in seeds[0].values())


@pytest.mark.parametrize(
    "other",
    [{"mask.py": MASK + "\n"}, {"Mask.py": MASK}, {"mask.py": MASK, "notes.txt": ""}],
    ids=["content", "name", "another file"],
)
def test_other_files_have_other_seeds(judge: Any, other: dict[str, str]) -> None:
    """Protects the cases: no two students get the same ones, so that there is nothing to pass on."""
    one, two = judge({"mask.py": MASK}), judge(other)
    equal = [check.id for check in one.checks if one.seed_of(check) == two.seed_of(check)]
    assert equal == []


def test_the_secret_decides(judge: Any) -> None:
    """Protects hidden cases: who knows the files and the grader, but not the secret, cannot compute the seeds."""
    one, two = (judge({"mask.py": MASK}, secret=secret) for secret in ("autumn", "spring"))
    assert set() == {one.seed_of(check) for check in one.checks} & {two.seed_of(check) for check in two.checks}


def test_a_given_seed_is_independent_of_the_submission(judge: Any) -> None:
    """Protects `--seed`: the same cases for every submission, others for another number and another check."""
    one, two, other = judge({"mask.py": MASK}, seed=3), judge({}, seed=3, secret="x"), judge({}, seed=4)
    assert [one.seed_of(check) for check in one.checks] == [two.seed_of(check) for check in two.checks]
    assert set() == {one.seed_of(check) for check in one.checks} & {other.seed_of(check) for check in other.checks}


def test_seeds_stay(judge: Any) -> None:
    """Protects replay of old runs: SHA-256 of secret, digest and check, 63 bits."""
    someone = judge({"mask.py": MASK}, secret="s")
    text = f"s:{someone.snapshot.digest}:mask.causal_agrees"
    expected = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
    assert expected == someone.seed_of(named(someone, "mask.causal_agrees"))


def test_a_check_runs_with_its_seed(judge: Any) -> None:
    """Protects the derivation: the seed of the check, and of no other, is what its run gets."""
    someone = judge({})
    spy = foregone("property", PASSED)
    someone.judge(spy)
    [(student, seed)] = spy.runs
    assert (student.submission.snapshot, seed) == (someone.snapshot, someone.seed_of(spy))


# ---------------------------------------------------------------------------------------------------- the budget


def test_what_starts_after_the_time_is_not_judged(judge: Any) -> None:
    """Protects the container's time limit: nothing is started any more, and the student is told to hand in again."""
    someone = judge({"mask.py": MASK}, homework=within(1e-9))
    verdicts = someone.judge_all()
    sentence = (
        "Not judged: the time allowed for the whole run was over before it had ended; hand in again to have it judged."
    )
    assert {Verdict(Outcome.NOT_JUDGED, sentence, Reason.BUDGET)} == set(verdicts.values())
    assert len(someone.checks) == len(verdicts)


def test_what_waits_for_a_check_without_time_has_no_time_either(judge: Any) -> None:
    """Protects who ran out of time from being told that an earlier check failed: it has not been judged."""
    someone = judge({}, homework=within(1e-9))
    assert dict.fromkeys(GROUPS, "BUDGET") == judged(someone, {})


def test_a_failed_gate_is_told_even_when_the_time_is_over(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the better news: what could not be judged anyhow names its prerequisite, not the clock."""
    someone = judge({})
    someone.checks = [foregone("interface", FAILED), foregone("property", PASSED)]
    someone.judge(someone.checks[0])
    monkeypatch.setattr(someone, "_deadline", Deadline(0, {}))
    assert Reason.PREREQUISITE is someone.judge(someone.checks[1]).reason


def test_the_time_is_enough_by_default(judge: Any) -> None:
    """Protects from a budget that is over before it begins."""
    assert dict.fromkeys(GROUPS, "passed") == judged(judge({}), {})


@dataclass(frozen=True)
class Slow(Check):
    """A check that is cut short as long as it has less than some seconds."""

    needs: float = 0.0
    shares: list[float] = field(default_factory=list, compare=False)

    def run(self, student: Student, seed: int, *, shrink_calls: int = 0) -> Verdict:
        """Tell the verdict, and write down how much time it was given."""
        self.shares.append(student.submission.patience.until - time.monotonic())
        return PASSED if self.shares[-1] >= self.needs else Verdict.not_judged(Reason.BUDGET)


def slow(task: str, needs: float) -> Slow:
    return Slow(task, "is_slow", Group.PROPERTY, "It is slow.", frozenset(), 1.0, lambda: None, needs)


def test_what_its_share_cuts_short_comes_again(judge: Any) -> None:
    """Protects slow but right work: what the other questions did not use is its own, at the end."""
    someone = judge({}, homework=within(100))
    someone.checks = checks = [slow("mask", 40), slow("rope", 1), slow("mlp", 1), slow("gpt", 1000)]
    told: list[str] = []
    verdicts = someone.judge_all(lambda check, verdict: told.append(check.task))
    assert told == ["mask", "rope", "mlp", "gpt", "mask", "gpt"]
    assert [verdict.reason for verdict in verdicts.values()] == [None, None, None, Reason.BUDGET]
    shares = [round(share) for check in checks for share in check.shares]
    # of 100 s a quarter, a third, a half and all; then, for two, a half and all
    assert shares == [25, 50, 33, 50, 100, 100]


def test_nothing_comes_again_when_the_time_is_over(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the end of a run: no second round of checks that cannot be judged."""
    someone = judge({}, homework=within(100))
    someone.checks = [slow("mask", 1000)]
    monkeypatch.setattr(someone, "_deadline", Deadline(0, {}))
    told: list[str] = []
    someone.judge_all(lambda check, verdict: told.append(check.task))
    assert told == ["mask"]


def test_an_earlier_process_is_carried_on(judge: Any) -> None:
    """Protects a run whose judge died: what it had judged is not judged again, what it had no time for is."""
    someone = judge({})
    someone.checks = [foregone("shape", PASSED), foregone("agreement", PASSED), foregone("property", PASSED)]
    wrong = Verdict(Outcome.FAILED, "wrong", misconception=Misconception("upper", "It is upside down.", "Look."))
    names = [check.id for check in someone.checks]
    someone.carry_on({names[0]: wrong, names[1]: Verdict.not_judged(Reason.BUDGET), "none.such": PASSED})
    assert someone.misconceptions == {"mask": wrong.misconception}
    told: list[str] = []
    verdicts = someone.judge_all(lambda check, verdict: told.append(check.id))
    assert told == names[1:]
    assert (verdicts[names[0]], list(verdicts)) == (wrong, names)


# ---------------------------------------------------------------------------------------------------- second opinions


@check(task="mask", group="property")
def test_stumbles_over_floats(mask: Any, rng: Any) -> None:
    """It stumbles over masks that are not boolean."""
    if str(mask.causal(3).dtype) != "torch.bool":
        raise TypeError("unhashable, or whatever an unexpected value makes us do")


@check(task="mask", group="property", examples=5)
@given(n=st.integers(1, 9))
def test_stumbles_always(mask: Any, n: int) -> None:
    """It stumbles over everything."""
    raise TypeError(f"a bug of ours: {mask.causal(n)}")


@check(task="trained", group="property")
def test_stumbles_over_parameters(trained: Any, rng: Any) -> None:
    """It stumbles over what a student has trained."""
    raise TypeError("something in that file")


over_floats, always, over_parameters = test_stumbles_over_floats, test_stumbles_always, test_stumbles_over_parameters
del test_stumbles_over_floats, test_stumbles_always, test_stumbles_over_parameters  # they are no tests of ours


def test_values_that_make_the_grader_stumble_buy_nothing(judge: Any) -> None:
    """Protects the score: if the solution passes where we stumbled, what the student's code sent is to blame."""
    someone = judge({"mask.py": FLOATS}, reference=KEY)
    verdict = someone.judge(over_floats)
    message = "What came back from this code could not be compared. Return plain tensors, numbers, strings and lists."
    assert (Outcome.FAILED, message, None) == (verdict.outcome, verdict.message, verdict.reason)
    assert "TypeError: unhashable, or whatever" in verdict.staff
    assert verdict == someone.verdicts["mask.stumbles_over_floats"]


def test_a_bug_of_ours_costs_nobody_points(judge: Any) -> None:
    """Protects the student: where the solution makes us stumble too, the fault is ours and gives points."""
    verdict = judge({"mask.py": MASK}, reference=KEY).judge(always)
    assert (verdict.outcome, verdict.reason, verdict.message) == (Outcome.NOT_JUDGED, Reason.GRADER_FAULT, FAULT)
    assert verdict.gives_points
    assert "TypeError: a bug of ours" in verdict.staff


def test_trained_models_that_make_the_grader_stumble_buy_nothing(judge: Any) -> None:
    """Protects the score: the solution has no trained models, and cannot tell whose fault it is; so people judge it."""
    verdict = judge({"run.py": ""}, homework="cmu_birthplaces", reference=reference_of("cmu_birthplaces")).judge(
        over_parameters
    )
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_JUDGED, Reason.UNSETTLED)
    assert verdict.message == (
        "Not judged: the grader itself failed here, and whose fault it is cannot be told; the staff judges it."
    )
    assert not verdict.gives_points
    assert "TypeError: something in that file" in verdict.staff


def test_without_a_solution_the_fault_is_ours(judge: Any) -> None:
    """Protects the students' kit, which has no answer key: nobody can tell, so nobody is blamed."""
    assert Reason.GRADER_FAULT is judge({"mask.py": FLOATS}).judge(over_floats).reason


@pytest.mark.parametrize("submission", [MASK, FLOATS], ids=["passes", "is wrong"])
def test_no_second_opinion_without_a_fault(judge: Any, submission: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the answer key: it is not touched unless we stumbled."""
    someone = judge({"mask.py": submission}, reference=KEY)
    monkeypatch.setattr(intake, "take", refuse_to_take)
    verdict = someone.judge(named(someone, "mask.is_boolean"))
    assert (Outcome.PASSED if submission is MASK else Outcome.FAILED) is verdict.outcome


def refuse_to_take(folder: Path) -> intake.Snapshot:
    raise AssertionError(f"{folder} was taken")


def test_the_solutions_snapshot_goes_at_once(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the answer key from the student's next worker, which might read it where workers may read."""
    someone = judge({"mask.py": FLOATS}, reference=KEY)
    taken: list[intake.Snapshot] = []
    take = intake.take

    def taking(folder: Path, **options: Any) -> intake.Snapshot:
        taken.append(take(folder, **options))
        return taken[-1]

    monkeypatch.setattr(intake, "take", taking)
    someone.judge(over_floats)
    assert [snapshot.root.parent.exists() for snapshot in taken] == [False]
    assert someone.snapshot.root.exists()


def test_reference_of() -> None:
    """Protects the second opinion: each homework's solution, none where there is none."""
    assert reference_of("core") == ROOT / "reference"
    assert reference_of("cmu_birthplaces") == ROOT / "reference" / "homeworks" / "cmu_birthplaces"
    assert reference_of("unknown") is None


# ---------------------------------------------------------------------------------------------------- the submission


@pytest.mark.parametrize("folder", ["", "hw/", "my group/core/"])
def test_the_code_is_found_in_a_wrapper_folder(judge: Any, folder: str) -> None:
    """Protects who zips one folder too many."""
    someone = judge({f"{folder}mask.py": MASK})
    assert Outcome.PASSED is someone.judge(named(someone, "mask.causal_agrees")).outcome


def test_snapshots_are_removed(judge: Any) -> None:
    """Protects the disk: what a judge has copied goes when it is closed, twice or not."""
    someone = judge({"mask.py": MASK})
    root = someone.snapshot.root
    assert root.is_dir()
    with someone:
        pass
    assert not root.parent.exists()
    someone.close()


def test_a_submission_that_changes_later_is_judged_as_it_was(judge: Any, hand_in: Callable[..., Path]) -> None:
    """Protects the verdict: the judge looks at its own copy."""
    folder = hand_in({"mask.py": MASK})
    someone = judge(folder)
    (folder / "mask.py").write_text("raise RuntimeError")
    assert Outcome.PASSED is someone.judge(named(someone, "mask.interface")).outcome


def test_a_folder_that_is_not_there_is_told(judge: Any, tmp_path: Path) -> None:
    """Protects who mistypes the path."""
    with pytest.raises(IntakeError) as caught:
        judge(tmp_path / "nothing")
    assert f"there is no submission at {tmp_path}/nothing: pass the folder that was handed in" == str(caught.value)


def test_an_archive_is_judged_as_the_folder_in_it(judge: Any, tmp_path: Path) -> None:
    """Protects students whose `.zip` holds a folder, and what their Mac adds: the code is found in it."""
    with zipfile.ZipFile(tmp_path / "hw.zip", "w") as archive:
        archive.writestr("hw/mask.py", MASK)
        archive.writestr("__MACOSX/hw/._mask.py", "x")
    someone = judge(tmp_path / "hw.zip")
    assert (someone.snapshot.files, someone.student.submission.code) == (("hw/mask.py",), "hw")
    assert Outcome.PASSED is someone.judge(named(someone, "mask.interface")).outcome


def test_limits_are_the_tomls(judge: Any) -> None:
    """Protects what an instructor edits: seconds and MiB of the TOML are those of the worker."""
    core = load("core")
    limits = LimitTable(seconds_per_import=7, seconds_per_call=3, seconds_per_check=30, memory_mib=2048)
    homework = core.model_copy(update={"config": core.config.model_copy(update={"limits": limits})})
    submission = judge({}, homework=homework).student.submission
    assert (Patience(load=7, call=3, total=30), 2 << 30) == (submission.patience, submission.limits.memory_bytes)


# ---------------------------------------------------------------------------------------------------- confinement


def homework_with(visibility: str) -> Homework:
    """`core`, with its item about masks visible to students or not."""
    core = load("core")
    items = [
        item.model_copy(update={"visibility": visibility}) if "mask" in item.tasks else item
        for item in core.config.items
    ]
    return core.model_copy(update={"config": core.config.model_copy(update={"items": tuple(items)})})


@pytest.mark.parametrize(
    ("visibility", "stopped", "asked", "expected"),
    [
        ("hidden", False, True, "UNCONFINED"),
        ("after_due_date", False, True, "UNCONFINED"),
        ("visible", False, True, "passed"),
        ("hidden", True, True, "passed"),
        ("hidden", False, False, "passed"),
    ],
)
def test_hidden_checks_need_confinement(judge: Any, visibility: str, stopped: bool, asked: bool, expected: str) -> None:
    """Protects hidden checks from a machine on which student code can read them; what is visible is graded all the same."""
    found = Confinement({}, dict.fromkeys(PROBES, True) | {"reads hidden files": stopped}, 0, "")
    someone = judge({}, homework_with(visibility), confinement=found if asked else None)
    assert judged(someone, {})["agreement"] == expected
    verdict = someone.verdicts["mask.agreement"]
    assert verdict.gives_points is (expected == "passed")
    assert verdict.staff == ("" if expected == "passed" else found.summary)


# ---------------------------------------------------------------------------------------------------- waivers


def test_a_waived_check_is_not_run_and_gates_nothing(judge: Any) -> None:
    """Protects everybody from a check that is void: those behind it are judged, whatever it would have said."""
    core = load("core")
    waiver = Waiver(check="mask.shape", reason="The handout was wrong.")
    waived = core.model_copy(update={"config": core.config.model_copy(update={"waivers": (waiver,)})})
    assert judged(judge({}), {"shape": FAILED})["agreement"] == "PREREQUISITE"
    someone = judge({}, waived)
    assert judged(someone, {"shape": FAILED})["agreement"] == "passed"
    verdict = someone.verdicts["mask.shape"]
    assert (verdict.reason, verdict.gives_points) == (Reason.WAIVED, True)
    assert verdict.message == "Waived, so it counts as passed for everybody: The handout was wrong."
