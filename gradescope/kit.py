"""`headmaster kit HOMEWORK`: what students can run at home: the template, the visible checks, recorded cases and answers."""

import argparse
import math
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from graders.catalogue import all_checks, checks_of
from graders.check import Check
from graders.homework import Config, Homework, HomeworkError, check_ids, load, toml_of
from graders.judge import Judge, reference_of
from graders.recorded import Recorder
from graders.verdict import Outcome, Reason
from sandbox.errors import IntakeError
from sandbox.launch import Zygote

from .imports import ROOT
from .kit_pages import constraints, hidden, pyproject, readme, toml_of_kit, visible
from .kit_sources import sources

SEED = 1  # of the recorded cases; the grading's own follow from a secret
FIXED = {"core"}  # names and biases of all parameters are given: all right submissions ask the same
EPOCH = (1980, 1, 1, 0, 0, 0)
RULES_ABOUT_THE_TEMPLATE = {"rules.signatures_are_unchanged", "rules.code_only_in_todo_sections"}
INSTALLED = ("headmaster_kit.egg-info", "build")  # what pip leaves in the folder


class KitError(Exception):
    """A kit cannot be made; the message says why, and what to do."""


@dataclass(frozen=True)
class Kit:
    """What a kit holds.

    Attributes:
        slug: the homework's.
        files: contents by path, relative to the kit's folder.
        template: which of them are the template's.
        checks: the ids of the checks.
        hidden: how many items the staff's run has beyond it.
    """

    slug: str
    files: dict[str, bytes]
    template: tuple[str, ...]
    checks: tuple[str, ...]
    hidden: int

    def write(self, path: Path) -> None:
        """Write the archive; the same contents give the same bytes."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(self.files):
                entry = zipfile.ZipInfo(f"{self.slug}/{name}", EPOCH)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, self.files[name])


def make(name: str, also: Sequence[Path] = ()) -> Kit:
    """Judge the solution of a homework, record what happens, and gather the files.

    Args:
        name: a slug, or the path of an instructor's own TOML.
        also: further right submissions, whose questions are recorded, too: with other layouts than the solution's.

    Raises:
        KitError: there is no solution or no template, one of these submissions fails a check, or a case cannot be stored.
        HomeworkError: the homework's files cannot be used.
        IntakeError: a submission cannot be taken in.
    """
    kit, seen = gather(name), _seen(name)
    unhurried = seen.config.limits.model_copy(
        update={"seconds_in_all": math.inf}
    )  # several submissions are judged at once
    homework = seen.model_copy(update={"config": seen.config.model_copy(update={"limits": unhurried})})
    solution = reference_of(name)
    if solution is None:
        raise KitError(f"{kit.slug} has no solution: put it into a folder solution beside {toml_of(name).name}")
    recorder = Recorder(others=kit.slug not in FIXED)
    with ExitStack() as stack:
        zygote = stack.enter_context(Zygote())
        judges = [
            (folder, stack.enter_context(Judge(homework, folder, zygote, seed=SEED, shrink_calls=0)))
            for folder in (solution, *also)
        ]
        for check in judges[0][1].checks:
            for folder, judge in judges:
                _record(judge, recorder, check, "the solution" if folder == solution else str(folder))
    own = {path.partition("/")[0] for path in kit.files if path not in kit.template}
    with tempfile.TemporaryDirectory() as place:
        record = Path(place) / "record"
        versions = {"torch": torch.__version__.partition("+")[0]}
        recorder.write(record, homework=kit.slug, seed=SEED, versions=versions, own=sorted(own | {*INSTALLED}))
        files = {f"graders/record/{path.name}": path.read_bytes() for path in _files_in(record)}
    return replace(kit, files=kit.files | files)


def gather(name: str) -> Kit:
    """A kit without its record: no check is run.

    Raises:
        KitError, HomeworkError: as in `make`.
    """
    homework, toml = load(name), toml_of(name)
    seen = _seen(name)
    shown, slug = seen.config, seen.slug
    checks = checks_of(seen)
    if not checks:
        raise KitError(f'{slug} has no check that its students may see: no graded item has visibility = "visible"')
    place = toml.parent / "template" if name.endswith(".toml") else ROOT / "student_template" / slug
    template = {path.relative_to(place).as_posix(): path.read_bytes() for path in _files_in(place)}
    if not template:
        raise KitError(f"{slug} has no template: expected files in {place}")
    more = bool(hidden(homework.config))
    files = _pages(slug, shown, checks, more=more)
    package = toml.with_suffix("")
    binding = package if package.is_dir() else toml.with_suffix(".py")
    files |= {path: text.encode() for path, text in sources(binding, _tests(checks)).items()}
    if shown.rules.template:
        files[f"graders/homeworks/{shown.rules.template}"] = (toml.parent / shown.rules.template).read_bytes()
    if any(rule in RULES_ABOUT_THE_TEMPLATE for item in shown.items for rule in item.rules):
        files |= {f"student_template/{slug}/{path}": data for path, data in template.items()}
    own = {path.partition("/")[0] for path in files} | {*INSTALLED}
    if clash := sorted(own & {path.partition("/")[0] for path in template}):
        raise KitError(f"the template holds {', '.join(clash)}, which is a name of the kit's own: rename it")
    ids = tuple(check.id for check in checks)
    return Kit(slug, files | template, tuple(template), ids, len(hidden(homework.config)))


def _seen(name: str) -> Homework:
    """A homework as its students may see it."""
    homework = load(name)
    check_ids(homework, [check.id for check in all_checks()])
    return homework.model_copy(update={"config": visible(homework.config)})


def _record(judge: Judge, recorder: Recorder, check: Check, who: str) -> None:
    with recorder.of(check):
        verdict = judge.judge(check)
    if recorder.problem:
        raise KitError(f"{check.id}: {recorder.problem}")
    if verdict.outcome is Outcome.PASSED or verdict.reason in (Reason.NO_TEMPLATE, Reason.NOT_HANDED_IN):
        return
    raise KitError(
        f"{who} does not pass {check.id} ({verdict.outcome.value}): {verdict.staff or verdict.message}\n"
        "Correct the one or the other before students get either."
    )


def _tests(checks: Sequence[Check]) -> dict[Path, set[str]]:
    found: dict[Path, set[str]] = {}
    for check in checks:
        file = f"{check.function.__module__.rpartition('.')[2]}.py"
        found.setdefault(ROOT / "graders" / file, set()).add(check.name)
    return found


def _pages(slug: str, config: Config, checks: Sequence[Check], *, more: bool) -> dict[str, bytes]:
    project = pyproject(ROOT / "pyproject.toml")
    texts = {
        "README.md": readme(config, checks, more),
        "LICENSE": (ROOT / "LICENSE").read_text(encoding="utf-8"),
        "HOMEWORK": f"{slug}\n",
        "pyproject.toml": project,
        "constraints.txt": constraints(ROOT / "constraints.txt", project),
        f"graders/homeworks/{slug}.toml": toml_of_kit(config),
    }
    return {path: text.encode() for path, text in texts.items()}


def _files_in(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return [path for path in found if not path.name.startswith(".")]


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns 0 if a kit was written, 2 if not."""
    parser = argparse.ArgumentParser(prog="headmaster kit", description=__doc__)
    parser.add_argument("homework", help="a slug, or the path of a homework's TOML")
    parser.add_argument("-o", "--out", type=Path, default=Path("kit.zip"), help="default: kit.zip")
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="another right submission to record answers for",
    )
    options = parser.parse_args(arguments)
    folder = options.out.resolve().parent
    if not folder.is_dir():  # it takes a minute to find out otherwise
        print(f"headmaster kit: {options.out} cannot be written: there is no folder {folder}", file=sys.stderr)
        return 2
    try:
        kit = make(options.homework, options.also)
        kit.write(options.out)
    except (KitError, HomeworkError, IntakeError) as error:
        print(f"headmaster kit: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"headmaster kit: {options.out} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    record = sum(len(data) for path, data in kit.files.items() if path.startswith("graders/record/"))
    print(f"wrote {options.out}: {options.out.stat().st_size / 1e6:.1f} MB, {len(kit.files)} files in {kit.slug}/")
    print(f"  template   {', '.join(kit.template)}")
    print(
        f"  checks     {len(kit.checks)} of visible items{f'; {kit.hidden} hidden items left out' if kit.hidden else ''}"
    )
    print(f"  record     {record / 1e6:.1f} MB of cases and expected values in graders/record/ (unpacked)")
    print("  left out   the answer key, hidden items, the bank of misconceptions")
    return 0
