"""What `run_autograder` does: one submission in, one complete results.json out, whatever happens in between."""

import argparse
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from graders.homework import HomeworkError, available
from graders.plugin import HERE, hardened_command

from .blank import blank
from .results import read, write
from .table import table_of

CONTAINER = Path("/autograder")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; inside Gradescope's container everything has a default."""
    inside = CONTAINER.is_dir()
    parser = argparse.ArgumentParser(prog="run_autograder", description="Grade one submission.")
    slug_file = HERE.parent / "HOMEWORK"  # an autograder package names its homework here
    slug = slug_file.read_text(encoding="utf-8").strip() if slug_file.is_file() else None
    parser.add_argument(
        "--homework", default=slug, required=slug is None, help=f"{', '.join(available())}, or the path of a TOML"
    )
    parser.add_argument("--submission", type=Path, default=CONTAINER / "submission" if inside else None)
    parser.add_argument("--results", type=Path, default=CONTAINER / "results" / "results.json" if inside else None)
    parser.add_argument("--seed", type=int, help="the same cases for every submission with the same seed")
    parser.add_argument(
        "--accept-unconfined", action="store_true", help="grade hidden checks too where student code is not confined"
    )
    parser.add_argument("--quiet", action="store_true", help="print the table only, not a line per check")
    options = parser.parse_args(arguments)
    if options.homework.endswith(".toml"):
        options.homework = str(Path(options.homework).resolve())
    for name in ("submission", "results"):
        if getattr(options, name) is None:
            parser.error(f"--{name} is needed outside of Gradescope's container")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Grade; returns 0 when a complete results.json has been written, 1 when the run was cut short, 2 for misuse."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    console = Console()
    try:
        before = blank(options.homework, "The grading has begun.")
    except HomeworkError as error:
        console.print(str(error), style="red", markup=False)
        return 2
    try:
        write(before, options.results)
    except OSError as error:
        console.print(f"--results {options.results} cannot be written: {error.strerror}", style="red", markup=False)
        return 2
    command = hardened_command(
        [
            *(str(HERE), "-q", "--no-header", "--no-summary"),
            f"--homework={options.homework}",
            f"--submission={options.submission.resolve()}",
            f"--results={options.results.resolve()}",
            *([f"--seed={options.seed}"] if options.seed is not None else []),
            *(["--accept-unconfined"] if options.accept_unconfined else []),
        ]
    )
    silent = subprocess.DEVNULL if options.quiet else None
    status = subprocess.run(command, cwd="/", stdout=silent, check=False).returncode
    results = read(options.results)
    console.print(table_of(results, options.homework))
    console.print(results.output, markup=False, highlight=False)
    if results.extra_data.get("finished"):
        return 0
    if status not in (0, 1, 2, 4):
        lines = [f"The grader stopped early (status {status}); what it had judged is below.", results.output]
        results.output = "\n".join("\n".join(lines).splitlines()[:3])
        results.extra_data["grader_status"] = status
        write(results, options.results)
    return 1
