"""What is odd about the files that were handed in, in one line for the student: names, folders, archives, nothing at all."""

import difflib
import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from graders.homework import Config, Files
from sandbox.intake import Snapshot
from sandbox.text import clean

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
MAX_NAMED = 3  # files that a line names, the others are counted
NEAR = 0.6  # the least likeness of two names without their endings, as difflib measures it


@dataclass(frozen=True)
class Remark:
    """What was found.

    Attributes:
        text: one line; "" = nothing is odd.
        nothing: whether no file is there that is asked for.
    """

    text: str
    nothing: bool


def remark_on(snapshot: Snapshot, code: str, config: Config) -> Remark:
    """Look at a submission's names.

    Args:
        snapshot: the submission.
        code: the folder that its code is taken from (`find_code`).
        config: the homework's TOML, which says what is asked for.
    """
    files = config.files
    found = [file for file in snapshot.files if _folder(file) == code and _is_wanted(file, files.names)]
    present = {name for name in files.names if any(_fits(file, name) for file in found)}
    alternatives = {name for names in config.rules.required if present.intersection(names) for name in names}
    missing = [name for name in files.names if name not in present | alternatives]
    nothing = not found
    sentences = [*_about_folders(snapshot.files, code, files)] if found else []
    if missing:
        sentences += _about_names(snapshot.files, missing, files.names)
        sentences += _about_left_out(snapshot.left_out, missing)
    if nothing:
        archives = [file for file in snapshot.files if file.lower().endswith(ARCHIVES)]
        if archives:
            sentences.append(f"{_named(archives)} is not opened here: unpack it and hand in the files themselves.")
        sentences.insert(0, _about_nothing(snapshot, files))
    return Remark(" ".join(sentences), nothing)


def _about_nothing(snapshot: Snapshot, files: Files) -> str:
    expected = f"Asked for: {_named(files.names)}."
    if not snapshot.files and not snapshot.left_out:
        return f"Nothing was handed in: the submission is empty. {expected}"
    if not snapshot.files:
        return f"Nothing that was handed in can be graded. {expected}"
    return f"None of the files that are asked for was handed in. {expected} Found: {_named(snapshot.files)}."


def _about_folders(present: Sequence[str], code: str, files: Files) -> Iterator[str]:
    counts: dict[str, set[str]] = {}
    for file in present:
        wanted = {name for name in files.names if _fits(file, name)}
        if wanted:
            counts.setdefault(_folder(file), set()).update(wanted)
    rivals = [folder for folder, names in counts.items() if folder != code and len(names) >= len(counts[code])]
    if rivals and code not in ("", files.folder):
        yield (
            f"The files that are asked for lie in {len(rivals) + 1} folders, and those in {_quoted(code)} were graded, "
            f"not those in {_quoted(sorted(rivals)[0])}: hand in one of them."
        )
    elif code not in ("", files.folder):
        place = f"in the folder {_quoted(files.folder)}" if files.folder else "at the top"
        yield f"Your files were found in the folder {_quoted(code)} and graded from there; next time put them {place}."


def _about_names(present: Sequence[str], missing: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    """Which file was probably meant, where one that is asked for is missing."""
    left = [file for file in present if not _is_wanted(file, wanted) and not file.lower().endswith(ARCHIVES)]
    pairs = []
    for name in missing:
        near = _nearest(name, left)
        if near is not None:
            left.remove(near)
            pairs.append(f"There is no {name}; was {_quoted(near)} meant to be it?")
    if pairs:
        yield " ".join(pairs[:MAX_NAMED])
        yield "A file must have exactly the name that is asked for."


def _about_left_out(left_out: Sequence[tuple[str, str]], missing: Sequence[str]) -> Iterator[str]:
    for name in missing:
        for file, why in left_out:
            if _fits(file, name):
                yield f"{_quoted(file)} was left out: {why}."
                break


def _nearest(name: str, present: Sequence[str]) -> str | None:
    """The file that is most like a name; None where none is like it."""
    if "*" in name:  # any name will do, so the ending is what is wrong
        ending = name.rpartition("*")[2]
        return next((file for file in present if ending and ending in PurePosixPath(file).name.lower()), None)
    stem = _stem(name)
    by_likeness = [
        (difflib.SequenceMatcher(None, _stem(file), stem).ratio(), file)
        for file in present
        if ".py" in file.lower() or ".txt" in file.lower()
    ]
    likeness, file = max(by_likeness, default=(0.0, ""), key=lambda pair: pair[0])
    return file if likeness >= NEAR else None


def _stem(file: str) -> str:
    """A name without its endings and what browsers, editors and people add: capitals, `(1)`, `copy`, spaces."""
    stem = PurePosixPath(file).name.lower()[:100].partition(".")[0]
    stem = re.sub(r"copy of |[ _-]*copy\b|\(\d+\)|[ _-]+(final|new|v?\d+)\b", "", stem)
    return re.sub(r"[ _-]", "", stem)


def _folder(file: str) -> str:
    parent = str(PurePosixPath(file).parent)
    return "" if parent == "." else parent


def _fits(file: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(PurePosixPath(file).name, pattern)


def _is_wanted(file: str, wanted: Sequence[str]) -> bool:
    return any(_fits(file, name) for name in wanted)


def _quoted(name: str) -> str:
    """An untrusted name on one line."""
    return "“" + " ".join(clean(name, 80).split()) + "”"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(" ".join(clean(name, 80).split()) for name in names[: 2 * MAX_NAMED])
    more = len(names) - 2 * MAX_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
