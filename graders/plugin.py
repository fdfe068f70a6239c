"""The pytest plugin: `pytest graders --homework H --submission DIR`.

It is registered as an entry point, so that its options are known before pytest looks at paths: the submission's folder
is never taken for a test path, its conftest.py never executed. A run starts itself again with our settings and plugins
only, isolated: nothing that lies in the working directory or in the submission is obeyed or imported. Without the
options the plugin does nothing.

One thing happens before any plugin is loaded: pytest chooses its ini file, by the arguments that look like paths
(without one by the working directory), and imports the plugins that the file's addopts name. So name the graders first,
or write `--submission=DIR`; `run_autograder` never looks for an ini file.
"""

import os
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .check_item import CheckItem

if TYPE_CHECKING:
    from sandbox.self_test import Confinement

    from .check import Check
    from .homework import Level
    from .judge import Judge
    from .verdict import Verdict
    from .verdict_log import VerdictLog

HERE = Path(__file__).resolve().parent
SETTINGS = HERE.parent / "pyproject.toml"
HOMEWORK_FILE = HERE.parent / "HOMEWORK"  # a kit names its homework here
HOW_TO = f"pytest graders {'' if HOMEWORK_FILE.is_file() else '--homework core '}--submission path/to/folder"
# a kit comes without the rooms that only the staff needs
REPORTER = ("-p", "gradescope.plugin") if (HERE.parent / "gradescope").is_dir() else ()
OUR_SETTINGS = (
    *("-c", str(SETTINGS), f"--rootdir={SETTINGS.parent}", "--disable-plugin-autoload", "-p", "no:cacheprovider"),
    *("-p", "graders.plugin", *REPORTER, "-p", "_hypothesis_pytestplugin", "-p", "pytest_timeout"),
    "--timeout=0",  # the judge has time limits of its own, which end the worker and not the check
)


class Hooks:
    """What other plugins may listen to."""

    @pytest.hookspec
    def pytest_headmaster_begin(self, judge: "Judge", confinement: "Confinement") -> None:
        """The submission is taken in; nothing is judged yet."""

    @pytest.hookspec
    def pytest_headmaster_refused(self, slug: str, message: str) -> None:
        """The submission cannot be taken in; the message is for the student."""

    @pytest.hookspec
    def pytest_headmaster_judged(self, judge: "Judge", check: "Check", verdict: "Verdict") -> None:
        """One check has its verdict."""

    @pytest.hookspec
    def pytest_headmaster_end(self, judge: "Judge", seconds: float) -> None:
        """All is judged, and no worker is alive any more."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register our hooks."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("headmaster", "grading a submission")
    group.addoption("--homework", metavar="SLUG", help="the homework: a file graders/homeworks/SLUG.toml, or a path")
    group.addoption("--submission", metavar="DIR", help="the folder that was handed in, or a .zip of it")
    group.addoption(
        "--accept-unconfined", action="store_true", help="grade hidden checks too where student code is not confined"
    )
    group.addoption("--seed", type=int, metavar="N", help="the same cases for every submission with the same N")
    group.addoption(
        "--seconds", type=float, metavar="S", help="time for the whole run (default: what the homework says)"
    )
    group.addoption(
        "--progress", metavar="FILE", help="write verdicts down here, and carry on from those that are there"
    )
    group.addoption(
        "--lanes", type=int, metavar="N", help="processes that judge side by side (default: one for each core, up to 4)"
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None, None, None]:
    """Start again with our own settings. This runs before output is captured and any conftest.py is executed."""
    namespace = early_config.known_args_namespace
    if _is_grading(namespace):
        _check_options(namespace)
        given = [str(arg) for arg in early_config.invocation_params.args]
        if not sys.flags.isolated or tuple(given[: len(OUR_SETTINGS)]) != OUR_SETTINGS:
            paths = [] if namespace.file_or_dir else [str(HERE)]
            os.execv(sys.executable, hardened_command([*without_settings(given), *paths]))
        if early_config.inipath != SETTINGS:
            raise pytest.UsageError(f"a submission is graded with the settings of {SETTINGS}: leave out -c")
    return (yield)


def _check_options(namespace: Any) -> None:
    """Refuse a lone option, and paths that are not ours: pytest would execute what lies there, a conftest.py say.

    Raises:
        UsageError: the message says what to pass.
    """
    if named_homework(namespace) is None or namespace.submission is None:
        missing = "--submission" if namespace.submission is None else "--homework"
        raise pytest.UsageError(f"{missing} is missing; the command reads: {HOW_TO}")
    for path in namespace.file_or_dir:
        if not _leads_here(path):
            raise pytest.UsageError(
                f"{path!r} is no path in {HERE}, and nothing else is run on a submission{_perhaps(path)}; the command reads: "
                f"{HOW_TO}"
            )


def _perhaps(path: str) -> str:
    """What was probably meant."""
    if path.partition("::")[0].partition("/")[0] == HERE.name:
        return f" (there is no {path!r} in {Path.cwd()}: run it in {HERE.parent}, or write {HERE.parent / path})"
    return (
        "" if os.sep in path or path.endswith(".py") else " (is it the value of an option that pytest does not know?)"
    )


def named_homework(namespace: Any) -> str | None:
    """The homework that was named, or in a students' kit the one that it is of."""
    if namespace.homework is None and HOMEWORK_FILE.is_file():
        return HOMEWORK_FILE.read_text(encoding="utf-8").strip()
    homework: str | None = namespace.homework
    return homework


def hardened_command(arguments: list[str]) -> list[str]:
    """The command that runs pytest with our settings and plugins only."""
    return [sys.executable, "-I", "-m", "pytest", *OUR_SETTINGS, *arguments]


def without_settings(arguments: list[str]) -> list[str]:
    """Leave out the options that choose an ini file or a root, in every spelling."""
    kept = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in ("-c", "--config-file", "--rootdir"):
            skip = True
        elif not argument.startswith(("-c", "--config-file=", "--rootdir=")):
            kept.append(argument)
    return kept


def _is_grading(namespace: Any) -> bool:
    return getattr(namespace, "homework", None) is not None or getattr(namespace, "submission", None) is not None


def pytest_configure(config: pytest.Config) -> None:
    """Start the grading, or say what to pass."""
    if config.option.help:
        return
    if _is_grading(config.option):
        config.pluginmanager.register(Grading(config), "headmaster_grading")
    elif any(_leads_here(argument) for argument in config.args):
        from .homework import available

        raise pytest.UsageError(
            f"graders needs a homework and a submission: {HOW_TO} (homeworks: {', '.join(available())})"
        )


def _leads_here(argument: str) -> bool:
    path = Path(argument.partition("::")[0]).resolve()
    return path == HERE or HERE in path.parents


class Grading:
    """One grading run: from the snapshot to the last worker's death."""

    def __init__(self, config: pytest.Config) -> None:
        self.started = time.monotonic()
        # the zygote loads torch while this process loads it too
        from sandbox.launch import Zygote

        self.config = config
        self.zygote: Zygote | None = Zygote()
        self.judge: Judge
        self.progress: VerdictLog | None = None
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        from hypothesis.configuration import set_hypothesis_home_dir

        from sandbox.confine import hide_memory
        from sandbox.errors import IntakeError
        from sandbox.self_test import self_test

        from .catalogue import all_checks
        from .homework import HomeworkError, check_ids, load
        from .judge import Judge, reference_of
        from .recorded import RecordError
        from .secret import own_secret
        from .verdict_log import VerdictLog

        seconds = self.config.option.seconds
        # its caches lie in the working directory otherwise, which may be the submission's
        set_hypothesis_home_dir(SETTINGS.parent / ".hypothesis")
        slug = named_homework(self.config.option)
        assert slug is not None
        assert self.zygote is not None
        hide_memory()  # from workers, where they have the same user
        self.confinement = self_test(self.zygote)
        accepted = self.config.option.accept_unconfined
        try:
            homework = load(slug)
            check_ids(homework, [check.id for check in all_checks()])
            self.judge = Judge(
                homework,
                Path(self.config.option.submission),
                self.zygote,
                secret=own_secret(),
                seed=self.config.option.seed,
                reference=reference_of(slug),
                confinement=None if accepted else self.confinement,
                seconds=None if seconds is None else seconds - (time.monotonic() - self.started),
            )
        except (HomeworkError, RecordError) as error:
            raise pytest.UsageError(str(error)) from None
        except IntakeError as error:
            self.config.hook.pytest_headmaster_refused(slug=slug, message=str(error))
            raise pytest.UsageError(str(error)) from None
        self.present = {check.id: check for check in self.judge.checks}
        self.again: list[CheckItem] = []
        if self.config.option.progress is not None:
            of = f"{homework.slug} {self.judge.snapshot.digest}"
            self.progress = VerdictLog(Path(self.config.option.progress), of)
            self.judge.carry_on(self.progress.verdicts)
        self.config.hook.pytest_headmaster_begin(judge=self.judge, confinement=self.confinement)

    @property
    def level(self) -> "Level":
        """How much students are told of a failed check."""
        level: Level = self.judge.homework.config.feedback
        return level

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Module, name: str, obj: object) -> list[pytest.Item] | None:
        """Collect checks; those that the homework lacks are absent."""
        from .check import Check

        if not isinstance(obj, Check):
            return None
        if obj.id not in self.present:
            return []
        return [CheckItem.from_parent(collector, name=name, check=obj, grading=self)]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the checks in the order of the handout."""
        order = {check_id: place for place, check_id in enumerate(self.present)}
        items.sort(key=lambda item: order[item.check.id] if isinstance(item, CheckItem) else len(order))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin to judge what has been selected: in lanes, if these are checks of several tasks."""
        from .lanes import ALONE, usual_lanes

        checks = [item.check for item in session.items if isinstance(item, CheckItem)]
        lanes = self.config.option.lanes or usual_lanes()
        if lanes > 1 and len({check.task for check in checks} - ALONE) > 1 and not self.config.option.collectonly:
            self.judge.judge_ahead(lanes, checks)

    def pytest_report_header(self) -> list[str]:
        """Say what is graded."""
        import torch

        from .recorded import record_here
        from .trained_items import remarks_on_data

        judge, record = self.judge, record_here()
        other = record.other_versions({"torch": torch.__version__.partition("+")[0]}) if record is not None else ""
        left_out = [f"left out: {name} ({why})" for name, why in judge.snapshot.left_out]
        return [
            f"homework: {judge.homework.slug} ({judge.homework.config.title})",
            f"submission: {len(judge.snapshot.files)} files, {judge.snapshot.digest[:12]}",
            self.confinement.summary,
            *([f"record: {other}"] if other else []),
            *(f"data: {remark}" for remark in remarks_on_data(judge.homework.config, judge.homework.folder)),
            *left_out[:10],
        ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Judge a check before it is reported; one that its question's share has cut short comes again at the end."""
        if not isinstance(item, CheckItem):
            return None
        if self.again and item is self.again[0]:
            self.judge.begin_again()
        item.judge()
        if not self.judge.comes_again(item.check):
            return None
        self.again.append(item)
        item.session.items.append(item)  # pytest goes through them one by one
        item.session._setupstate.teardown_exact(nextitem)  # as after any item
        return True

    def pytest_sessionstart(self) -> None:
        """From now on a request to end has its listeners finish; and no file's name is put before a verdict."""
        signal.signal(signal.SIGTERM, _interrupt)
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.showfspath = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Count checks by verdict; their lines are written by `pytest_runtest_logreport`."""
        if not hasattr(report, "headmaster"):
            return None
        return (report.headmaster["category"], "", "") if report.when == "call" else ("", "", "")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Write one line per check that reads as a sentence."""
        if report.when != "call" or not hasattr(report, "headmaster"):
            return
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:
            return
        facts = report.headmaster
        colour = {"passed": "green", "failed": "red"}.get(facts["category"], "yellow")
        terminal.ensure_newline()
        terminal.write(f"{facts['category']:>10}  ", **{colour: True})
        terminal.write_line(f"{facts['number']:<8} {facts['sentence']}")
        if facts["remark"]:
            for line in facts["message"].splitlines():
                terminal.write_line(f"{'':21}{line}")
            if facts["snippet"]:  # not indented: it runs as it stands
                terminal.write_line(f"\n{facts['snippet']}")

    def pytest_sessionfinish(self) -> None:
        """End the last worker, then let the listeners finish."""
        signal.signal(
            signal.SIGTERM, signal.SIG_IGN
        )  # this is what it asks for; in the middle it would lose the last version
        self.close()
        self.config.hook.pytest_headmaster_end(judge=self.judge, seconds=time.monotonic() - self.started)

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind, whatever happened before."""
        self.close()

    def close(self) -> None:
        """End the zygote, its workers and the snapshots."""
        if self.zygote is not None:
            if hasattr(self, "judge"):
                self.judge.end_lanes()
            self.zygote.close()
            self.zygote = None
            if hasattr(self, "judge"):
                self.judge.close()


def _interrupt(number: int, frame: object) -> None:
    """End the run as Ctrl-C does: its listeners write what there is."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Attach a check's facts to its reports."""
    report = yield
    if isinstance(item, CheckItem):
        from .telling import snippet_told, told
        from .verdict import Reason

        verdict, level = item.verdict, item.grading.level
        category = verdict.outcome.value if verdict is not None else report.outcome
        if verdict is not None and category == "failed" and item.is_advice:
            category = "advice"
        report.headmaster = {
            "category": category,
            "number": item.number,
            "sentence": item.check.sentence,
            "message": told(verdict, level, snippet=False) if verdict is not None else "",
            "snippet": snippet_told(verdict, level) if verdict is not None else "",
            "remark": verdict is not None and category != "failed" and verdict.reason is not Reason.PREREQUISITE,
        }
    return report
