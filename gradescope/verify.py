"""The end of setup.sh: whether the image that was just made can grade. It is run by `python -I -m gradescope.verify`."""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from graders.doctor import show
from graders.homework import config_of
from graders.judge import KEY, reference_of
from graders.plugin import HERE
from sandbox.errors import SandboxError
from sandbox.launch import Zygote
from sandbox.self_test import Confinement, self_test

from .autograder import main as grade
from .manifest import ManifestError, check
from .results import Results, read

PACKAGE = HERE.parent


class VerifyError(Exception):
    """The image cannot grade; the message says why."""


def main(arguments: Sequence[str]) -> int:
    """Verify the package that this file belongs to; returns 0 if it can grade, 1 if not."""
    parser = argparse.ArgumentParser(prog="verify", description=__doc__)
    parser.add_argument(
        "--strict", action="store_true", help="fail where confinement has a gap; else say so, and grade without it"
    )
    options = parser.parse_args(arguments)
    console = Console(width=120)
    try:
        manifest = check(PACKAGE)
        console.print(f"{len(manifest.files)} files are as they were packed, by Headmaster {manifest.headmaster}.")
        with Zygote() as zygote:
            found = self_test(zygote)
        show(found, console)
        if options.strict:
            demand(found)
        name = (PACKAGE / "HOMEWORK").read_text(encoding="utf-8").strip()
        verify_solution(str(PACKAGE / name) if name.endswith(".toml") else name, console, found)
    except (ManifestError, SandboxError, VerifyError) as error:
        print(f"headmaster: {error}", file=sys.stderr)
        return 1
    return 0


def demand(found: Confinement) -> None:
    """Refuse an image in which student code is not confined as it can be in Gradescope's container.

    Raises:
        VerifyError: something that is required was possible, or workers have no user of their own.
    """
    if not found.holds or not found.layers.get("uid"):
        raise VerifyError(" ".join([f"{found.summary}.", *found.advice()]))


def verify_solution(name: str, console: Console, found: Confinement) -> None:
    """Grade the solution as a submission.

    Raises:
        VerifyError: it does not get all points.
    """
    solution = reference_of(name)
    if solution is None:
        raise VerifyError("the package has no solution: make it anew with `headmaster package`")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="headmaster-verify-") as folder:
        place = Path(folder, "submission")
        if solution == KEY:  # the solution of `core` lies among other modules
            place.mkdir()
            for file in config_of(name).files.names:
                shutil.copy(solution / file, place)
        else:
            shutil.copytree(solution, place)
        results = Path(folder, "results.json")
        arguments = [f"--homework={name}", f"--submission={place}", f"--results={results}", "--quiet"]
        if not found.holds:
            arguments.append("--accept-unconfined")
        status = grade(arguments)
        judged = read(results) if results.is_file() else None
    # the solution comes without trained models: they are made on the staff's machine, and are large
    trained = {item.number for item in config_of(name).items if item.needs_data}
    if judged is not None:
        judged.tests = [test for test in judged.tests if test.number not in trained]
    if status != 0 or judged is None or judged.score != judged.max_score:
        raise VerifyError(f"the solution did not get all points: {lost(judged)}")
    seconds = time.monotonic() - start
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    console.print(
        f"The solution gets all {judged.max_score:g} points, in {seconds:.0f} s with {peak:.0f} MiB (its largest process)."
    )


def lost(results: Results | None) -> str:
    """What the solution was denied, in words."""
    if results is None:
        return "there is no results.json"
    few = [f"{test.number} {test.score:g}/{test.max_score:g}" for test in results.tests if test.score != test.max_score]
    return ", ".join(few) if few else results.output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
