"""Running one check: how a failing case is found, shrunk, replayed and told, and whose fault anything is."""

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from graders import check as check_module
from graders.catalogue import all_checks
from graders.check import Check, Group, check, derive
from graders.compare import assert_true
from graders.student import Student
from graders.verdict import CannotJudge, CheckFailed, Outcome, Reason, Verdict
from sandbox.client import Submission, Worker
from sandbox.errors import Loss, StudentError, WorkerLost

FAULT = "Not judged: the grader itself failed here; it costs no points, and the staff has been told."


class Toy:
    """A student without a sandbox: `implementation` is made anew for each worker; what happens is written down."""

    def __init__(self, make: Callable[[], Any], printed: bytes = b"") -> None:
        self.make = make
        self.printed = printed
        self.seeds: list[int] = []
        self.closed = 0

    @contextmanager
    def open(self, seed: int) -> Iterator[Any]:
        self.seeds.append(seed)

        def close() -> None:
            self.closed += 1

        yield SimpleNamespace(channel=SimpleNamespace(output=bytearray(self.printed)), close=close)

    def implementation(self, task: str, worker: Any) -> Any:
        return self.make()


def run(one: Check, make: Callable[[], Any], seed: int = 1, **options: Any) -> Verdict:
    return one.run(cast(Student, Toy(make, **options)), seed)


@check(task="toy", group="property")
@given(n=st.integers(0, 10_000))
def test_below(toy: Any, n: int) -> None:
    """Every number is accepted."""
    assert_true(toy(n), f"{n} is not accepted.")


@check(task="toy", group="property")
def test_plain(toy: Any, rng: random.Random) -> None:
    """It returns the number that it is given."""
    n = rng.randrange(1000)
    assert_true(toy(n) == n, f"{n} came back as another number.")


@check(task="toy", group="property", examples=40)
@given(numbers=st.lists(st.integers(0, 1000), min_size=3, max_size=8))
def test_lists(toy: Any, numbers: list[int]) -> None:
    """Every list is accepted."""
    assert_true(toy(numbers), "This list is not accepted.")


below, plain, lists = test_below, test_plain, test_lists
del test_below, test_plain, test_lists  # they are no tests of ours


# ---------------------------------------------------------------------------------------------------- making a check


def test_a_check_is_made_of_its_function() -> None:
    """Protects the catalogue: id, group and sentence are the function's name, its decorator and its docstring."""

    @check(task="rope", group="agreement", requires=("base",), weight=3, examples=7)
    @given(n=st.integers())
    def test_with_a_base(rope: Any, n: int) -> None:
        """The base is the one
        that is given.

        Null hypothesis: this paragraph is not for students.
        """

    made = test_with_a_base
    assert (made.id, made.group) == ("rope.with_a_base", Group.AGREEMENT)
    assert made.sentence == "The base is the one that is given."
    assert (frozenset({"base"}), 3) == (made.requires, made.weight)
    assert made.function._hypothesis_internal_use_settings.max_examples == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize("docstring", [None, "", "no full stop", "First line\n\nSecond paragraph."])
def test_a_check_needs_its_sentence(docstring: str | None) -> None:
    """Protects the student from a check without words: it is an error where it is written."""

    def test_silent(toy: Any, rng: Any) -> None:
        pass

    test_silent.__doc__ = docstring
    with pytest.raises(ValueError, match="^test_silent: the docstring must be the sentence that the student reads$"):
        check(task="toy", group="property")(test_silent)


def test_an_unknown_group_is_an_error() -> None:
    """Protects the order of checks from a misspelt group."""

    def test_fast(toy: Any, rng: Any) -> None:
        """It is fast."""

    with pytest.raises(ValueError, match="'speed' is not a valid Group"):
        check(task="toy", group="speed")(test_fast)


def test_groups() -> None:
    """Protects gating and scoring: interface and shape gate; what a stub satisfies needs an agreement beside it."""
    assert [g.value for g in Group] == ["interface", "shape", "agreement", "property", "invariance", "robustness"]
    assert [group.order for group in Group] == [0, 1, 2, 3, 4, 5]
    assert {Group.INTERFACE, Group.SHAPE} == {group for group in Group if group.gates}
    assert {Group.INTERFACE, Group.SHAPE, Group.INVARIANCE} == {group for group in Group if group.needs_agreement}


# ---------------------------------------------------------------------------------------------------- passed and failed


def test_passed() -> None:
    """Protects the right solution: passed without a word, in one worker."""
    someone = Toy(lambda: lambda n: True)
    assert Verdict(Outcome.PASSED) == below.run(cast(Student, someone), 1)
    assert Verdict(Outcome.PASSED) == run(plain, lambda: lambda n: n)
    assert (len(someone.seeds), someone.closed) == (1, 1)


def test_the_smallest_case_is_shown() -> None:
    """Protects the feedback: of all numbers from 100 on that fail, 100 is shown."""
    shown = "The smallest case found:\n  n = 100"
    assert Verdict(Outcome.FAILED, "100 is not accepted.", case=shown) == run(below, lambda: lambda n: n < 100)


def test_the_smallest_case_is_the_one_that_is_shortest_to_read() -> None:
    """Protects the feedback from Hypothesis's own order, in which a short list of large numbers may come last."""
    verdict = run(lists, lambda: lambda numbers: sum(numbers) < 500)
    assert verdict.message == "This list is not accepted."
    assert verdict.case.startswith("The smallest case found:\n  numbers = [")
    assert len(re.findall(r"\d+", verdict.case)) == 3


def test_a_plain_check_has_no_case() -> None:
    """Protects checks that draw nothing: the message alone is shown."""
    n = random.Random(derive(1, "cases")).randrange(1000)
    assert Verdict(Outcome.FAILED, f"{n} came back as another number.") == run(plain, lambda: lambda n: -1)


def test_a_failing_case_is_replayed_in_a_fresh_worker() -> None:
    """Protects from blaming a case for what earlier ones left behind: the message is that of the replay."""
    made = []

    def make() -> Any:
        made.append(0)
        first = len(made) == 1
        return lambda n: n < 100 if first else refuse("said by the replay")

    def refuse(message: str) -> bool:
        raise CheckFailed(message)

    someone = Toy(make)
    verdict = below.run(cast(Student, someone), 1)
    assert (verdict.message, verdict.case) == ("said by the replay", "The smallest case found:\n  n = 100")
    assert (len(someone.seeds), someone.closed) == (2, 2)


def test_code_that_remembers_is_told_so() -> None:
    """Protects from a puzzle: a case that fails only after others is not shown as if it failed by itself."""

    def make() -> Any:
        calls = []

        def forgets_after_five(n: int) -> bool:
            calls.append(n)
            return len(calls) <= 5

        return forgets_after_five

    verdict = run(below, make)
    assert Outcome.FAILED is verdict.outcome
    pattern = (
        r"This case, number \d+ of those tried, went wrong and is right in a fresh process: the result depends on more "
        r"than the inputs\. Look for something kept between calls \(caches, counters, default arguments that are "
        r"changed\) and for randomness that should not be there\."
    )
    assert re.fullmatch(pattern, verdict.message)
    assert re.fullmatch(r"The smallest case found:\n  n = \d+", verdict.case)
    assert verdict.snippet == ""
    number = int(re.findall(r"number (\d+)", verdict.message)[0])
    assert number > 5


@pytest.mark.parametrize("bad_calls", [{1}, {2}, {7}, {3, 4}, {1, 2, 3}])
def test_flaky_code_is_failed_and_no_fault_of_ours(bad_calls: set[int]) -> None:
    """Protects the score: code that is wrong now and then fails, whatever Hypothesis thinks of flaky tests."""
    calls = []

    def flaky(n: int) -> bool:
        calls.append(n)
        return len(calls) not in bad_calls

    verdict = run(below, lambda: flaky)
    assert (verdict.outcome, verdict.staff) == (Outcome.FAILED, "")


def test_errors_of_the_students_are_shrunk_too() -> None:
    """Protects the feedback for code that raises: smallest case, and the error's own words."""

    def raises(n: int) -> bool:
        if n >= 7:
            raise StudentError({"kind": "raised", "type": "IndexError", "message": "out of range"})
        return True

    shown = "The smallest case found:\n  n = 7"
    assert Verdict(Outcome.FAILED, "The code raised IndexError: out of range", case=shown) == run(below, lambda: raises)


def test_notes_reach_the_verdict() -> None:
    """Protects tolerance that is spoken: what a binding has accepted with a remark is told to who passes."""

    class Noting:
        notes = ("The first.", "The second.")

        def __call__(self, n: int) -> bool:
            return True

    assert Verdict(Outcome.PASSED, "Note: The first.\nNote: The second.") == run(below, Noting)


def test_what_was_printed_reaches_the_verdict() -> None:
    """Protects debugging by print, and the page from control characters and floods."""
    assert run(below, lambda: lambda n: True, printed=b"x = \x1b[2J3\n").output == "x = \ufffd[2J3\n"
    assert run(below, lambda: lambda n: False, printed=b"hello").output == "hello"
    flood = run(below, lambda: lambda n: True, printed=b"\xff" * 100_000).output
    assert len(flood) <= 16 * 1024


# ---------------------------------------------------------------------------------------------------- lost workers


@pytest.mark.parametrize("one", [below, plain], ids=["given", "plain"])
def test_a_lost_worker_ends_the_check_at_once(one: Check) -> None:
    """Protects the time: a hang is not tried again and again; the case that led to it is shown."""
    calls = []

    def hang(n: int) -> bool:
        calls.append(n)
        raise WorkerLost(Loss.TIMEOUT, "10")

    someone = Toy(lambda: hang)
    verdict = one.run(cast(Student, someone), 1)
    sentence = "The call did not return within 10 seconds and was stopped. Look for a loop without an end."
    shown = f"The smallest case found:\n  n = {calls[0]}" if one is below else ""
    assert Verdict(Outcome.FAILED, sentence, case=shown, blocking=True) == verdict
    assert (len(calls), someone.closed) == (1, 1)


def test_a_case_that_is_known_is_shown_when_the_time_of_the_check_ends() -> None:
    """Protects slow code that is wrong: when the time is over while its case is made smaller, the case is told."""
    made = []

    def make() -> Any:
        made.append(0)
        calls: list[int] = []

        def slow(n: int) -> bool:
            calls.append(n)
            if calls.count(max(calls)) > 3 or len(calls) > 12:
                raise WorkerLost(Loss.TIMEOUT, "90", "check")
            return n < 7

        return slow

    verdict = run(below, make)
    told = f"{verdict.message}\n{verdict.case}"
    assert re.fullmatch(r"(\d+) is not accepted\.\nThe smallest case found:\n  n = \1", told)
    assert len(made) == 2


def test_slow_code_without_a_failing_case_is_failed() -> None:
    """Protects the run's time: what is right but far too slow fails, and is told why."""

    def slow(n: int) -> bool:
        raise WorkerLost(Loss.TIMEOUT, "90", "check")

    verdict = run(below, lambda: slow)
    sentence = "The calls of this check took more than 90 seconds together: each is far slower than it need be."
    assert (Outcome.FAILED, sentence) == (verdict.outcome, verdict.message.splitlines()[0])


def test_a_worker_lost_in_the_replay_is_told() -> None:
    """Protects the second run: what it meets is the verdict."""
    made = []

    def make() -> Any:
        made.append(0)
        return (lambda n: n < 5) if len(made) == 1 else lost

    def lost(n: int) -> bool:
        raise WorkerLost(Loss.SIGNAL, "SIGSEGV")

    verdict = run(below, make)
    assert verdict.message.startswith("The Python process died: it crashed with a segmentation fault")
    assert verdict.case == "The smallest case found:\n  n = 5"


# ---------------------------------------------------------------------------------------------------- our own faults


@pytest.mark.parametrize("one", [below, plain], ids=["given", "plain"])
def test_an_error_in_the_check_itself_is_our_fault(one: Check) -> None:
    """Protects the student from our bugs: not judged, full points, the traceback for the staff alone."""

    def stumble(n: int) -> bool:
        raise ZeroDivisionError("a secret of the grader's")

    verdict = run(one, lambda: stumble)
    assert (verdict.outcome, verdict.reason, verdict.message) == (Outcome.NOT_JUDGED, Reason.GRADER_FAULT, FAULT)
    assert verdict.gives_points
    assert "ZeroDivisionError: a secret of the grader's" in verdict.staff
    assert "secret" not in verdict.message + verdict.output


def test_an_error_of_the_binding_is_our_fault() -> None:
    """Protects the student from a binding with a bug: what it raises is not the student's error."""

    def make() -> Any:
        raise AttributeError("no such role")

    someone = Toy(make)
    assert Reason.GRADER_FAULT is below.run(cast(Student, someone), 1).reason
    assert someone.closed == 1


def test_an_error_in_the_replay_is_our_fault_too() -> None:
    """Protects the student from half a verdict: where we stumble in the replay, nothing is concluded from the search."""
    made = []

    def make() -> Any:
        made.append(0)
        return (lambda n: n < 5) if len(made) == 1 else (lambda n: 1 / 0)

    verdict = run(below, make)
    assert Reason.GRADER_FAULT is verdict.reason
    assert "ZeroDivisionError" in verdict.staff


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CheckFailed("attention.py: expected f(x), found f()."), "attention.py: expected f(x), found f()."),
        (
            StudentError({"kind": "missing_module", "module": "mask"}),
            "There is no file mask.py in the submission. Add it, with this name.",
        ),
        (WorkerLost(Loss.EXIT, "status 3"),
         "The code ended the whole Python process (status 3), for example by os._exit. Graded code must return."),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_fails_while_opening_is_the_students(error: BaseException, message: str) -> None:
    """Protects the first contact: a missing file, a wrong signature, an import that dies are failed with their words."""

    def make() -> Any:
        raise error

    for one in (below, plain):
        assert Verdict(Outcome.FAILED, message, blocking=True) == run(one, make)


# ---------------------------------------------------------------------------------------------------- seeds and budgets


def test_the_same_seed_gives_the_same_verdict() -> None:
    """Protects reruns: cases, message and all are equal for one seed, and the cases differ for another."""

    def cases(seed: int) -> tuple[Verdict, list[Any]]:
        seen: list[Any] = []

        def accept(numbers: list[int]) -> bool:
            seen.append(numbers)
            return sum(numbers) < 1500

        return run(lists, lambda: accept, seed), seen

    first, second, other = cases(1), cases(1), cases(2)
    assert first == second
    assert first[1] != other[1]


def test_seeds_for_different_purposes_are_independent() -> None:
    """Protects the cases: the worker's seed is another one, so that it does not tell what is drawn next."""
    someone = Toy(lambda: lambda n: False)
    below.run(cast(Student, someone), 5)
    assert [derive(5, "worker")] * 2 == someone.seeds
    found = [derive(seed, purpose) for seed in (5, 6) for purpose in ("worker", "cases")]
    assert len(set(found)) == 4
    assert all(0 <= seed < 2**63 for seed in found)


def test_derived_seeds_stay() -> None:
    """Protects replay: a recorded seed gives the same cases in every release (SHA-256 of `seed:purpose`)."""
    assert (derive(1, "cases"), derive(1, "worker")) == (3913787406010342255, 6231902398563464006)


def test_the_global_random_states_do_not_matter() -> None:
    """Protects reruns from whatever ran before: neither random nor torch is read, or left changed."""

    def message() -> str:
        return run(lists, lambda: lambda numbers: sum(numbers) < 1500, 3).case

    state, torch_state = random.getstate(), torch.get_rng_state()
    first = message()
    assert state == random.getstate()
    random.seed(123)
    try:
        assert first == message()
    finally:
        random.setstate(state)
    assert torch.equal(torch_state, torch.get_rng_state())


@pytest.mark.parametrize("budget", [1, 20])
def test_shrinking_has_a_budget_of_calls(budget: int) -> None:
    """Protects the time: after the first failure no more cases are tried than the budget, then one in the replay."""
    calls: list[bool] = []

    def accept(numbers: list[int]) -> bool:
        calls.append(sum(numbers) < 700)
        return calls[-1]

    verdict = lists.run(cast(Student, Toy(lambda: accept)), 1, shrink_calls=budget)
    assert Outcome.FAILED is verdict.outcome
    after = len(calls) - calls.index(False) - 1
    assert after == budget + 1 if budget < 20 else 1 < after <= 21
    assert "The smallest case found:\n  numbers = [" in verdict.case


def test_without_a_budget_the_first_failure_ends_it() -> None:
    """Protects the time of an audit: no further case is tried, not the same one either, and no snippet is written."""
    calls: list[bool] = []

    def accept(numbers: list[int]) -> bool:
        calls.append(sum(numbers) < 700)
        return calls[-1]

    verdict = lists.run(cast(Student, Toy(lambda: accept)), 1, shrink_calls=0)
    assert (verdict.outcome, verdict.snippet) == (Outcome.FAILED, "")
    assert calls.index(False) == len(calls) - 1
    assert verdict.case.startswith("The smallest case found:\n  numbers = [")
    assert verdict.message == lists.run(cast(Student, Toy(lambda: accept)), 1, shrink_calls=1).message


def test_the_budget_is_three_hundred_calls() -> None:
    """Protects the stated number: with a hard shrink it is reached and not passed."""
    calls: list[bool] = []

    def accept(numbers: list[int]) -> bool:
        calls.append(len(set(numbers)) < 3 or sum(numbers) % 7 != 3)
        return calls[-1]

    run(lists, lambda: accept)
    assert check_module.SHRINK_CALLS == 300
    assert calls.count(False) > 0
    assert len(calls) - calls.index(False) - 1 <= 301


# ---------------------------------------------------------------------------------------------------- shared functions


def inner_of(one: Check) -> Any:
    return one.function.hypothesis.inner_test  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["passes", "fails", "raises", "is lost", "is interrupted"])
def test_the_shared_function_is_restored(how: str) -> None:
    """Protects the next submission: a run leaves nothing of its own in the check's function."""

    def accept(n: int) -> bool:
        if how == "raises":
            raise ZeroDivisionError
        if how == "is lost":
            raise WorkerLost(Loss.EXIT, "status 1")
        if how == "is interrupted":
            raise KeyboardInterrupt
        return how == "passes"

    before = inner_of(below)
    try:
        run(below, lambda: accept)
    except KeyboardInterrupt:
        assert how == "is interrupted"
    assert before is inner_of(below)


def test_checks_do_not_disturb_each_other() -> None:
    """Protects a run of many checks: in turn, and one inside another, each gives the verdict that it gives alone."""

    def strict(n: int) -> bool:
        return n < 100

    def sums(numbers: list[int]) -> bool:
        return sum(numbers) < 500

    alone = run(below, lambda: strict), run(lists, lambda: sums)
    in_turn = [run(one, make) for one, make in [(below, lambda: strict), (lists, lambda: sums)] * 2]
    assert [*alone, *alone] == in_turn

    inside: list[Verdict] = []

    def runs_another(n: int) -> bool:
        if not inside:
            inside.append(run(lists, lambda: sums))
        return strict(n)

    assert alone[0] == run(below, lambda: runs_another)
    assert [alone[1]] == inside


def test_two_students_of_the_same_check_do_not_disturb_each_other() -> None:
    """Protects a class run in one process: students are judged one after the other by the same function."""
    right, wrong = (lambda: lambda n: True), (lambda: lambda n: n < 9)
    verdicts = [run(below, make, seed).outcome for seed in (1, 2) for make in (right, wrong, right)]
    assert verdicts == [Outcome.PASSED, Outcome.FAILED, Outcome.PASSED] * 2


# ---------------------------------------------------------------------------------------------------- in the sandbox

ATTENTION = """
import torch
{before}

def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / {scale}
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    {after}
    return weights @ value, weights
"""


def attention(before: str = "", scale: str = "query.shape[-1] ** 0.5", after: str = "") -> dict[str, str]:
    return {"attention.py": ATTENTION.format(before=before, scale=scale, after=after)}


def named(check_id: str) -> Check:
    return next(one for one in all_checks() if one.id == check_id)


AGREES = named("attention.agrees_with_reference")


def test_attention_without_scaling_shrinks_to_a_tiny_case(student: Any) -> None:
    """Protects the feedback: one query, two keys, a handful of numbers, expected and got side by side."""
    verdict = AGREES.run(student(attention(scale="1")), 1)
    assert Outcome.FAILED is verdict.outcome
    lines = verdict.message.splitlines()
    assert re.fullmatch(r"the weights: \d of \d+ values are wrong, the first at index \[.*\]\.", lines[0])
    assert re.fullmatch(r"  expected [\d.]+, got [\d.]+(; largest difference: [\d.]+)?", lines[1])
    assert verdict.case.startswith("The smallest case found:\n")
    shapes = re.findall(r"^  (?:query|key|value) = \(([\d×]+)\)", verdict.case, re.MULTILINE)
    assert len(shapes) == 3
    assert sum(int(shape.split("×")[0]) * int(shape.split("×")[1]) for shape in shapes) <= 24


@pytest.mark.parametrize(
    "files",
    [
        attention(scale="1"),
        attention(after="weights = weights + 1e-3 * torch.randn_like(weights)"),
        attention(after="assert mask is None, mask"),
    ],
    ids=["wrong", "random", "raises"],
)
def test_the_same_seed_gives_the_same_verdict_in_the_sandbox(student: Any, files: dict[str, str]) -> None:
    """Protects reruns: wrong, random or raising, the same seed gives the same verdict to the letter."""
    first, second = (AGREES.run(student(files), 7) for _ in range(2))
    assert Outcome.FAILED is first.outcome
    assert first == second


def test_code_that_caches_is_told_so_in_the_sandbox(student: Any) -> None:
    """Protects from a puzzle: weights kept by shape are right in the first call and wrong in later ones."""
    verdict = AGREES.run(
        student(attention("kept = {}", after="weights = kept.setdefault(tuple(weights.shape), weights)")), 1
    )
    assert Outcome.FAILED is verdict.outcome
    assert "is right in a fresh process: the result depends on more than the inputs." in verdict.message


def test_code_that_tosses_a_real_coin_is_failed(student: Any) -> None:
    """Protects the score from randomness that no seed reaches: failed, never a fault of ours (misses with 2^-60)."""
    verdict = AGREES.run(student(attention("import os", after="weights = weights * (1 + os.urandom(1)[0] % 2)")), 1)
    assert (verdict.outcome, verdict.staff) == (Outcome.FAILED, "")


def test_a_hang_is_failed(student: Any) -> None:
    """Protects the run from a loop without an end: one call's time, then the next check."""
    verdict = AGREES.run(student(attention(after="while mask is not None: pass"), seconds=0.6), 1)
    sentence = "The call did not return within 0.6 seconds and was stopped. Look for a loop without an end."
    assert (Outcome.FAILED, sentence) == (verdict.outcome, verdict.message.splitlines()[0])
    assert "  mask = " in verdict.case


def test_a_hang_in_an_import_is_failed(student: Any) -> None:
    """Protects from training at the top level of a file: the student is told that it runs when it is imported."""
    someone = student({"attention.py": "while True:\n    pass\n"}, seconds_to_load=0.6)
    message = (
        "Importing the file did not end within 0.6 seconds and was stopped. What stands at the top level of a file runs "
        "when it is imported: put training and tests under `if __name__ == '__main__':`."
    )
    assert Verdict(Outcome.FAILED, message, blocking=True) == named("attention.interface").run(someone, 1)


@pytest.mark.parametrize(
    ("death", "sentence"),
    [
        (
            "os._exit(3)",
            "The code ended the whole Python process (status 3), for example by os._exit. Graded code must return.",
        ),
        ("os._exit(0)",
         "The code ended the whole Python process (status 0), for example by os._exit. Graded code must return."),
        (
            "os.kill(os.getpid(), 11)",
            "The Python process died: it crashed with a segmentation fault (runaway recursion in C, or memory that is "
            "not its own).",
        ),
        ("raise SystemExit(0)", "The code ended the program (sys.exit) in attention.py, line 10. Graded code must "
         "return."),
    ],
)  # fmt: skip
def test_an_early_end_is_failed(student: Any, death: str, sentence: str) -> None:
    """Protects the verdict from exit codes: a process that ends is failed, with status 0 too."""
    verdict = AGREES.run(student(attention("import os", after=death)), 1)
    assert (Outcome.FAILED, sentence) == (verdict.outcome, verdict.message.splitlines()[0])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "There is no file attention.py in the submission. Add it, with this name."),
        (
            {"attention.py": "def scaled(q, k, v): pass"},
            "attention.py does not define attention.",
        ),
        (
            {"attention.py": "def Attention(q, k, v, mask=None): pass"},
            "attention.py does not define attention. Did you mean Attention? The name must be exactly attention.",
        ),
        (
            {"attention.py": "import torch\ndef attention(q, k, v\n    return q\n"},
            "attention.py, line 2: Python cannot read this file ('(' was never closed). The line is:\n"
            "    def attention(q, k, v\n"
            "Run the file once with `python` to see the same error.",
        ),
        (
            {"attention.py": "import no_such_package\n"},
            "The import of no_such_package failed in attention.py, line 1: no such module is in the submission or installed "
            "here.\n    import no_such_package",
        ),
        (
            {"attention.py": "def attention(query, key, value):\n    return value\n"},
            "attention.py: expected attention(query, key, value, mask=…), found attention(query, key, value).",
        ),
        (
            {"attention.py": "open('data.txt')\n"},
            "The code raised FileNotFoundError in attention.py, line 1: [Errno 2] No such file or directory: 'data.txt'"
            "\n    open('data.txt')",
        ),
    ],
    ids=["no file", "no name", "near name", "syntax", "import", "signature", "raises"],
)
def test_what_cannot_be_opened_is_failed_with_words(student: Any, files: dict[str, str], message: str) -> None:
    """Protects the first contact: a submission that cannot be used is told what is missing, by file and line."""
    for one in (named("attention.interface"), AGREES):
        assert Verdict(Outcome.FAILED, message, blocking=True) == one.run(student(files), 1)


def test_prints_of_the_students_are_kept(student: Any) -> None:
    """Protects debugging by print: the output of the worker that the verdict is about, apart from the message."""
    verdict = named("attention.interface").run(student(attention(after="print('shape', tuple(weights.shape))")), 1)
    assert Verdict(Outcome.PASSED, output="shape (2, 3, 5)\n") == verdict


def stays(pid: int) -> bool:
    """Whether a process still runs after five seconds: a worker that is killed has a moment to die."""
    ends = time.monotonic() + 5
    while lives(pid):
        if time.monotonic() > ends:
            return True
        time.sleep(0.005)
    return False


def lives(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture
def pids(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process ids of all workers that are opened from now on."""
    found: list[int] = []
    open_one = Submission.open

    def opening(self: Submission, seed: int) -> Worker:
        worker = open_one(self, seed)
        found.append(worker.channel.pid)
        assert lives(found[-1])
        return worker

    monkeypatch.setattr(Submission, "open", opening)
    return found


def test_no_process_is_left_behind(student: Any, pids: list[int]) -> None:
    """Protects the machine: after a run, passed, failed or hung, no worker of it is alive."""
    named("attention.interface").run(student(attention()), 1)
    AGREES.run(student(attention(scale="1")), 1)
    AGREES.run(student(attention(after="while True: pass"), seconds=0.3), 1)
    assert len(pids) == 4  # the failed one was replayed
    assert [stays(pid) for pid in pids] == [False] * 4


def test_a_worker_never_outlives_an_interrupt(student: Any, pids: list[int]) -> None:
    """Protects the machine from Ctrl-C: the interrupt passes through, the worker is gone."""

    @check(task="attention", group="property")
    def test_interrupted(attention: Any, rng: Any) -> None:
        """It is interrupted."""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        test_interrupted.run(student(attention()), 1)
    assert [stays(pid) for pid in pids] == [False]


def test_what_the_staff_reads() -> None:
    """Protects the staff: an implementation's figures reach the verdict, whatever it is, and its credit too."""

    class Figured:
        staff: list[str]

        def __init__(self) -> None:
            self.staff = []

    @check(task="toy", group="property")
    def test_figures(toy: Any, rng: random.Random) -> None:
        """A sentence."""
        toy.staff.append("12 of 60")
        if len(ends) == 1:
            raise CheckFailed("No.", credit=0.25)
        if len(ends) == 2:
            raise CannotJudge(Reason.NO_ANSWERS)

    ends: list[int] = []
    found = []
    for _ in range(3):
        found.append(run(test_figures, Figured))
        ends.append(1)
    assert [(v.outcome, v.staff, v.credit) for v in found] == [
        (Outcome.PASSED, "12 of 60", 0.0),
        (Outcome.FAILED, "12 of 60", 0.25),
        (Outcome.NOT_JUDGED, "12 of 60", 0.0),
    ]
    assert not found[2].gives_points
