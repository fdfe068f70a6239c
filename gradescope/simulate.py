"""`headmaster simulate autograder.zip SUBMISSION…`: what Gradescope does with both, on this machine."""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import container
from .container import ContainerError, Limits
from .image import BuildError, Image, build, grade
from .rootfs import RootfsError, mirror
from .shown import score_of, to_student
from .unpack import UnpackError, stage

MEMORY_MIB, CPUS, MINUTES = 768, 0.5, 10.0  # Gradescope's defaults
METADATA = {
    "id": 1,
    "created_at": "2026-01-15T12:00:00.000000-08:00",
    "assignment": {
        "due_date": "2026-01-16T23:59:00.000000-08:00",
        "group_size": None,
        "group_submission": False,
        "id": 1,
        "course_id": 1,
        "late_due_date": None,
        "release_date": "2026-01-08T00:00:00.000000-08:00",
        "title": "Simulated assignment",
        "total_points": "100.0",
    },
    "submission_method": "upload",
    "users": [{"email": "student@example.com", "id": 1, "name": "A Student"}],
    "previous_submissions": [],
}


@dataclass(frozen=True)
class Simulated:
    """One graded submission.

    Attributes:
        results: what the platform would store of results.json.
        stdout: what run_autograder printed.
        seconds: how long it took.
        error: "" or what the platform calls it: timeout, invalid_json, killed.
        peak_mib: memory of all processes together; None = not known.
        out_of_memory: whether a process was ended for want of memory.
    """

    results: dict[str, Any]
    stdout: str
    seconds: float
    error: str
    peak_mib: float | None
    out_of_memory: bool

    @property
    def score(self) -> float | None:
        """The submission's score."""
        return score_of(self.results)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns 0 if every submission got a result, 1 if the image or a run failed, 2 for misuse."""
    options = _parse(arguments)
    why_plain = "it was asked for" if options.plain else where_not()
    print(f"in a plain directory: {why_plain}" if why_plain else "in a container: runc, Debian's packages")
    limits = Limits(options.memory_mib, options.cpus)
    if why_plain or not container.can_limit():
        limits = Limits()
        print("memory and processor are not limited here")
    try:
        metadata = METADATA if options.metadata is None else _read(options.metadata)
        if not options.package.is_file():
            raise UnpackError(f"there is no package {options.package}: `headmaster package HOMEWORK` makes one")
        if missing := [path for path in options.submission if not path.exists()]:
            raise UnpackError(f"there is no submission {missing[0]}: pass a zip, a folder or a file")
    except (OSError, UnpackError) as error:
        print(f"headmaster simulate: {error}", file=sys.stderr)
        return 2
    worst = 0
    try:
        image = build(options.package, plain=bool(why_plain))
        print(image.log or "the image is kept from an earlier run")
        for number, submission in enumerate(options.submission, start=1):
            try:
                found = simulate(image, submission, metadata=metadata, seconds=options.minutes * 60, limits=limits)
            except UnpackError as error:  # the others are graded all the same
                print(f"headmaster simulate: {error}", file=sys.stderr)
                worst = 2
                continue
            _show(submission, found)
            if options.out is not None:
                _keep(options.out / f"{number}-{submission.stem}", found)
            worst = max(worst, 1 if found.error else 0)
    except (BuildError, ContainerError, RootfsError, UnpackError, OSError) as error:
        print(f"headmaster simulate: {error}", file=sys.stderr)
        return 1
    return worst


def where_not() -> str:
    """Why the root file system or the container cannot be made here; "" if both can."""
    return container.problem() or ("" if mirror() is not None else "apt has no source of this system's release")


def simulate(
    image: Image,
    submission: Path,
    *,
    metadata: dict[str, Any] | None = None,
    seconds: float = MINUTES * 60,
    limits: Limits | None = None,
) -> Simulated:
    """Grade one submission.

    Args:
        image: made of the package.
        submission: a zip, a folder or a file.
        metadata: what run_autograder finds as submission_metadata.json.
        seconds: the time limit.
        limits: memory and processor; Gradescope's defaults if left out.

    Raises:
        UnpackError: the submission cannot be laid out.
        ContainerError: no container could be started.
    """
    with tempfile.TemporaryDirectory(prefix="headmaster-simulate-") as folder:
        incoming, outgoing = Path(folder, "incoming"), Path(folder, "outgoing")
        incoming.mkdir()
        outgoing.mkdir()
        stage(submission, incoming / "submission")
        (incoming / "submission_metadata.json").write_text(json.dumps(metadata or METADATA), encoding="utf-8")
        ran = grade(image, incoming, outgoing, seconds, limits or Limits(MEMORY_MIB, CPUS))
        try:
            stored = json.loads((outgoing / "stored.json").read_text(encoding="utf-8"))
        except FileNotFoundError:  # the harness itself was ended
            stored = {"results": {}, "stdout": f"{ran.output}\nKilled", "execution_time": 0.0, "error": "killed"}
    return Simulated(
        stored["results"], stored["stdout"], stored["execution_time"], stored["error"], ran.peak_mib, ran.out_of_memory
    )


def _show(submission: Path, found: Simulated) -> None:
    """Print the student's page, then what only the staff sees."""
    print(f"\n──── {submission}: what the student sees ────\n{to_student(found.results)}")
    print(f"\n──── what the staff sees besides ────\n{found.stdout.strip()}")
    memory = "" if found.peak_mib is None else f", at most {found.peak_mib:.0f} MiB"
    print(f"\n{found.seconds:.0f} s{memory}{f'; error: {found.error}' if found.error else ''}")
    if found.out_of_memory:
        print("a process was ended because memory ran out")


def _read(metadata: Path) -> dict[str, Any]:
    try:
        found = json.loads(metadata.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnpackError(f"{metadata} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnpackError(f"{metadata} is no JSON object; see submission_metadata.json in docs/gradescope.md")
    return found


def _keep(folder: Path, found: Simulated) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(found.results, indent=1), encoding="utf-8")
    (folder / "stdout.txt").write_text(found.stdout, encoding="utf-8")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="headmaster simulate", description="Do with a package and submissions what Gradescope does."
    )
    parser.add_argument("package", type=Path, help="the zip that `headmaster package` has made")
    parser.add_argument("submission", type=Path, nargs="+", help="a zip, a folder, or a file, as a student uploads it")
    parser.add_argument("--minutes", type=_positive, default=MINUTES, help=f"the time limit (default: {MINUTES:g})")
    parser.add_argument("--memory-mib", type=_mebibytes, default=MEMORY_MIB, help=f"default: {MEMORY_MIB}")
    parser.add_argument("--cpus", type=_positive, default=CPUS, help=f"default: {CPUS:g}")
    parser.add_argument("--metadata", type=Path, help="a submission_metadata.json; without it one is made up")
    parser.add_argument("--plain", action="store_true", help="in a plain directory, without a container")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="keep results.json and stdout.txt in DIR/1-SUBMISSION, …"
    )
    return parser.parse_args(arguments)


def _mebibytes(text: str) -> int:
    return math.ceil(_positive(text))


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"found {text}; it must be a number above 0")
    return number
