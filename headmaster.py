"""The command line. Each command is one call into a room.

headmaster grade     --homework H --submission DIR --results FILE    grade one submission
headmaster replay    RESULTS SUBMISSION [--check ID]                 judge again with the recorded seeds: the same verdicts?
headmaster regrade   DIR --compare [--submissions DIR] [--out DIR]   judge earlier submissions again: whose score changes?
headmaster template  HOMEWORK [--out DIR]                            write what students start from
headmaster solution  HOMEWORK [--out DIR]                            write a notebook's solution as it is handed in
headmaster demo      [--homework H] [--out DIR]                      grade three ready submissions
headmaster audit     [HOMEWORK] [--task T] [--mutate]                judge right and wrong submissions: prove the checks
headmaster flakiness [HOMEWORK] [--seeds N] [--minutes M]            judge right submissions at many seeds
headmaster doctor                                                    whether this machine confines student code
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="headmaster", description="An autograder for Transformer homeworks.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("grade", help="grade one submission (the options of run_autograder)", add_help=False)
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
    commands.add_parser("replay", help="judge again with the seeds that a results.json has recorded", add_help=False)
    commands.add_parser(
        "regrade", help="judge a folder of earlier submissions again, list what changes", add_help=False
    )
    commands.add_parser("audit", help="judge right and wrong submissions: prove the checks", add_help=False)
    commands.add_parser("flakiness", help="judge right submissions at many seeds", add_help=False)
    commands.add_parser("doctor", help="whether this machine confines student code, and what to do", add_help=False)
    # these have options of their own
    if given and given[0] == "grade":
        from gradescope.autograder import main as grade

        return grade(given[1:])
    if given and given[0] == "replay":
        from gradescope.replay import main as replay

        return replay(given[1:])
    if given and given[0] == "regrade":
        from gradescope.regrade import main as regrade

        return regrade(given[1:])
    if given and given[0] == "audit":
        from audit.command import main as audit

        return audit(given[1:])
    if given and given[0] == "flakiness":
        from audit.flakiness import main as flakiness

        return flakiness(given[1:])
    if given and given[0] == "doctor":
        from graders.doctor import main as doctor

        return doctor(given[1:])
    options, rest = parser.parse_known_args(given)
    if rest:
        parser.error(f"not understood: {' '.join(rest)}")
    if options.command == "template":
        return _template(options.homework, options.out)
    if options.command == "solution":
        return _solution(options.homework, options.out)
    from gradescope.demo import run

    return run(options.homework, options.out)


def _template(homework: str, out: Path | None) -> int:
    from reference.templates import write_template

    folder = out or HERE / "student_template" / homework
    try:
        write_template(homework, folder)
    except ValueError as error:
        print(f"headmaster template: {error}", file=sys.stderr)
        return 2
    print(f"wrote {folder}")
    return 0


def _solution(homework: str, out: Path | None) -> int:
    from reference.templates import write_solution

    folder = out or HERE / "reference" / "homeworks" / homework / "handed_in"
    try:
        write_solution(homework, folder)
    except ValueError as error:
        print(f"headmaster solution: {error}", file=sys.stderr)
        return 2
    print(f"wrote {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
