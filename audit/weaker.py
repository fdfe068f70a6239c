"""How many chaffs weaker graders would have accepted: `python -m audit.weaker > FILE`."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from graders.check import Check
from graders.homework import load
from graders.judge import Judge
from graders.verdict import Outcome
from sandbox.launch import Zygote

from .peers.naive import NAIVE
from .peers.peer import DESCRIBED, PEER
from .specimens import folder_of, specimens


def passes(check: Check, judge: Judge) -> bool:
    """Whether a weaker check accepts a submission."""
    return check.run(judge.student, judge.seed_of(check), shrink_calls=0).outcome is Outcome.PASSED


def accepted(seed: int = 1) -> dict[str, dict[str, int | bool]]:
    """For each task of `core`: its chaffs, and how many the naive check and the re-stated public one accept.

    Args:
        seed: of the worker; the weaker checks have fixed examples.
    """
    homework = load("core")
    counts: dict[str, dict[str, int | bool]] = {}
    with Zygote() as zygote:
        for specimen in specimens(homework, folder_of("core")):
            if specimen.right:
                continue
            entry = counts.setdefault(
                specimen.task,
                {"chaffs": 0, "naive": 0, "described": specimen.task in DESCRIBED}
                | ({"peer": 0} if specimen.task in PEER else {}),
            )
            entry["chaffs"] += 1
            with tempfile.TemporaryDirectory() as place:
                folder = specimen.write(homework, "core", Path(place) / "submission")
                with Judge(homework, folder, zygote, seed=seed, shrink_calls=0) as judge:
                    weaker: tuple[tuple[str, Mapping[str, Check]], ...] = (("naive", NAIVE), ("peer", PEER))
                    for name, checks in weaker:
                        if specimen.task in checks:
                            entry[name] += passes(checks[specimen.task], judge)
    return counts


if __name__ == "__main__":
    print(json.dumps(accepted(), indent=1))
