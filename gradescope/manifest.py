"""manifest.json: what a package is made of, so that a broken or an edited one is noticed while the image is built."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

NAME = "manifest.json"


class ManifestError(Exception):
    """The manifest cannot be read, or does not fit the files."""


class Manifest(BaseModel):
    """The file.

    Attributes:
        headmaster: its version.
        homework: the slug.
        title: of the homework.
        autograder_points: what the autograder can give, without extra credit.
        torch_index: where torch is looked for beside pip's own index; None = there alone.
        requirements: each dependency with its pins.
        files: SHA-256 of every other file of the package.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    headmaster: str
    homework: str
    title: str
    autograder_points: float
    torch_index: str | None
    requirements: dict[str, list[str]]
    files: dict[str, str]


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file, in hexadecimal."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def check(folder: Path) -> Manifest:
    """Compare a package's files with its manifest; what else lies there does not count.

    Returns:
        The manifest.

    Raises:
        ManifestError: the manifest is missing or damaged, or files are; the message names them.
    """
    try:
        manifest = Manifest.model_validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError) as error:
        raise ManifestError(f"{folder / NAME} cannot be read: {str(error).splitlines()[0]}") from error
    wrong = []
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            wrong.append(f"{name} has been changed")
    if wrong:
        few = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise ManifestError(
            f"the package is not as `headmaster package` made it: {few}. Make it anew, and upload that zip as it is."
        )
    return manifest
