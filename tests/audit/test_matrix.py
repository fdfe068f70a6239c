"""The kill matrix is not blind: whatever is not as it must be is a fault, with a sentence that a person can act on."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from audit import matrix
from audit.matrix import judge_specimen
from audit.specimens import Specimen, specimens
from graders.check import Check
from graders.homework import load
from graders.verdict import Reason, Verdict
from sandbox.errors import IntakeError
from sandbox.launch import Zygote

LayOut = Callable[[Mapping[str, str]], Path]
SOURCE = (Path(__file__).parent.parent.parent / "reference" / "mask.py").read_text(encoding="utf-8")
RIGHT = SOURCE.replace('"""', '"""By positions.\n\n', 1)
STRICT = RIGHT.replace("position[:, None] >= position", "position[:, None] > position")  # does_not_see_itself


def chaff(code: str, header: str) -> str:
    """A mask with a header of its own."""
    return f'"""A mask.\n\n{header}\n"""\n' + code


def specimen(own: Path | None, folder: Path, name: str = "") -> Specimen:
    """The submission in a folder, or the one of this name."""
    found = specimens(load(str(own) if own else "core"), folder)
    return next(each for each in found if name in ("", each.name))


def faults(lay_out: LayOut, zygote: Zygote, path: str, text: str) -> list[str]:
    """What is wrong with one single-file submission of `core`."""
    each = specimen(None, lay_out({path: text}))
    return list(judge_specimen("core", each, 1, zygote).faults)


def test_what_is_as_it_must_be_has_no_fault(lay_out: LayOut, zygote: Zygote) -> None:
    """Protects against false alarms: an accepted wheat, and a chaff with the right check and name."""
    folder = lay_out(
        {
            "wheats/mask/right.py": RIGHT,
            "chaffs/mask/strict.py": chaff(
                STRICT, "rejected by: mask.causal_agrees\nmisconception: does_not_see_itself"
            ),
        }
    )
    right, strict = (judge_specimen("core", each, 1, zygote) for each in specimens(load("core"), folder))
    assert (right.faults, right.rejecting, right.misconceptions) == ((), (), ())
    assert (strict.faults, strict.misconceptions) == ((), ("does_not_see_itself",))
    assert "mask.causal_agrees" in strict.rejecting
    assert right.judged == strict.judged
    assert {check.partition(".")[0] for check in right.judged} == {"mask"}


def test_a_wheat_that_fails(lay_out: LayOut, zygote: Zygote) -> None:
    """Protects fairness: each check that refuses it is named with what the student would read, and so is a wrong name."""
    found = faults(lay_out, zygote, "wheats/mask/strict.py", STRICT)
    assert any(re.match(r"mask\.causal_agrees refuses it: .+", fault) for fault in found)
    assert "its feedback names does_not_see_itself, expected no name" in found


def test_a_chaff_that_survives(lay_out: LayOut, zygote: Zygote) -> None:
    """Protects strength: a wrong submission that no check rejects is told with the check that should have."""
    found = faults(lay_out, zygote, "chaffs/mask/right.py", chaff(RIGHT, "rejected by: mask.causal_agrees"))
    assert found == ["it must be rejected by mask.causal_agrees, and is rejected by no check: it survives"]


def test_a_chaff_that_is_rejected_by_another_check(lay_out: LayOut, zygote: Zygote) -> None:
    """Protects the diagnosis: it must be the check that says why, and those that reject instead are listed."""
    header = "rejected by: mask.leaves_ids_alone\nmisconception: does_not_see_itself"
    [fault] = faults(lay_out, zygote, "chaffs/mask/strict.py", chaff(STRICT, header))
    assert re.match(
        r"it must be rejected by mask\.leaves_ids_alone, and is rejected only by .*mask\.causal_agrees", fault
    )


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("", "its feedback names does_not_see_itself, expected no name"),
        ("\nmisconception: upside_down", "its feedback names does_not_see_itself, expected upside_down"),
    ],
    ids=["none", "another"],
)
def test_a_chaff_with_a_wrong_name(lay_out: LayOut, zygote: Zygote, header: str, fault: str) -> None:
    """Protects the feedback: the name must be the header's, and none where the header has none."""
    text = chaff(STRICT, f"rejected by: mask.causal_agrees{header}")
    assert faults(lay_out, zygote, "chaffs/mask/strict.py", text) == [fault]


def test_a_chaff_whose_name_is_missing(lay_out: LayOut, zygote: Zygote) -> None:
    """Protects the feedback: a known mistake that is not recognised is a fault, too."""
    code = RIGHT.replace("& not_padding", "& not_padding | torch.eye(ids.shape[1]).bool()")
    header = "rejected by: mask.padding_agrees\nmisconception: does_not_see_itself"
    [fault] = faults(lay_out, zygote, "chaffs/mask/diagonal.py", chaff(code, header))
    assert re.fullmatch(r"its feedback names (no misconception|(?!does_not)\w+), expected does_not_see_itself", fault)


@pytest.mark.parametrize("check", ["mask.causal_agree", "layer_norm.shapes"], ids=["misspelt", "of another task"])
def test_a_chaff_whose_check_is_unknown(lay_out: LayOut, zygote: Zygote, check: str) -> None:
    """Protects headers: one that names no check of the task cannot be fulfilled, and says so."""
    header = f"rejected by: {check}\nmisconception: does_not_see_itself"
    assert faults(lay_out, zygote, "chaffs/mask/strict.py", chaff(STRICT, header)) == [
        f"{check} is no check of core, or was not run"
    ]


BUG = """\
from audit.edits import Bug

BUGS = (
    Bug("other", "Strictly below.", "] >= p", "] > p", frozenset({"2"}), "mask.py", "does_not_see_itself"),
    Bug("nothing", "Only another name.", "position = ", "position = position = ", frozenset({"1", "2"}), "mask.py"),
)
"""


def test_a_bug_that_loses_other_items(own: Path, lay_out: LayOut, zygote: Zygote) -> None:
    """Protects the points: a bug costs the items that its table names, no more and no fewer."""
    rows = [judge_specimen(str(own), each, 1, zygote) for each in specimens(load(str(own)), lay_out({"bugs.py": BUG}))]
    assert [row.lost for row in rows] == [{"1"}, set()]
    assert [row.faults for row in rows] == [
        ("it loses points in 1, expected 2",),
        ("it loses points in nothing, expected 1, 2",),
    ]


def test_a_whole_chaff_fulfils_all_that_its_note_says(own: Path, lay_out: LayOut, zygote: Zygote) -> None:
    """Protects chaff.toml: where it has both a check and items, neither hides the other."""
    note = 'sentence = "Strictly below."\nrejected_by = "mask.leaves_ids_alone"\nloses = ["2"]\n'
    each = specimen(own, lay_out({"chaffs/strict/mask.py": STRICT, "chaffs/strict/chaff.toml": note}))
    found = judge_specimen(str(own), each, 1, zygote).faults
    assert found[0] == "it loses points in 1, 2, expected 2"
    assert found[1].startswith("it must be rejected by mask.leaves_ids_alone, and is rejected only by mask.")
    assert found[2] == "its feedback names does_not_see_itself, expected no name"


def test_advice_on_a_wheat_is_a_fault_and_kills_nothing(own: Path, lay_out: LayOut, zygote: Zygote) -> None:
    """Protects right submissions from wrong advice; and a chaff from counting as rejected by a check that costs nothing."""
    code = RIGHT.replace("ids != pad_id", "ids > pad_id")
    note = 'sentence = "Above the pad."\nrejected_by = "mask.any_pad_id"\nmisconception = "ids_above_pad_id"\n'
    folder = lay_out({"wheats/above/mask.py": code, "chaffs/below/mask.py": code, "chaffs/below/chaff.toml": note})
    wheat, chaff = (judge_specimen(str(own), each, 1, zygote) for each in specimens(load(str(own)), folder))
    assert any(fault.startswith("mask.any_pad_id (advice) finds fault with it: ") for fault in wheat.faults)
    assert "mask.any_pad_id" in wheat.advising
    assert "mask.any_pad_id" not in chaff.rejecting
    assert any(fault.startswith("it must be rejected by mask.any_pad_id, and is rejected ") for fault in chaff.faults)


@pytest.mark.parametrize(
    ("verdict", "fault"),
    [
        (Verdict.not_judged(Reason.GRADER_FAULT, staff="ZeroDivisionError"), "stumbled itself: ZeroDivisionError"),
        (Verdict.not_judged(Reason.BUDGET), "has not judged it: the time allowed for the whole run was over"),
    ],
    ids=["the grader's fault", "no time"],
)
def test_a_check_without_a_verdict_is_a_fault(
    lay_out: LayOut, zygote: Zygote, monkeypatch: pytest.MonkeyPatch, verdict: Verdict, fault: str
) -> None:
    """Protects against a wheat that nobody has judged: what is not refused has to be accepted."""
    real = Check.run

    def stumbling(self: Check, *args: object, **options: object) -> Verdict:
        return verdict if self.name == "shapes" else real(self, *args, **options)

    monkeypatch.setattr(Check, "run", stumbling)
    [found] = faults(lay_out, zygote, "wheats/mask/right.py", RIGHT)
    assert found.startswith(f"mask.shapes {fault}")


def test_what_cannot_be_taken_in_is_a_fault(lay_out: LayOut, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects a long audit from one submission of a gigabyte: it is named, and the others are judged."""

    def refuse(*_: object) -> None:
        raise IntakeError("the submission is too large")

    monkeypatch.setattr(matrix, "zygote", lambda: zygote)
    monkeypatch.setattr(matrix, "Judge", lambda *_, **__: refuse())
    row = matrix._judge("core", specimen(None, lay_out({"wheats/mask/a.py": RIGHT})), 1, {})
    assert row.faults == ("it cannot be taken in: the submission is too large",)
