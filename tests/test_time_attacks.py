"""Hostile submissions that attack the taking of time: none of them is called fast (docs/timing.md)."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.homework import Config, Homework, load
from graders.judge import Judge, reference_of
from graders.verdict import Outcome, Reason, Verdict
from sandbox.launch import Zygote
from tests.hostile import TIMED, Attack, attacks

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the clock of another process's processor time is Linux's"
)
CHECKS = ["timing.attention_is_fast", "timing.attention_scales_with_tokens"]
MOST_TRIES = 15  # on a busy machine it may be impossible to tell


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Where the workers come from."""
    with Zygote() as zygote:
        yield zygote


def timed_homework() -> Homework:
    """`core` with points for speed alone."""
    core = load("core")
    item = {"number": "1", "title": "Speed", "points": 10, "kind": "auto", "timing": CHECKS}
    table = {"title": "Speed", "files": core.config.files.model_dump(), "item": [item]}
    table["timing"] = {"sizes": {CHECKS[0]: [128]}}
    return core.model_copy(update={"config": Config.model_validate(table)})


def timed(path: Path, place: Path, zygote: Zygote) -> list[Verdict]:
    """What is said of the time of a file that is handed in as attention.py."""
    place.mkdir()
    shutil.copy(path, place / "attention.py")
    with Judge(timed_homework(), place, zygote, seed=3, reference=reference_of("core")) as judge:
        return list(judge.judge_all().values())


@pytest.mark.parametrize(
    "attack", [attack for attack in attacks() if attack.timed], ids=lambda attack: attack.path.stem
)
def test_no_attack_on_time_gains_a_verdict(attack: Attack, zygote: Zygote, tmp_path: Path) -> None:
    """Clocks, caches, threads, late and coarse answers: what is said is what the attack does, never that it is fast."""
    told = ""
    for number in range(MOST_TRIES):
        verdicts = timed(attack.path, tmp_path / str(number), zygote)
        assert all(verdict.outcome is not Outcome.PASSED for verdict in verdicts), verdicts
        told = "\n".join(v.message for v in verdicts if v.reason is not Reason.INCONCLUSIVE)
        if TIMED[attack.timed] in told:
            return
        assert not told, verdicts
    pytest.fail(f"{MOST_TRIES} times this machine could not tell:\n{told}")


def test_an_honest_submission_is_not_called_slow(zygote: Zygote, tmp_path: Path) -> None:
    """Protects from a trial in which nothing can be fast: the reference's own text passes, or it cannot be told."""
    verdicts = timed(Path(__file__).parent.parent / "reference" / "attention.py", tmp_path / "honest", zygote)
    assert all(v.outcome is Outcome.PASSED or v.reason is Reason.INCONCLUSIVE for v in verdicts), verdicts


def test_every_kind_of_attack_on_time_is_there() -> None:
    """Protects the list of attacks: each of the three outcomes is reached by one that is tried."""
    assert {attack.timed for attack in attacks()} == {"", *TIMED}
