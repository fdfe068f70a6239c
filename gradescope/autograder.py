"""What `run_autograder` does: one submission in, one complete results.json out, whatever happens in between."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from graders.homework import HomeworkError, available, config_of
from graders.plugin import HERE, hardened_command

from . import outlets
from .blank import blank
from .limits import refusal
from .metadata import Metadata
from .presentation import present
from .reserve import Reserve
from .results import read, write
from .supervisor import Supervisor, age, budget
from .table import table_of

CONTAINER = Path("/autograder")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; inside Gradescope's container everything has a default."""
    inside = CONTAINER.is_dir()
    parser = argparse.ArgumentParser(prog=_program(), description="Grade one submission.")
    slug_file = HERE.parent / "HOMEWORK"  # an autograder package names its homework here
    slug = slug_file.read_text(encoding="utf-8").strip() if slug_file.is_file() else None
    if slug is not None and slug.endswith(".toml"):  # an instructor's own, in the package
        slug = str(HERE.parent / slug)
    parser.add_argument(
        "--homework", default=slug, required=slug is None, help=f"{', '.join(available())}, or the path of a TOML"
    )
    parser.add_argument(
        "--submission",
        type=Path,
        default=CONTAINER / "submission" if inside else None,
        help="the folder that was handed in, or a .zip of it",
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=CONTAINER / "results" / "results.json" if inside else None,
        help="where results.json is written",
    )
    parser.add_argument(
        "--metadata",
        type=Path,
        default=CONTAINER / "submission_metadata.json" if inside else None,
        help="Gradescope's submission_metadata.json: limits, release by date, changes since the last submission",
    )
    parser.add_argument("--seed", type=int, help="the same cases for every submission with the same seed")
    parser.add_argument(
        "--accept-unconfined", action="store_true", help="grade hidden checks too where student code is not confined"
    )
    parser.add_argument(
        "--format",
        choices=outlets.OUTLETS,
        default="gradescope",
        help="what --results is written for (default: gradescope)",
    )
    parser.add_argument("--quiet", action="store_true", help="print the table only, not a line per check")
    options = parser.parse_args(arguments)
    if options.homework.endswith(".toml"):
        options.homework = str(Path(options.homework).resolve())
    for name in ("submission", "results"):
        if getattr(options, name) is None:
            parser.error(f"--{name} is needed outside of Gradescope's container")
    if not inside and options.metadata is not None and not options.metadata.is_file():
        parser.error(f"--metadata: there is no file {options.metadata}")
    return options


def _program() -> str:
    """What this was started as."""
    return "headmaster grade" if Path(sys.argv[0]).name in ("headmaster", "headmaster.py") else "run_autograder"


def main(arguments: list[str] | None = None) -> int:
    """Grade; returns 0 when a complete results.json has been written, 1 when the run was cut short, 2 for misuse.

    With `--format classroom` 0 means full points, and 1 less than that.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options = parse(given)
    if options.format != "gradescope":
        again = [*given, "--format=gradescope"]  # the last of an option counts
        return outlets.through(
            options.format, options.homework, options.results, lambda path: main([*again, f"--results={path}"])
        )
    console = Console()
    try:
        metadata = Metadata.read(options.metadata) if options.metadata is not None else None
        refused = refusal(metadata, options.homework) if metadata is not None else None
        before = refused or blank(options.homework, "The grading has begun.")
        present(before, config_of(options.homework), metadata)
    except HomeworkError as error:
        console.print(str(error), style="red", markup=False)
        return 2
    try:
        write(before, options.results)
    except OSError as error:
        console.print(f"--results {options.results} cannot be written: {error.strerror}", style="red", markup=False)
        return 2
    if refused is not None:
        console.print(table_of(refused, _title(options.homework)))
        console.print(refused.output, markup=False, highlight=False)
        return 0
    reserve = Reserve(options.results.parent)
    reserve.take()
    with tempfile.TemporaryDirectory(prefix="headmaster-") as folder:
        os.chmod(folder, 0o711)  # workers, who have users of their own, read the snapshot that the judge makes in it
        ended = Supervisor(
            lambda seconds: _command(options, seconds, Path(folder) / "progress"),
            lambda: read(options.results).extra_data.get("finished") is True,
            budget(config_of(options.homework).limits.seconds_in_all),
            # the platform's clock runs from the start of its process; a caller's process may be old
            age=age() if arguments is None else 0.0,
            environment={"TMPDIR": folder},  # so that nothing is left of a judge that is killed
            silent=options.quiet,
        ).run()
    reserve.give_back()
    results = read(options.results)
    finished = results.extra_data.get("finished") is True
    if not finished and (ended.status not in (0, 1, 2, 4) or ended.reason):
        lines = [_WHY[ended.reason], results.output]
        results.output = "\n".join("\n".join(lines).splitlines()[:3])
        results.extra_data["grader_status"] = ended.status
        write(results, options.results)
    could_not_begin = ended.status == 4 and results.output == before.output
    if could_not_begin:  # the homework cannot be used, as the judge has just said
        results.output = "The grading could not begin, through no fault of yours. The staff has to look at it."
        results.extra_data["grader_status"] = ended.status
        write(results, options.results)
    console.print(table_of(results, _title(options.homework)))
    console.print(results.output, markup=False, highlight=False)
    return 2 if could_not_begin else 0 if finished else 1


_WHY = {
    "": "The grader stopped early, through no fault of yours; what it had judged is below. Hand in again.",
    "time": "The time allowed for grading was over; what had been judged by then is below.",
    "asked": "The grading was stopped from outside; what had been judged by then is below. Hand in again.",
}


def _title(homework: str) -> str:
    """What the table is called: the slug, also where a TOML is named by its path."""
    return Path(homework).stem if homework.endswith(".toml") else homework


def _command(options: argparse.Namespace, seconds: float, progress: Path) -> list[str]:
    """The command line of the judge."""
    return hardened_command(
        [
            *(str(HERE), "-q", "--no-header", "--no-summary"),
            f"--homework={options.homework}",
            f"--submission={options.submission.resolve()}",
            f"--results={options.results.resolve()}",
            f"--seconds={seconds:.3f}",
            f"--progress={progress}",
            *([f"--submission-metadata={options.metadata.resolve()}"] if options.metadata is not None else []),
            *([f"--seed={options.seed}"] if options.seed is not None else []),
            *(["--accept-unconfined"] if options.accept_unconfined else []),
        ]
    )
