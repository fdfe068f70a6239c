"""All checks, read off the test files next to this one."""

import importlib
from functools import cache
from pathlib import Path

from .check import Check
from .homework import Homework


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check, by file name and then in the order of definition."""
    found = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"graders.{path.stem}")
        found += [value for value in vars(module).values() if isinstance(value, Check)]
    return tuple(found)


def checks_of(homework: Homework) -> list[Check]:
    """The checks that a homework has, in the order in which they run: by item, task, group, definition; then its rules,
    then what is timed.

    A check whose required capabilities the homework's binding lacks is absent.
    """
    ordered = []
    by_id = {check.id: check for check in all_checks()}
    for item in homework.config.auto_items:
        for task in item.tasks:
            offered = homework.binding[task].capabilities
            present = [check for check in all_checks() if check.task == task and check.requires <= offered]
            ordered += sorted(present, key=lambda check: check.group.order)
        ordered += [by_id[name] for name in (*item.rules, *item.timing) if name in by_id]
    return ordered
