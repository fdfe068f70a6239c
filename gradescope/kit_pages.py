"""The pages of a student's kit that are written for it: README.md, pyproject.toml, constraints.txt and the homework's TOML."""

import importlib.metadata
import json
import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from graders.check import Check
from graders.homework import Config, Item

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_README = """\
# {title}: the student's kit

The checks here are among those that your submission is graded with. Write your code in the files at the top of this folder,
and ask as often as you like.

## Once

Python 3.10 to 3.13 on Linux; on Windows inside WSL; on macOS, where your code is not confined. In this folder:

    python3 -m venv .venv
    .venv/bin/pip install -c constraints.txt -e .

If you have no GPU, `--extra-index-url` with the address that pytorch.org gives for Linux, pip and CPU saves gigabytes.

## As often as you like

    .venv/bin/pytest graders --submission .

One part alone, or one check:

    .venv/bin/pytest graders --submission . -k {task}
    .venv/bin/pytest graders --submission . -k "{task} and {check}"

`--submission` takes any folder with your files. The work goes into: {files}.

## What it says

| verdict | meaning |
| --- | --- |
| passed | no case was found that violates the sentence |
| failed | the smallest failing case is shown: what was expected, what your code gave, and code that repeats it without pytest |
| advice | like failed, but it costs no points |
| not judged | it needs a check that failed, or this kit holds no answer for the way in which your code works; then the \
staff's run judges it |

Every check runs your code in a process of its own, on Linux without files, network or other programs, as in the grading.

## What is graded here

{items}

## What is not

{elsewhere}The grading draws other cases than those that are recorded here, anew for each submission. Code that passes here \
because it does the right thing passes there too; code that knows these cases does not.
"""
_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "headmaster-kit"
version = "{version}"
description = "The visible checks of a homework, for its students"
requires-python = "{python}"
dependencies = {dependencies}

[project.entry-points.pytest11]
headmaster = "graders.plugin"

[tool.setuptools]
py-modules = []

[tool.setuptools.packages.find]
include = ["graders*", "sandbox"]

[tool.pytest.ini_options]
minversion = "8"
addopts = ["--import-mode=importlib", "-ra"]
pythonpath = ["."]
"""
NAME = re.compile(r"[A-Za-z0-9._-]+")


def readme(config: Config, checks: Sequence[Check], more: bool) -> str:
    """README.md, one page.

    Args:
        config: of the kit: visible items only.
        checks: the kit's.
        more: whether the staff's run has items that are not here.
    """
    graded = []
    for item in config.items:
        own = [check for check in checks if item.has(check.id)]
        if own:
            graded.append(f"- {item.number}. {item.title} ({', '.join(item.tasks or ('rules',))}): {len(own)} checks")
    first = next((check for check in checks if check.group.value == "agreement"), checks[0])
    place = f" (in `{config.files.folder}/`)" if config.files.folder else ""
    elsewhere = "There are more checks in the staff's run, which are not shown. " if more else ""
    return _README.format(
        title=config.title,
        task=f"test_{first.task}",
        check=first.name,
        files=", ".join(f"`{name}`" for name in config.files.names) + place,
        items="\n".join(graded),
        elsewhere=elsewhere,
    )


def pyproject(ours: Path) -> str:
    """pyproject.toml, with the dependencies of our own."""
    project = tomllib.loads(ours.read_text(encoding="utf-8"))["project"]
    dependencies = "[\n" + "".join(f"    {json.dumps(each)},\n" for each in project["dependencies"]) + "]"
    return _PYPROJECT.format(version=project["version"], python=project["requires-python"], dependencies=dependencies)


def constraints(ours: Path, pyproject_text: str) -> str:
    """constraints.txt: of our own pins those of the kit's dependencies and of what they need."""
    waiting = [_name_of(each) for each in tomllib.loads(pyproject_text)["project"]["dependencies"]]
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another Python
        waiting += [_name_of(each) for each in requirements if "extra ==" not in each]
    lines = ours.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("#") and _name_of(line) in needed]
    return "\n".join(["# The versions that the kit was made with.", *kept, ""])


def _name_of(requirement: str) -> str:
    found = NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def toml_of_kit(config: Config) -> str:
    """The homework's TOML with what is visible and graded by the kit; comments, which are the staff's, are gone."""
    lines = [f"title = {_value(config.title)}", f"feedback = {_value(config.feedback)}", ""]
    for name, table in (("files", config.files), ("limits", config.limits), ("rules", config.rules)):
        lines += [f"[{name}]", *_entries(table.model_dump(exclude_defaults=True)), ""]
    for item in config.items:
        lines += ["[[item]]", *_entries(item.model_dump(exclude_defaults=True)), ""]
    return "\n".join(lines)


def visible(config: Config) -> Config:
    """What of a homework its students may see: the graded items that are visible at once.

    Time is compared with a solution's, which a kit has not.
    """
    config = config.without_timing()
    items = tuple(item for item in config.auto_items if not item.is_hidden)
    return config.model_copy(update={"items": items, "handout_points": None, "handout_note": "", "trained": None})


def hidden(config: Config) -> list[Item]:
    """The graded items that are not in the kit."""
    return [item for item in config.auto_items if item.is_hidden]


def _entries(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]


def _value(value: Any) -> str:
    if isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False)  # JSON's texts are TOML's, too
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + " }"
    return "[" + ", ".join(_value(item) for item in value) + "]"
