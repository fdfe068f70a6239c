"""Holds every trial in each environment, and prints a line for each: `make attacks`.

    environment  attack  outcome  layer  seconds

It exits with 1 if anything was forged, lost or left alive, if an attack was refused nothing, if an environment lacks one of its
layers, or if an attack got where docs/security.md says that nothing stops it and does not any more; with 2 if an environment
cannot be made.
"""

import argparse
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event

from tests.environments.environment import ENVIRONMENTS, Environment
from tests.environments.place import EnvironmentMissing, Place, prepared
from tests.hostile import adopt_orphans, living
from tests.trials import Trial, trials

LEAVING_SECONDS = 5  # what killed processes may need to leave
SILENCE_SECONDS = 120  # a trial ends in 30, the start of a zygote on a busy machine in 60
OPEN = "open, as docs/security.md says"


@dataclass
class Report:
    """What has been found in one environment.

    Attributes:
        environment: its name.
        outcomes: of each trial that was held, by its name: "" if it got nothing, what was wrong otherwise.
        counts: how often each kind of problem occurred.
        faults: what is wrong with the environment itself.
    """

    environment: str
    outcomes: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults and not self.counts.total()


def run(
    environment: Environment,
    place: Place,
    wanted: Sequence[Trial],
    say: Callable[[str], None],
    stop: Event | None = None,
) -> Report:
    """Hold trials in one environment. Where the judge dies, the trial is lost and another judge holds the ones after it.

    Args:
        environment: which one.
        place: see `prepared`.
        wanted: the trials.
        say: takes each line.
        stop: ends it early when it is set.

    Raises:
        EnvironmentMissing: the environment cannot be made here.
    """
    stop = stop or Event()
    report = Report(environment.name)
    waiting = {trial.name: trial for trial in wanted}
    with tempfile.TemporaryFile() as errors:
        while waiting and not stop.is_set():
            left = len(waiting)
            current = ""
            with environment.started(place, ["-m", "tests.grounds", *waiting], errors) as process:
                for record in records(process, stop):
                    if "summary" in record:
                        _self_test(environment, record, report, say)
                    elif "begin" in record:
                        current = str(record["begin"])
                    else:
                        _end(environment, waiting.pop(str(record["end"])), record, report, say)
                        current = ""
            if current and not stop.is_set():
                lost = {"end": current, "problems": [["lost", "the judge died or fell silent"]], "seconds": 0}
                _end(environment, waiting.pop(current), lost, report, say)
            if len(waiting) == left and not stop.is_set():
                errors.seek(0)
                tail = errors.read()[-2000:].decode(errors="replace").strip()
                report.faults.append(f"no judge could be started in the environment {environment.name!r}:\n{tail}")
                say(f"{environment.name:9}  {report.faults[-1]}")
                break
    return report


def left_behind() -> list[int]:
    """The processes that still live when all judges are gone; they are ended."""
    until = time.monotonic() + LEAVING_SECONDS
    while (found := living(os.getpid())) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return sorted(found)


def records(process: "subprocess.Popen[str]", stop: Event) -> Iterator[dict[str, object]]:
    """The lines of JSON that a judge writes, until it ends, or is ended: it wrote nothing for too long, or `stop` is set."""
    assert process.stdout is not None
    descriptor, rest = process.stdout.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        heard = time.monotonic()
        while not stop.is_set() and time.monotonic() - heard < SILENCE_SECONDS:
            if not selector.select(0.5):
                continue
            heard = time.monotonic()
            data = os.read(descriptor, 65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield json.loads(line)
    process.kill()


def _self_test(environment: Environment, record: dict[str, object], report: Report, say: Callable[[str], None]) -> None:
    say(f"{environment.name:9}  {record['summary']}")
    layers, still_open = record["layers"], record["open"]
    assert isinstance(layers, dict) and isinstance(still_open, list)
    missing = sorted(layer for layer in environment.layers if not layers.get(layer))
    for what in (*(f"lacks the layer {layer}" for layer in missing), *(f"student code {each}" for each in still_open)):
        report.faults.append(f"{environment.name}: {what}")
        say(f"{environment.name:9}  FAULT: {what}")


def _end(
    environment: Environment, trial: Trial, record: dict[str, object], report: Report, say: Callable[[str], None]
) -> None:
    problems = record["problems"]
    assert isinstance(problems, list)
    known = environment.known_open.get(trial.name)
    if known is not None:
        # exactly this and nothing else, or the documentation is wrong
        expected = problems == [["forged", "says so"], ["untried", "neither refused nor through"]]
        problems = [] if expected else [*problems, ["forged", f"expected: {known}, and nothing else"]]
    report.counts.update(kind for kind, _ in problems)
    wrong = "; ".join(f"{kind.upper()}: {what}" for kind, what in problems)
    report.outcomes[trial.name] = wrong
    right = OPEN if known is not None else "keeps its points" if trial.earns else "gets nothing"
    say(
        f"{environment.name:9}  {trial.name:22}  {wrong or right:30}  {trial.layer or 'control':8}  {record['seconds']:>5} s"
    )


def total(reports: Sequence[Report], wanted: Sequence[Trial]) -> str:
    """The last line."""
    counts = sum((report.counts for report in reports), Counter[str]())
    n_attacks = sum(not trial.is_control for trial in wanted)
    line = (
        f"{n_attacks} attacks in {len(reports)} environments: {counts['forged']} forged, {counts['lost']} lost, "
        f"{counts['survivor']} survivors"
    )
    extra = [f"{counts['untried']} that tried nothing"] if counts["untried"] else []
    extra += [f"{n} faults of environments" for n in [sum(len(report.faults) for report in reports)] if n]
    return ", ".join([line, *extra])


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare everything and run the environments side by side: many attacks do nothing but wait for a deadline."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack_run", description=__doc__.splitlines()[0])
    names = [environment.name for environment in ENVIRONMENTS]
    parser.add_argument("--environment", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--only", action="append", metavar="ATTACK", help="only this attack; may be repeated")
    options = parser.parse_args(arguments)
    known = {trial.name: trial for trial in trials()}
    if unknown := set(options.only or ()) - known.keys():
        parser.error(
            f"no attack is called {', '.join(sorted(unknown))}; they are the files of tests/attacks, and built ones"
        )
    wanted = [trial for trial in known.values() if not options.only or trial.name in options.only]
    chosen = [each for each in ENVIRONMENTS if not options.environment or each.name in options.environment]
    start = time.monotonic()
    adopt_orphans()

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        with prepared() as place, ThreadPoolExecutor(len(chosen)) as pool:
            stop = Event()
            futures = [pool.submit(run, environment, place, wanted, say, stop) for environment in chosen]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)  # one that cannot be made is told at once
            finally:
                stop.set()
            reports = [future.result() for future in futures]
        left = left_behind()
    except EnvironmentMissing as error:
        print(f"attacks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("attacks: interrupted, everything is ended", file=sys.stderr)
        return 130
    if left:
        reports[0].counts["survivor"] += len(left)
        say(f"SURVIVOR: {len(left)} processes when all judges were gone: {left}")
    for report in reports:
        for fault in report.faults:
            say(fault)
    say(f"{total(reports, wanted)} ({time.monotonic() - start:.0f} s)")
    return 0 if all(report.clean for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
