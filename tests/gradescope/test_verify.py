"""The end of setup.sh: what makes an image fail while it is built. The real thing runs in tests/test_simulate.py."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from graders.homework import config_of
from gradescope import verify
from gradescope.blank import blank
from gradescope.results import Results, write
from gradescope.verify import VerifyError, demand, main, verify_solution
from sandbox.confine import LAYERS
from sandbox.self_test import REQUIRED, Confinement

LAYERED = dict.fromkeys(LAYERS, True)
STOPPED = dict.fromkeys(sorted(REQUIRED), True)


@pytest.mark.parametrize(
    ("layers", "stopped", "says"),
    [
        (LAYERED | {"uid": False}, STOPPED, "outside of private homes"),
        (LAYERED, STOPPED | {"reads hidden files": False}, "NOT CONFINED: student code reads hidden files"),
        ({}, {}, "the self-test did not answer"),
    ],
)
def test_gap_in_confinement(layers: dict[str, bool], stopped: dict[str, bool], says: str) -> None:
    """Protects hidden data: an image in which student code has the judge's user, or reaches out, is not made."""
    with pytest.raises(VerifyError) as caught:
        demand(Confinement(layers, stopped, 0, "/root"))
    assert says in str(caught.value)


def test_no_landlock_is_no_gap() -> None:
    """Protects courses on older kernels: without Landlock a user of its own and seccomp stop what must be stopped."""
    demand(Confinement(LAYERED | {"landlock": False}, STOPPED, 0, ""))


class Grading:
    """Stands in for the grading of the solution: notes what is graded and leaves results."""

    def __init__(self, results: Results | None, status: int = 0) -> None:
        self.results, self.status = results, status
        self.files: set[str] = set()
        self.arguments: list[str] = []

    def __call__(self, arguments: list[str]) -> int:
        """Pretend to grade."""
        self.arguments = arguments
        options = dict(argument.partition("=")[::2] for argument in arguments)
        self.files = {path.name for path in Path(options["--submission"]).iterdir()}
        if self.results is not None:
            write(self.results, Path(options["--results"]))
        return self.status


def verified(monkeypatch: pytest.MonkeyPatch, grading: Grading, stopped: dict[str, bool]) -> None:
    """Verify core's solution with a grading that is pretended."""
    monkeypatch.setattr(verify, "grade", grading)
    verify_solution("core", Console(quiet=True), Confinement(LAYERED, stopped, 1, ""))


def full() -> Results:
    """Results with all points."""
    results = blank("core", "Done.")
    for test in results.tests:
        test.score = test.max_score
    return results


def test_solution_with_all_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the build: the files of core's solution are graded as a submission, and no others of the reference."""
    grading = Grading(full())
    verified(monkeypatch, grading, STOPPED)
    assert grading.files == set(config_of("core").files.names)
    assert "--accept-unconfined" not in grading.arguments
    verified(monkeypatch, grading, STOPPED | {"reads hidden files": False})
    assert "--accept-unconfined" in grading.arguments


def test_solution_that_lost_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from a broken image: one point lost, a run cut short, or no results at all end the build."""
    results = full()
    results.tests[1].score -= 1
    with pytest.raises(VerifyError, match=r"did not get all points: 2 9/10$"):
        verified(monkeypatch, Grading(results), STOPPED)
    with pytest.raises(VerifyError, match="Done"):
        verified(monkeypatch, Grading(full(), status=1), STOPPED)
    with pytest.raises(VerifyError, match=r"there is no results\.json"):
        verified(monkeypatch, Grading(None, status=2), STOPPED)


def test_no_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from an image that nothing has verified."""
    monkeypatch.setattr(verify, "reference_of", lambda name: None)
    with pytest.raises(VerifyError, match="has no solution"):
        verified(monkeypatch, Grading(full()), STOPPED)


def test_damaged_package_is_status_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the build's log: a package without a manifest is one sentence, before anything is started."""
    monkeypatch.setattr(verify, "PACKAGE", tmp_path)
    assert main(["--strict"]) == 1
    assert "manifest.json cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["core", "homework/week3.toml"])
def test_what_is_verified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Protects --strict: confinement is demanded with it only; the homework is the one that HOMEWORK names."""
    calls: list[Any] = []
    monkeypatch.setattr(verify, "PACKAGE", tmp_path)
    (tmp_path / "HOMEWORK").write_text(f"{name}\n")
    monkeypatch.setattr(verify, "check", lambda folder: SimpleNamespace(files={}, headmaster="1"))
    monkeypatch.setattr(verify, "show", lambda found, console: None)
    monkeypatch.setattr(verify, "demand", lambda found: calls.append("demand"))
    monkeypatch.setattr(verify, "verify_solution", lambda name, console, found: calls.append(name))

    class Stub:
        def __enter__(self) -> "Stub":
            return self

        def __exit__(self, *exc_info: object) -> None:
            pass

    monkeypatch.setattr(verify, "Zygote", Stub)
    monkeypatch.setattr(verify, "self_test", lambda zygote: Confinement({}, {}, 0, ""))
    expected = name if name == "core" else str(tmp_path / name)
    assert main([]) == 0
    assert main(["--strict"]) == 0
    assert calls == [expected, "demand", expected]


def test_what_needs_trained_models_is_not_asked_of_the_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects packages with data: the solution has no trained models, so those items are left out of the demand."""
    config = config_of("core")
    first = config.items[0].model_copy(update={"needs_data": True})
    needy = config.model_copy(update={"items": (first, *config.items[1:])})
    monkeypatch.setattr(verify, "config_of", lambda name: needy)
    results = full()
    results.tests[0].score = 0
    results.tests[0].number = first.number
    verified(monkeypatch, Grading(results), STOPPED)
    results.tests[1].score -= 1
    with pytest.raises(VerifyError, match=r"did not get all points: 2 9/10$"):
        verified(monkeypatch, Grading(results), STOPPED)
