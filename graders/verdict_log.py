"""The verdicts of a run as they are reached, in a file: a run whose process dies is carried on from there by another."""

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from .verdict import Misconception, Outcome, Reason, Verdict


class VerdictLog:
    """One line of JSON for each verdict; the first line says what they are the verdicts of.

    Args:
        path: the file. Only the judge may read or write it.
        of: what identifies the run: the homework and the submission's digest.

    Attributes:
        verdicts: by check id, those of an earlier process of the same run. Empty if the file is of another run.
    """

    def __init__(self, path: Path, of: str) -> None:
        self.verdicts = _read(path, of)
        self._path = path
        if not self.verdicts:
            path.touch(0o600)
            path.write_text(_line(of), encoding="utf-8")
        elif not path.read_bytes().endswith(b"\n"):  # it died while it wrote
            self._append("\n")

    def add(self, check: str, verdict: Verdict) -> None:
        """Write down a verdict. Where the disk is full it is not written, and would be judged again."""
        self._append(_line([check, as_plain(verdict)]))

    def _append(self, text: str) -> None:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError:
            pass


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"


def _read(path: Path, of: str) -> dict[str, Verdict]:
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(first) != of:
            return {}
    except (OSError, ValueError):
        return {}
    found = {}
    for line in lines:
        try:
            check, facts = json.loads(line)
            found[check] = from_plain(facts)
        except (ValueError, TypeError, KeyError):
            continue  # a line that was not finished
    return found


def as_plain(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON can hold it."""
    facts = {field.name: getattr(verdict, field.name) for field in fields(verdict)}
    facts["outcome"] = verdict.outcome.name
    facts["reason"] = verdict.reason.name if verdict.reason else None
    facts["misconception"] = vars(verdict.misconception) if verdict.misconception else None
    return facts


def from_plain(facts: dict[str, Any]) -> Verdict:
    """A verdict of what `as_plain` has made; KeyError or TypeError for anything else."""
    facts = dict(facts)
    facts["outcome"] = Outcome[facts["outcome"]]
    facts["reason"] = Reason[facts["reason"]] if facts["reason"] else None
    facts["misconception"] = Misconception(**facts["misconception"]) if facts["misconception"] else None
    return Verdict(**facts)
