"""What a kill matrix says about the checks."""

import json
from collections.abc import Sequence
from pathlib import Path

from audit.matrix import Row
from audit.specimens import Specimen
from audit.summary import CheckSummary, as_json, summaries

CHECKS = ("mask.shapes", "mask.agrees", "mask.any_pad_id")


def row(
    name: str, rejecting: Sequence[str] = (), *, seed: int = 1, right: bool = False, named: str = "", fault: str = ""
) -> tuple[str, Row]:
    """A submission of `core`'s mask, and which checks reject it."""
    specimen = Specimen(f"mask/{name}", right, "…", Path(name), "mask", "" if right else CHECKS[1], misconception=named)
    rejected = tuple(f"mask.{check}" for check in rejecting)
    return "core", Row(specimen, seed, CHECKS, rejected, frozenset(), (named,), (fault,) if fault else (), 0.5)


ROWS = [
    row("right", right=True),
    row("right", right=True, seed=2),
    row("triu", ["shapes", "agrees"], named="upper_triangle"),
    row("triu", ["agrees"], named="upper_triangle", seed=2),
    row("strict", ["agrees"], named="does_not_see_itself"),
    row("strict", ["agrees"], named="does_not_see_itself", seed=2, fault="its feedback names …"),
    row("lucky", ["shapes"]),
    row("lucky", seed=2, fault="… it survives"),
    row("fickle", ["shapes"]),
    row("fickle", ["agrees"], seed=2),
]


def test_only_what_holds_at_every_seed_counts() -> None:
    """Protects the strength that is stated: one lucky seed is no kill, and a name that was missed once is no name."""
    [mask] = summaries(ROWS)
    assert (mask.title, mask.seeds, mask.wheats, mask.chaffs) == ("core: mask", (1, 2), 1, 4)
    assert mask.rejected == 3  # all but the lucky one; which check rejects the fickle one does not matter
    assert mask.named == 1
    assert mask.seconds == 5.0
    assert mask.faults == (("mask/strict", 2, "its feedback names …"), ("mask/lucky", 2, "… it survives"))


def test_sole_killers_and_idle_checks_are_told() -> None:
    """Protects the use of the matrix: which check is the only one to find a mistake, and which finds none."""
    [mask] = summaries(ROWS)
    assert mask.checks == (
        CheckSummary("mask.shapes", 0, ()),
        CheckSummary("mask.agrees", 2, ("mask/triu", "mask/strict")),
        CheckSummary("mask.any_pad_id", 0, ()),
    )
    assert mask.sole == 2
    assert mask.idle == ("mask.shapes", "mask.any_pad_id")


def test_each_task_and_homework_has_its_own() -> None:
    """Protects against sums over what does not belong together; an instructor's homework has the name of its TOML."""
    whole = Row(Specimen("a", True, "", Path("a")), 1, CHECKS, (), frozenset(), (), (), 0.5)
    assert [each.title for each in summaries([row("x"), ("lm", whole), ("h/own.toml", whole), row("y")])] == [
        *("core: mask", "lm", "own"),
    ]


def test_the_matrix_is_plain_data() -> None:
    """Protects whoever reads the JSON: it holds every row, what was expected and what came."""
    told = json.loads(json.dumps(as_json(ROWS)))
    assert (told["summary"][0]["rejected"], len(told["summary"][0]["faults"])) == (3, 2)
    assert told["summary"][0]["checks"][1] == {
        "id": "mask.agrees",
        "kills": 2,
        "sole_killer_of": ["mask/triu", "mask/strict"],
    }
    assert told["rows"][5] == {
        "homework": "core",
        "submission": "mask/strict",
        "right": False,
        "sentence": "…",
        "seed": 2,
        "must_be_rejected_by": "mask.agrees",
        "must_lose": None,
        "rejected_by": ["mask.agrees"],
        "loses": [],
        "misconceptions": ["does_not_see_itself"],
        "faults": ["its feedback names …"],
        "seconds": 0.5,
    }
