"""Judges submissions as a student would with a kit: run on its own, `python -I kit_judge.py KIT CHECKOUT`.

Standard input holds [[folder, name], …] as JSON; a name of "" judges all checks, as a student's run does, a task or a check
judges those alone, each for itself. Standard output holds [{check: outcome}, …]. Whatever opens a file of the checkout
beside its virtual environment, or imports a room that the kit has not, ends it with an error.
"""

import json
import sys
from pathlib import Path
from typing import Any

KIT, CHECKOUT = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()


def only_the_kit() -> None:
    """Import the kit's rooms, and see that nothing comes from the checkout."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
    sys.path[:] = [str(KIT), *(entry for entry in sys.path if Path(entry).resolve() != CHECKOUT)]
    room, installed = f"{CHECKOUT}/", f"{CHECKOUT}/.venv/"

    def watch(event: str, facts: tuple[Any, ...]) -> None:
        name = facts[0] if event == "open" and isinstance(facts[0], str) else ""
        if name.startswith(room) and name != __file__ and not name.startswith(installed):
            raise AssertionError(f"the kit opened {name}")

    sys.addaudithook(watch)


def main() -> None:
    """Judge what standard input says."""
    only_the_kit()
    from graders.homework import load
    from graders.judge import Judge
    from sandbox.launch import Zygote

    homework = load((KIT / "HOMEWORK").read_text(encoding="utf-8").strip())
    found = []
    with Zygote() as zygote:
        for folder, name in json.load(sys.stdin):
            with Judge(homework, Path(folder), zygote, shrink_calls=0) as judge:
                if name:
                    verdicts = {
                        check.id: check.run(judge.student, judge.seed_of(check), shrink_calls=0)
                        for check in judge.checks
                        if name in (check.task, check.id)
                    }
                else:
                    verdicts = judge.judge_all()
            found.append({name: verdict.outcome.value for name, verdict in verdicts.items()})
            staff = {name: verdict.staff for name, verdict in verdicts.items() if verdict.staff}
            assert not staff, staff
    assert {"reference", "gradescope", "audit"}.isdisjoint(sys.modules), "a room of the staff's was imported"
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
