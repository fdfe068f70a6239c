"""`extra_data["record"]`: what a later run needs to judge the same submission in the same way (`replay.py`, `regrade.py`).

Gradescope shows extra_data to the staff alone. The secret of the seeds is not in it, only the seeds of checks that are judged
already: a worker that could read results.json would learn nothing about the cases that are still to come.
"""

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

if TYPE_CHECKING:
    from graders.homework import Homework
    from graders.judge import Judge

UNKNOWN = "unknown"
Seed = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")]


class Record(BaseModel):
    """How a run came to its verdicts.

    Attributes:
        derivation: what the seeds follow from, in words.
        seeds: by check, for those that are judged. Text, since not all readers of JSON keep 63 bits of a number.
        versions: of Python, of the packages that draw and compute cases, and digests of the homework's own files.
        platform: the machine, as far as results may depend on it.
        device: where tensors were computed.
    """

    model_config = ConfigDict(frozen=True)

    derivation: str
    seeds: dict[str, Seed]
    versions: dict[str, str]
    platform: dict[str, str]
    device: str

    def seed_numbers(self) -> dict[str, int]:
        """The seeds by check."""
        return {name: int(seed) for name, seed in self.seeds.items()}


def record_of(judge: "Judge") -> Record:
    """The record of what has been judged so far."""
    return Record(
        derivation=judge.derivation,
        seeds={check.id: str(judge.seed_of(check)) for check in judge.checks if check.id in judge.verdicts},
        versions=versions_of(judge.homework),
        platform=_platform(),
        device="cpu",
    )


def versions_of(homework: "Homework") -> dict[str, str]:
    """The versions that verdicts may depend on."""
    return {"python": platform.python_version(), **_packages(), **_digests(homework)}


def other_versions(recorded: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """What differs between two tables of versions, one sentence each."""
    return [
        f"{name}: recorded {recorded.get(name, UNKNOWN)}, here {present.get(name, UNKNOWN)}"
        for name in sorted({*recorded, *present})
        if recorded.get(name) != present.get(name)
    ]


@cache
def _packages() -> dict[str, str]:
    found = {}
    for name in ("headmaster", "torch", "numpy", "hypothesis"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = UNKNOWN  # a package for Gradescope brings our code without installing it
    return found


def _digests(homework: "Homework") -> dict[str, str]:
    """The first 16 digits of the SHA-256 of the TOML and of the binding, which is a file or a folder of them."""
    base = homework.folder / homework.slug
    binding = sorted(base.glob("*.py")) if base.is_dir() else [base.with_suffix(".py")]
    return {"homework's TOML": _digest([base.with_suffix(".toml")]), "homework's binding": _digest(binding)}


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _platform() -> dict[str, str]:
    import torch

    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
