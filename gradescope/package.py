"""`headmaster package HOMEWORK -o autograder.zip`: the zip that an instructor uploads to Gradescope.

The same inputs (this checkout, the homework's files, the secret, the index of torch) give the same bytes.
"""

import argparse
import io
import os
import secrets
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from graders.homework import Config, HomeworkError, config_of, toml_of
from graders.secret import MAX_SECRET, MIN_SECRET, SECRET_FILE
from graders.trained_items import remarks_on_data

from . import manifest
from .pins import PinError, pins, requirements, version

EXECUTABLE = ("setup.sh", "run_autograder")
_DAY = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold; times of files are no input
_UNIX = 3


class PackageError(Exception):
    """The package cannot be made; the message says what was found and what to do."""


@dataclass(frozen=True)
class Package:
    """What goes into the zip.

    Attributes:
        config: the homework's.
        files: contents by path.
    """

    config: Config
    files: dict[str, bytes]

    def zipped(self) -> bytes:
        """The zip: sorted, without times, not compressed, since compressors differ between machines."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, data in sorted(self.files.items()):
                info = zipfile.ZipInfo(name, _DAY)
                info.create_system = _UNIX
                info.external_attr = (0o100000 | (0o755 if name in EXECUTABLE else 0o600)) << 16
                archive.writestr(info, data)
        return buffer.getvalue()


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns 0 when the zip is written, 2 if it cannot be made."""
    parser = argparse.ArgumentParser(prog="headmaster package", description="Make the zip for Gradescope.")
    parser.add_argument("homework", help="a slug, or the path of an instructor's own TOML")
    parser.add_argument("-o", "--out", type=Path, default=Path("autograder.zip"), help="default: autograder.zip")
    parser.add_argument(
        "--torch-index",
        metavar="URL",
        help="where the CPU build of torch lies; without it pip takes what its own index has",
    )
    parser.add_argument(
        "--secret",
        metavar="FILE",
        type=Path,
        help="what the cases follow from (default: HOMEWORK.secret beside the TOML)",
    )
    options = parser.parse_args(arguments)
    try:
        where = options.secret or secret_of(options.homework)
        made = options.secret is None and make_secret(where)
        package = package_of(options.homework, read_secret(where), options.torch_index)
        write(package, options.out)
    except (HomeworkError, PackageError, PinError) as error:
        print(f"headmaster package: {error}", file=sys.stderr)
        return 2
    print(f"wrote {options.out}: {len(package.files)} files, {options.out.stat().st_size / 1e6:.1f} MB")
    print(f"{'made a new secret' if made else 'the secret is that of'} {where}. {_KEEP}")
    if options.torch_index is None:
        print(_NO_INDEX)
    print(to_type_in(package.config))
    for remark in remarks_on_data(package.config, toml_of(options.homework).parent):
        print(f"Note: {remark}. See docs/trained-models.md.")
    return 0


_KEEP = "Keep it: with the same secret, the same submission gets the same cases."
_NO_INDEX = (
    "No --torch-index: pip's own index may bring a torch with CUDA, several gigabytes that no Gradescope machine can use. "
    "See docs/gradescope.md."
)


def package_of(name: str, secret: str, torch_index: str | None = None) -> Package:
    """Collect the files.

    Args:
        name: the slug of a homework that ships, or the path of an instructor's TOML.
        secret: seeds follow from it.
        torch_index: see `requirements`.

    Raises:
        HomeworkError: the homework cannot be used, or has no solution.
        PackageError: a file cannot be read.
        PinError: the index is no URL, or a dependency has no version.
    """
    pinned, config = requirements(torch_index), config_of(name)
    from .contents import files_of, homework_file  # it needs torch, as the checks do

    files = {}
    for target, path in files_of(name).items():
        try:
            files[target] = path.read_bytes()
        except OSError as error:
            raise PackageError(f"{path} cannot be read: {error.strerror}") from error
    files["HOMEWORK"] = f"{homework_file(name)}\n".encode()
    files["requirements.txt"] = pinned.encode()
    files[SECRET_FILE] = f"{secret}\n".encode()
    made = manifest.Manifest(
        headmaster=version(),
        homework=toml_of(name).stem,
        title=config.title,
        autograder_points=float(points_of(config)),
        torch_index=torch_index,
        requirements=pins(),
        files=manifest.digests(files),
    )
    files[manifest.NAME] = (made.model_dump_json(indent=1) + "\n").encode()
    return Package(config, files)


def points_of(config: Config) -> Decimal:
    """What Gradescope asks for as "autograder points": the graded items, without extra credit."""
    return sum((item.points for item in config.auto_items if not item.extra_credit), Decimal(0))


def to_type_in(config: Config) -> str:
    """What the instructor enters on Gradescope's pages: the autograder's points, and the other items as a rubric."""
    lines = [f"Autograder points: {points_of(config):f}"]
    extra = [item for item in config.auto_items if item.extra_credit]
    if extra:
        more = sum((item.points for item in extra), Decimal(0))
        lines.append(f"  (up to {more:f} more as extra credit, for {', '.join(item.number for item in extra)})")
    others = [item for item in config.items if item.kind != "auto"]
    if others:
        lines.append("Rubric, for what people grade (enable manual grading):")
        width = max(len(item.number) for item in others)
        for item in others:
            note = " (extra credit)" if item.extra_credit else ""
            lines.append(f"  {item.number:<{width}}  {item.points:>6f}  {item.title}{note}")
    return "\n".join(lines)


def secret_of(name: str) -> Path:
    """Where the secret of a homework is kept unless another file is named: beside its TOML.

    Raises:
        HomeworkError: there is no such homework.
    """
    return toml_of(name).with_suffix(".secret")


def make_secret(path: Path) -> bool:
    """Make a secret at random, for its owner only, unless there is one; returns whether it was made.

    Raises:
        PackageError: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise PackageError(
            f"the secret {path} cannot be written: {error.strerror}. Name a file of your own with --secret FILE."
        ) from error
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
    return True


def read_secret(path: Path) -> str:
    """Read a secret; space around it does not count.

    Raises:
        PackageError: there is no such file, or its text is too short, too long, or more than one line.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise PackageError(f"the secret {path} cannot be read: {why}. It must be a file with one line.") from error
    if not MIN_SECRET <= len(text) <= MAX_SECRET or not text.isprintable():
        raise PackageError(
            f"the secret {path} has {len(text)} characters; it must be one line of {MIN_SECRET} to {MAX_SECRET} that can be "
            "printed"
        )
    return text


def write(package: Package, out: Path) -> None:
    """Write the zip, for its owner only: it holds the answer key and the secret.

    Raises:
        PackageError: it cannot be written.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")  # it is 0600 from the start
        with open(descriptor, "wb") as file:
            file.write(package.zipped())
        os.replace(temporary, out)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise PackageError(
            f"{out} cannot be written: {error.strerror}. Pass -o FILE in a folder that exists."
        ) from error
