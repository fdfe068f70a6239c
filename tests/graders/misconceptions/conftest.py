"""What every bank of misconceptions is held to."""

import itertools
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.handing_in import hand_in as write_submission
from graders.check import derive
from graders.judge import reference_of
from graders.misconceptions import Bank, NoAnswer, Probe, named
from graders.misconceptions.bank import EVIDENCE, differ, same
from tests.submissions.tables import bugs_of, variants_of

MOST_CHARACTERS = 200  # of an explanation and of a hint


@pytest.fixture
def ill_written() -> Callable[[Bank], list[str]]:
    """Say what is wrong with the names and texts of a bank."""

    def complaints(bank: Bank) -> list[str]:
        names = [each.name for each in bank.misconceptions]
        found = [f"{name} is there twice" for name in sorted(set(names)) if names.count(name) > 1]
        for each in bank.misconceptions:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", each.name):
                found.append(f"{each.name}: not in snake_case")
            texts = (each.explanation, each.hint)
            bad = [text for text in texts if len(text) > MOST_CHARACTERS or not text.endswith(".")]
            found += [f"{each.name}: too long, or without a full stop: {text}" for text in bad]
        return found

    return complaints


@pytest.fixture
def confused(student: Callable[..., Any]) -> Callable[..., list[str]]:
    """Say which candidates of a bank, the right answers among them, are not told apart often enough."""

    def pairs(bank: Bank, homework: str = "core") -> list[str]:
        """Put the probes to the solution of a homework, with the cases that three seeds give."""
        folder = reference_of(homework)
        assert folder is not None
        sources = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
        someone = student(sources, homework)
        capabilities = someone.binding[bank.task].capabilities
        found = []
        for (number, probe), seed in itertools.product(enumerate(bank.probes), (1, 2, 3)):
            if probe.fits(capabilities):
                with someone.open(1) as worker:
                    rng = random.Random(derive(seed, f"probe {number}"))
                    alike = _alike(probe, someone.implementation(bank.task, worker), rng)
                    found += [f"probe {number}, seed {seed}: {one} and {other}" for one, other in alike]
        return found

    return pairs


@pytest.fixture
def name_of(judge: Callable[..., Any], tmp_path: Path) -> Callable[[str, str, str], str | None]:
    """Say which misconception is named in a submission of a real homework, given the name of a bug or variant of it."""

    def name(slug: str, submission: str, task: str) -> str | None:
        [edit] = [each for each in (*bugs_of(slug), *variants_of(slug)) if each.name == submission]
        folder = write_submission(slug, tmp_path / submission, edit.applied_to, edit.file)
        found = named(judge(folder, slug).student, task, 1)
        return None if found is None else found.name

    return name


def _alike(probe: Probe, implementation: Any, rng: random.Random) -> Iterator[tuple[str, str]]:
    """The pairs of candidates that differ in too few cases, by name."""
    cases = []
    for _ in range(probe.cases):
        asked = probe.ask(implementation, rng)
        assert any(same(asked.got, right) for right in asked.right), "the solution's answer counts as wrong"
        answers = {"the right answer": list(asked.right)}
        for each, variant in probe.variants.items():
            try:
                answers[each.name] = [variant(asked.facts)]
            except NoAnswer:
                continue
        cases.append(answers)
    for one, other in itertools.combinations(["the right answer", *(each.name for each in probe.variants)], 2):
        told = [
            all(differ(first, second) for first in case[one] for second in case[other])
            for case in cases
            if one in case and other in case
        ]
        if sum(told) < min(EVIDENCE, probe.cases):
            yield one, other
