"""The pytest plugin behind `--results FILE`: results.json is complete and valid from the first moment on."""

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from graders.check import Check
    from graders.judge import Judge
    from graders.verdict import Verdict
    from sandbox.self_test import Confinement

    from .metadata import Metadata
    from .results import Results


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our option."""
    group = parser.getgroup("headmaster", "grading a submission")
    group.addoption("--results", metavar="FILE", help="write Gradescope's results.json here, kept valid throughout")
    group.addoption("--submission-metadata", metavar="FILE", help="Gradescope's file of this name, for --results")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Listen to the grading, before it begins."""
    if config.option.results is not None:
        config.pluginmanager.register(
            Reporter(Path(config.option.results), _metadata_of(config)), "headmaster_reporter"
        )


def _metadata_of(config: pytest.Config) -> "Metadata | None":
    from .metadata import Metadata

    path = config.option.submission_metadata
    return Metadata.read(Path(path)) if path is not None else None


class Reporter:
    """Rewrites results.json after each verdict."""

    def __init__(self, path: Path, metadata: "Metadata | None" = None) -> None:
        self.path = path
        self.metadata = metadata

    @pytest.hookimpl(optionalhook=True)
    def pytest_headmaster_begin(self, judge: "Judge", confinement: "Confinement") -> None:
        """Write the file in which everything counts 0."""
        from graders.trained_items import remarks_on_data

        from .handed_in import remark_on

        self.data = remarks_on_data(judge.homework.config, judge.homework.folder)
        self.confinement = confinement
        self.remark = remark_on(judge.snapshot, judge.student.submission.code, judge.homework.config)
        self._write(judge, finished=False)

    @pytest.hookimpl(optionalhook=True)
    def pytest_headmaster_refused(self, slug: str, message: str) -> None:
        """Write that the submission could not be taken in."""
        from graders.homework import config_of
        from sandbox.text import clean

        from .blank import blank
        from .presentation import present

        results = blank(slug, clean(message, 2000))
        present(results, config_of(slug), self.metadata)
        self._replace(results)

    @pytest.hookimpl(optionalhook=True)
    def pytest_headmaster_judged(self, judge: "Judge", check: "Check", verdict: "Verdict") -> None:
        """Write what is judged so far."""
        from graders.verdict import Reason

        if verdict.reason is not Reason.BUDGET:  # it says no more than that nothing is judged yet, and time is short
            self._write(judge, finished=False)

    @pytest.hookimpl(optionalhook=True)
    def pytest_headmaster_end(self, judge: "Judge", seconds: float) -> None:
        """Write the final version; no worker is alive any more."""
        self._write(judge, finished=len(judge.verdicts) == len(judge.checks), seconds=seconds)

    def _write(self, judge: "Judge", *, finished: bool, seconds: float | None = None) -> None:
        from . import changes
        from .presentation import present, released
        from .record import record_of
        from .report import results_of

        homework = released(judge.homework, self.metadata)
        staff = {
            "record": record_of(judge).model_dump(),
            "nothing_to_grade": self.remark.nothing,
            "data": self.data,
            "digest": judge.snapshot.digest,
            "confinement": self.confinement.as_json(),
            "left_out": [list(entry) for entry in judge.snapshot.left_out[:50]],
            "seconds": {name: round(duration, 3) for name, duration in judge.seconds.items()},
        }
        results = results_of(
            homework,
            judge.checks,
            judge.verdicts,
            finished=finished,
            note=self.remark.text,
            seconds=seconds,
            staff=staff,
        )
        present(results, homework.config, self.metadata)
        if finished and self.metadata is not None:
            sentences = {check.id: check.sentence for check in judge.checks}
            changes.add(results, homework.config, self.metadata, homework.slug, sentences)
        self._replace(results)

    def _replace(self, results: "Results") -> None:
        """Replace the file. On a full disk the room that was kept gives way; what is written later may still fit."""
        from .reserve import Reserve
        from .results import write

        try:
            write(results, self.path)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise pytest.UsageError(f"--results {self.path} cannot be written: {error.strerror}") from error
            Reserve(self.path.parent).give_back()
            try:
                write(results, self.path)
            except OSError:
                print(f"--results {self.path} could not be written: the disk is full", file=sys.stderr)
