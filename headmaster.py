"""The command line. Each command is one call into a room.

headmaster grade     --homework H --submission DIR --results FILE    grade one submission
headmaster replay    RESULTS SUBMISSION [--check ID]                 judge again with the recorded seeds: the same verdicts?
headmaster regrade   DIR --compare [--submissions DIR] [--out DIR]   judge earlier submissions again: whose score changes?
headmaster template  HOMEWORK [--out DIR]                            write what students start from
headmaster solution  HOMEWORK [--out DIR]                            write a notebook's solution as it is handed in
headmaster package   HOMEWORK [-o FILE] [--torch-index URL]          make the zip for Gradescope
headmaster simulate  PACKAGE SUBMISSION...                           do with both what Gradescope does, in a container
headmaster kit       HOMEWORK [-o kit.zip] [--also DIR]              what students run at home
headmaster checkpoints HOMEWORK [--preset tiny|handout] [--data DIR] train reference models, record what they reach
headmaster demo      [--homework H] [--out DIR]                      grade three ready submissions
headmaster audit     [HOMEWORK] [--task T] [--mutate]                judge right and wrong submissions: prove the checks
headmaster flakiness [HOMEWORK] [--seeds N] [--minutes M]            judge right submissions at many seeds
headmaster doctor                                                    whether this machine confines student code
"""

import argparse
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
# commands with options of their own: what they are for, and the module whose `main` takes the arguments
COMMANDS = {
    "grade": ("grade one submission (the options of run_autograder)", "gradescope.autograder"),
    "replay": ("judge again with the seeds that a results.json has recorded", "gradescope.replay"),
    "regrade": ("judge a folder of earlier submissions again, list what changes", "gradescope.regrade"),
    "package": ("make the zip for Gradescope", "gradescope.package"),
    "simulate": ("do with a package and a submission what Gradescope does", "gradescope.simulate"),
    "kit": ("what students run at home: template, visible checks, recorded cases", "gradescope.kit"),
    "audit": ("judge right and wrong submissions: prove the checks", "audit.command"),
    "flakiness": ("judge right submissions at many seeds", "audit.flakiness"),
    "checkpoints": ("train a homework's reference models, and record what they reach", "reference.checkpoints"),
    "doctor": ("whether this machine confines student code, and what to do", "graders.doctor"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in COMMANDS:
        run: Callable[[list[str]], int] = importlib.import_module(COMMANDS[given[0]][1]).main
        return run(given[1:])
    parser = argparse.ArgumentParser(prog="headmaster", description="An autograder for Transformer homeworks.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (purpose, _) in COMMANDS.items():
        commands.add_parser(name, help=purpose, add_help=False)
    template = commands.add_parser("template", help="write what students start from")
    template.add_argument("homework")
    template.add_argument("--out", type=Path, help="folder of the template (default: student_template/HOMEWORK)")
    solution = commands.add_parser(
        "solution", help="write the solution of a homework with notebooks, as it is handed in"
    )
    solution.add_argument("homework")
    solution.add_argument("--out", type=Path, help="default: reference/homeworks/HOMEWORK/handed_in")
    demo = commands.add_parser("demo", help="grade the solution, the template and a wrong submission of a homework")
    demo.add_argument("--homework", default="cmu_birthplaces", help="default: cmu_birthplaces")
    demo.add_argument("--out", type=Path, default=Path("out"), help="where the results.json files go (default: out/)")
    options, rest = parser.parse_known_args(given)
    if rest:
        named = "; the homework is named by --homework" if options.command == "demo" and rest[0][0] != "-" else ""
        parser.error(f"not understood: {' '.join(rest)}{named}")
    if options.command == "template":
        return _template(options.homework, options.out)
    if options.command == "solution":
        return _solution(options.homework, options.out)
    from gradescope.demo import run as run_demo

    return run_demo(options.homework, options.out)


def _template(homework: str, out: Path | None) -> int:
    from reference.templates import write_template

    folder = out or HERE / "student_template" / homework
    return _written("template", lambda: write_template(homework, folder), folder)


def _solution(homework: str, out: Path | None) -> int:
    from reference.templates import write_solution

    folder = out or HERE / "reference" / "homeworks" / homework / "handed_in"
    return _written("solution", lambda: write_solution(homework, folder), folder)


def _written(command: str, write: Callable[[], None], folder: Path) -> int:
    """Write into a folder; 2 = it cannot be, and why."""
    try:
        write()
    except ValueError as error:
        print(f"headmaster {command}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"headmaster {command}: --out {folder} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    print(f"wrote {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
