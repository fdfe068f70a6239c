"""From verdicts to results.json: numbers, partial credit, untrusted text, the sum that never changes."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from graders.catalogue import checks_of
from graders.check import Check, Group
from graders.homework import Config, Homework, available, load
from graders.scoring import scores
from graders.verdict import Misconception, Outcome, Reason, Verdict
from gradescope.blank import blank
from gradescope.report import results_of
from gradescope.results import MAX_TEXT, Results

UNJUDGED = "Not judged yet: it counts 0 until it is."
PASSED = Verdict(Outcome.PASSED)
FAILED = Verdict(Outcome.FAILED, "expected 1, got 2")


def made_check(task: str, name: str, group: Group) -> Check:
    """A check that is never run."""
    return Check(task, name, group, f"The {name} of {task} holds.", frozenset(), 1.0, lambda: None)


# task a: three checks of equal weight share 10 points, 3.34 + 3.33 + 3.33; b: 4 points, 3 of 4 shares on one check
A = [
    made_check("a", "interface", Group.INTERFACE),
    made_check("a", "agreement", Group.AGREEMENT),
    made_check("a", "property", Group.PROPERTY),
]
B = [
    made_check("b", "agreement", Group.AGREEMENT),
    made_check("b", "property", Group.PROPERTY),
    made_check("b", "hint", Group.ROBUSTNESS),
]
SMALL = Homework(
    slug="small",
    config=Config.model_validate(
        {
            "title": "Small",
            "files": {"names": ["a.py"]},
            "item": [
                {"number": "2(b)", "title": "Task A", "points": 10, "kind": "auto", "tasks": ["a"]},
                {"number": "1", "title": "By people", "points": 5, "kind": "manual"},
                {
                    "number": "10",
                    "title": "Task B",
                    "points": 4,
                    "kind": "auto",
                    "tasks": ["b"],
                    "weights": {"b.agreement": 3},
                    "advice": ["b.hint"],
                    "visibility": "after_published",
                },
            ],
        }
    ),
    binding={},
)


def small(verdicts: Mapping[str, Verdict], finished: bool = True, note: str = "") -> Results:
    """The file of the small homework; checks without a verdict of their own pass."""
    table = {check.id: PASSED for check in A + B} | dict(verdicts)
    return results_of(SMALL, A + B, table, finished=finished, note=note)


def test_order_and_numbers_are_the_handouts() -> None:
    """Entries stand in the handout's order with its numbers and titles; what people grade is absent."""
    results = small({})
    assert [(test.number, test.name, test.max_score, test.visibility) for test in results.tests] == [
        ("2(b)", "Task A", 10.0, "visible"),
        ("10", "Task B", 4.0, "after_published"),
    ]
    assert [(test.score, test.status) for test in results.tests] == [(10.0, "passed"), (4.0, "passed")]
    assert results.output == "Full points for everything that is shown now; 1 more question is hidden."


def test_partial_credit() -> None:
    """Each check earns its share in cents, largest remainders first, by the homework's weights."""
    results = small({"a.property": FAILED, "b.agreement": FAILED})
    assert [(test.score, test.status) for test in results.tests] == [(6.67, "failed"), (1.0, "failed")]
    assert results.output == "Fix first, in 2(b): The property of a holds."


def test_interface_earns_nothing_alone() -> None:
    """What a stub can satisfy earns only beside a passed agreement check."""
    results = small({"a.agreement": FAILED, "a.property": FAILED})
    assert results.tests[0].score == 0.0
    assert results.output == "Fix first, in 2(b): The agreement of a holds."


def test_advice_costs_nothing_and_is_marked() -> None:
    """A failed advice leaves full points and says that it costs nothing; it is never what to fix first."""
    results = small({"b.hint": FAILED})
    assert results.tests[1].score == 4.0
    assert "✗ The hint of b holds. (advice, costs nothing)\n    expected 1, got 2" in results.tests[1].output
    assert "Fix first" not in results.output


def with_visibilities(*visibilities: str) -> Homework:
    """The small homework, its two graded items visible as given."""
    first, manual, last = SMALL.config.items
    items = [
        item.model_copy(update={"visibility": each}) for item, each in zip((first, last), visibilities, strict=True)
    ]
    config = SMALL.config.model_copy(update={"items": (items[0], manual, items[1])})
    return SMALL.model_copy(update={"config": config})


@pytest.mark.parametrize("failing", [{}, {"b.agreement": FAILED}, {check.id: FAILED for check in B}], ids=str)
def test_the_summary_says_nothing_of_hidden_items(failing: dict[str, Verdict]) -> None:
    """Whatever a hidden item earned, students read the same; of the visible ones they read as ever."""
    table = {check.id: PASSED for check in A + B}
    for hidden in ("hidden", "after_due_date", "after_published"):
        homework = with_visibilities("visible", hidden)
        output = results_of(homework, A + B, table | failing, finished=True).output
        assert output == "Full points for everything that is shown now; 1 more question is hidden."
        broken = table | failing | {"a.property": FAILED}
        output = results_of(homework, A + B, broken, finished=True).output
        assert output == "Fix first, in 2(b): The property of a holds."
    nothing = results_of(with_visibilities("hidden", "hidden"), A + B, table | failing, finished=True).output
    assert nothing == "All points are hidden for now."


def test_all_is_right_and_shown() -> None:
    """Without hidden items the summary says so."""
    everything = results_of(
        with_visibilities("visible", "visible"), A + B, {check.id: PASSED for check in A + B}, finished=True
    )
    assert everything.output == "All checks passed: full points for everything that is graded here."


def test_students_read_why_a_check_is_waived() -> None:
    """A waived check keeps its line, says that it counts as passed and why, and costs nothing."""
    waived = Verdict.not_judged(Reason.WAIVED, "Waived, so it counts as passed for everybody: the handout was wrong.")
    results = small({"a.property": waived})
    assert results.tests[0].output.endswith(
        "– The property of a holds.\n    Waived, so it counts as passed for everybody: the handout was wrong."
    )
    assert (results.tests[0].score, results.tests[0].status) == (10.0, "passed")
    assert results.extra_data["checks"]["a.property"] == {"outcome": "not judged", "reason": "waived"}


def test_output_of_an_item() -> None:
    """One line per check with its mark, its message below; what was not judged yet says that it counts 0."""
    verdicts = {"a.interface": PASSED, "a.agreement": FAILED}
    results = results_of(SMALL, A + B, verdicts, finished=False)
    assert results.tests[0].output == (
        "✓ The interface of a holds.\n"
        "✗ The agreement of a holds.\n"
        "    expected 1, got 2\n"
        "… The property of a holds.\n"
        f"    {UNJUDGED}"
    )
    assert results.tests[0].score == 0.0
    assert results.output.splitlines() == [
        "Not finished: 2 of 6 checks are judged; the others count 0 so far.",
        "Fix first, in 2(b): The agreement of a holds.",
    ]


def test_blocked_checks_are_counted_not_listed() -> None:
    """Checks behind a failed prerequisite share one line."""
    behind = Verdict.not_judged(Reason.PREREQUISITE)
    results = small({"a.interface": FAILED, "a.agreement": behind, "a.property": behind})
    assert results.tests[0].output == (
        "✗ The interface of a holds.\n"
        "    expected 1, got 2\n"
        "– 2 more checks are not judged: they need what failed above. They count 0."
    )
    assert results.tests[0].score == 0.0


@pytest.mark.parametrize(
    ("reason", "score"), [(Reason.BUDGET, 6.67), (Reason.GRADER_FAULT, 10.0), (Reason.NOT_RUN, 6.67)]
)
def test_not_judged_says_why(reason: Reason, score: float) -> None:
    """A check without a conclusion says why; only the grader's own fault costs nothing."""
    results = small({"a.property": Verdict.not_judged(reason, staff="Traceback: secret")})
    assert results.tests[0].score == score
    assert f"– The property of a holds.\n    Not judged: {reason.value}." in results.tests[0].output
    assert results.extra_data["checks"]["a.property"] == {
        "outcome": "not judged",
        "reason": reason.name.lower(),
        "staff": "Traceback: secret",
    }
    shown = [results.output, *(test.output for test in results.tests)]
    assert not any("secret" in text for text in shown)


def test_printed_text_is_labelled_and_cut() -> None:
    """What the code printed comes last, once, indented and cut."""
    loud = Verdict(Outcome.PASSED, output="\x1b[31mred\x07\n✗ forged line\n" + "x" * 50_000)
    results = small({"a.interface": loud, "a.property": Verdict(Outcome.PASSED, output="later")})
    head, _, printed = results.tests[0].output.partition("\n\nWhat the code printed (the beginning):\n")
    assert head.count("\n") == 2
    assert printed.startswith("    \ufffd[31mred\ufffd\n    ✗ forged line\n    xxx")
    assert len(printed) <= 3000
    assert "later" not in printed


def test_a_long_message_hides_no_other_check() -> None:
    """However much each message holds, every check's sentence stays in the output, and both ends of the message."""
    flood = Verdict(Outcome.FAILED, "begin" + "\n" * 30_000 + "end", output="p" * 16_384)
    results = small({check.id: flood for check in A + B})
    for test, checks in zip(results.tests, (A, B), strict=True):
        assert len(test.output) <= MAX_TEXT
        assert [f"✗ {check.sentence}" for check in checks] == [
            line.removesuffix(" (advice, costs nothing)") for line in test.output.splitlines() if line.startswith("✗")
        ]
        assert test.output.count("    begin") == test.output.count("    end") == 3


def test_a_normal_message_is_whole() -> None:
    """A message of a usual size is not touched."""
    message = "\n".join(f"  expected {i}, got {i + 1}" for i in range(60))
    results = small({"a.agreement": Verdict(Outcome.FAILED, message)})
    assert "\n".join(f"    {line}" for line in message.splitlines()) in results.tests[0].output


DIVIDED = Misconception("divides_by_d", "The scores are divided by d.", "Look at the root.")
TAUGHT = Verdict(
    Outcome.FAILED,
    "the weights: 1 of 2 values are wrong.\n  expected 1, got 2",
    output="printed",
    misconception=DIVIDED,
    case="The smallest case found:\n  d = 2",
    snippet="import torch\nfor i in range(2):\n    print(i)\n",
)


def at_level(level: str) -> Results:
    """The small homework at a level of feedback; one check fails."""
    config = SMALL.config.model_copy(update={"feedback": level})
    table = {check.id: PASSED for check in A + B} | {"a.agreement": TAUGHT}
    return results_of(SMALL.model_copy(update={"config": config}), A + B, table, finished=True)


def test_full_feedback() -> None:
    """Message, misconception and case are indented; the snippet is not, so that it runs as it is copied."""
    output = at_level("full").tests[0].output
    assert output.partition("✗ ")[2] == (
        "The agreement of a holds.\n"
        "    the weights: 1 of 2 values are wrong.\n"
        "      expected 1, got 2\n"
        "    This looks like a known mistake: The scores are divided by d.\n"
        "    Hint: Look at the root.\n"
        "    The smallest case found:\n"
        "      d = 2\n"
        "\n"
        "This repeats it without the grader, in a file beside yours or in a cell below yours:\n"
        "\n"
        "import torch\n"
        "for i in range(2):\n"
        "    print(i)\n"
        "\n"
        "✓ The property of a holds.\n"
        "\n"
        "What the code printed (the beginning):\n"
        "    printed"
    )


def test_hints() -> None:
    """At the level `hint` no expected value, no case and no snippet is in the file's texts."""
    output = at_level("hint").tests[0].output
    assert output.partition("✗ ")[2] == (
        "The agreement of a holds.\n"
        "    the weights: 1 of 2 values are wrong.\n"
        "    This looks like a known mistake: The scores are divided by d.\n"
        "    Hint: Look at the root.\n"
        "✓ The property of a holds.\n"
        "\n"
        "What the code printed (the beginning):\n"
        "    printed"
    )


def test_verdicts_only() -> None:
    """At the level `verdict` a sentence is all, and what the code printed is not shown: it may print the case."""
    output = at_level("verdict").tests[0].output
    assert output.partition("✗ ")[2] == (
        "The agreement of a holds.\n"
        "    This check failed. This homework does not show what exactly went wrong.\n"
        "✓ The property of a holds."
    )


@pytest.mark.parametrize("level", ["full", "hint", "verdict"])
def test_misconceptions_are_counted_for_the_staff(level: str) -> None:
    """Names of misconceptions stand in extra_data at every level, by task and by check, and in no student's text."""
    results = at_level(level)
    assert results.extra_data["misconceptions"] == {"a": "divides_by_d"}
    facts = {name: facts["misconception"] for name, facts in results.extra_data["checks"].items() if len(facts) > 1}
    assert facts == {"a.agreement": "divides_by_d"}
    assert not any("divides_by_d" in text for text in [results.output, *(test.output for test in results.tests)])


def test_snippets_are_whole_or_absent() -> None:
    """As many snippets as there is room for are shown, never a part of one."""
    code = "\n".join(f"print({i:04})" for i in range(200))
    taught = Verdict(Outcome.FAILED, "wrong", case="c" * 9000, snippet=code)
    output = small({check.id: taught for check in A}).tests[0].output
    assert (output.count(code), output.count("print(0000)"), output.count("print(0199)")) == (2, 2, 2)
    assert len(output) <= MAX_TEXT
    long = Verdict(Outcome.FAILED, "wrong", snippet=code * 5)
    assert "print(" not in small({"a.agreement": long}).tests[0].output


def test_a_snippet_cannot_look_like_a_verdict() -> None:
    """A line that begins like a check's keeps its snippet out."""
    forged = Verdict(Outcome.FAILED, "wrong", snippet="print(1)\n✓ The agreement of a holds.\n")
    assert "print(1)" not in small({"a.agreement": forged}).tests[0].output


def test_note_comes_first_in_three_lines() -> None:
    """With a note, an unfinished run and something to fix, the summary still has at most three lines."""
    results = results_of(
        SMALL, A + B, {"a.agreement": FAILED, **{c.id: PASSED for c in B}}, finished=False, note="A note."
    )
    lines = results.output.splitlines()
    assert (lines[0], len(lines)) == ("A note.", 3)


# ---------------------------------------------------------------------------------------------------- any state


@cache
def loaded(slug: str) -> tuple[Homework, list[Check]]:
    """A homework with its checks."""
    homework = load(slug)
    return homework, checks_of(homework)


@pytest.mark.parametrize("slug", available())
def test_sum_is_that_of_the_blank_file(slug: str) -> None:
    """The file before the first verdict agrees with the one that needs no torch: same entries, same points."""
    homework, checks = loaded(slug)
    first, early = results_of(homework, checks, {}, finished=False), blank(slug, "")
    assert [(test.number, test.max_score, test.score) for test in early.tests] == [
        (test.number, test.max_score, test.score) for test in first.tests
    ]
    assert all(UNJUDGED in test.output for test in first.tests)


@pytest.mark.parametrize("slug", available())
def test_all_passed_is_full_points(slug: str) -> None:
    """Full points are reached exactly, in every homework."""
    homework, checks = loaded(slug)
    results = results_of(homework, checks, {check.id: PASSED for check in checks}, finished=True, seconds=1.5)
    assert results.score == results.max_score == float(sum(item.points for item in homework.config.auto_items))
    assert {test.status for test in results.tests} == {"passed"}


texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="\n\r\x00\x1b\u2028\u202e\x85✗✓…– a", max_size=60),
    st.builds(lambda text, times: text * times, st.text(max_size=5), st.integers(0, 2000)),
)
verdicts = st.one_of(
    st.none(),
    st.builds(
        Verdict,
        st.sampled_from([Outcome.PASSED, Outcome.FAILED]),
        texts,
        output=texts,
        staff=texts,
        case=texts,
        snippet=texts,
        misconception=st.none() | st.builds(Misconception, texts, texts, texts),
    ),
    st.builds(Verdict.not_judged, st.sampled_from(list(Reason)), texts, texts),
)


def is_harmless(text: str) -> bool:
    """Whether a text holds no control character but newline and tab, and nothing that turns its direction."""
    odd = [c for c in text if unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in ("RLO", "LRO")]
    return set(odd) <= {"\n", "\t"}


@settings(deadline=None, derandomize=True, max_examples=60, database=None)
@given(data=st.data(), finished=st.booleans(), slug=st.sampled_from(available()))
def test_every_state_is_valid(data: st.DataObject, finished: bool, slug: str) -> None:
    """Whatever the verdicts and their texts, the file is valid, its points add up, its greatest sum never changes."""
    homework, checks = loaded(slug)
    # a few checks have drawn verdicts, the others the same one
    common = data.draw(verdicts)
    table = {check.id: common for check in checks}
    for check in data.draw(st.lists(st.sampled_from(checks), max_size=6, unique_by=lambda check: check.id)):
        table[check.id] = data.draw(verdicts)
    given_verdicts = {name: verdict for name, verdict in table.items() if verdict is not None}
    results = results_of(homework, checks, given_verdicts, finished=finished)

    items = homework.config.auto_items
    assert [(item.number, float(item.points)) for item in items] == [(t.number, t.max_score) for t in results.tests]
    assert [float(s.earned) for s in scores(homework, checks, given_verdicts)] == [test.score for test in results.tests]
    assert all(0 <= test.score <= test.max_score for test in results.tests)
    assert [test.score == test.max_score for test in results.tests] == [t.status == "passed" for t in results.tests]
    assert Results.model_validate_json(results.model_dump_json()) == results

    assert len(results.output.splitlines()) <= 3
    shown = [results.output, *(test.output for test in results.tests)]
    assert all(is_harmless(text) and len(text) <= MAX_TEXT for text in shown)
    assert {(test.output_format, test.name_format) for test in results.tests} == {("text", "text")}
    assert (results.output_format, results.test_output_format) == ("text", "text")
    for item, test in zip(items, results.tests, strict=True):
        own = [check for check in checks if item.has(check.id)]
        listed = [
            c for c in own if c.id not in given_verdicts or given_verdicts[c.id].reason is not Reason.PREREQUISITE
        ]
        heads = [line for line in test.output.split("\n") if re.match("[✓✗…–] ", line) and " more checks " not in line]
        assert [check.sentence for check in listed] == [
            line[2:].removesuffix(" (advice, costs nothing)") for line in heads
        ]
        unjudged = sum(check.id not in given_verdicts for check in own)
        assert test.output.count(f"\n    {UNJUDGED}") >= unjudged


def test_a_run_without_confinement_does_not_count() -> None:
    """Protects hidden items: refused checks earn 0, the run is marked for the staff, and the student is told first."""
    results = small({"b.agreement": Verdict.not_judged(Reason.UNCONFINED)})
    assert results.extra_data["invalid"] is True
    assert results.output.splitlines()[0] == (
        "This run does not count: hidden checks could not be graded on this machine. The staff has to grade it again."
    )
    assert results.tests[1].score == 1.0
    assert small({}).extra_data["invalid"] is False


HOSTILE = {
    "long lines": "a" * 20_000,
    "newlines": "\n" * 20_000,
    "four bytes a character": "\U0001f600" * 20_000,
    "quotes and backslashes": '"\\' * 10_000,
    "control characters": "\x00\x1b\u202e" * 7_000,
    "half pairs": "\ud800" * 20_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("slug", ["core", "mit_dialoguegpt"])
def test_size_of_the_file(slug: str, text: str) -> None:
    """Protects the platform: with the worst texts everywhere the file stays within 256 KiB, a check's message within 4 KiB."""
    homework, checks = loaded(slug)
    worst = Verdict(Outcome.FAILED, text, staff=text, output=text, case=text, snippet=text)
    staff = {"left_out": [["\U0001f600" * 200, "why"]] * 50, "seeds": {check.id: "9" * 19 for check in checks}}
    results = results_of(homework, checks, {check.id: worst for check in checks}, finished=True, staff=staff)
    assert len(results.as_bytes()) <= 256 << 10
    for check in checks:
        item = homework.item_of(check.id)
        assert item is not None
        [output] = [test.output for test in results.tests if test.number == item.number]
        message = (
            output.partition(f"✗ {check.sentence}")[2].partition("\n✗ ")[0].partition("\nWhat the code printed")[0]
        )
        assert f"✗ {check.sentence}" in output
        assert len(message.encode()) <= 4096 + len(" (advice, costs nothing)\n")


def test_a_message_that_has_room_keeps_4_kib() -> None:
    """Protects long explanations: a single long message is cut at 4 KiB, not earlier."""
    homework, checks = loaded("core")
    long = {checks[0].id: Verdict(Outcome.FAILED, "é" * 20_000)}
    output = results_of(homework, checks, long, finished=True).tests[0].output
    message = output.partition("\n")[2].partition("\n… ")[0]
    assert 3600 < len(message.encode()) <= 4096


def test_what_is_not_visible_yet_is_not_in_the_summary() -> None:
    """Protects hidden items: neither a failed check's sentence nor full points are told in the summary."""
    failed = small({"b.agreement": FAILED})
    assert failed.output == "Full points for everything that is shown now; 1 more question is hidden."
    assert failed.output == small({}).output
    assert failed.tests[1].score == 1.0
