"""results.json: a typed model of what Gradescope documents, and a writer that never leaves half a file.

Source: the autograder specification at gradescope-autograders.readthedocs.io.
"""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Visibility = Literal["hidden", "after_due_date", "after_published", "visible"]
Format = Literal["text", "html", "simple_format", "md", "ansi"]
NOT_YET = "Not judged yet: it counts 0 until it is."
MAX_TEXT = 30_000  # Gradescope cuts at 100,000 characters
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class TestEntry(_Model):
    """One item of `tests`."""

    __test__ = False  # not a test of ours, whatever pytest thinks of its name

    name: Text
    number: str
    score: float = Field(ge=0)
    max_score: float = Field(ge=0)
    status: Literal["passed", "failed"]
    output: Text = ""
    output_format: Format = "text"
    name_format: Format = "text"
    visibility: Visibility = "visible"
    tags: list[str] | None = None
    extra_data: dict[str, Any] | None = None


class Rank(_Model):
    """One column of the leaderboard."""

    name: Text
    value: float
    order: Literal["asc", "desc"] = "desc"


class Results(_Model):
    """The whole file. Without a top-level score, which is `kept_score` here, Gradescope adds up the tests."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)

    kept_score: float | None = Field(default=None, ge=0, alias="score")
    output: Text = ""
    output_format: Format = "text"
    test_output_format: Format = "text"
    test_name_format: Format = "text"
    visibility: Visibility = "visible"
    stdout_visibility: Visibility = "hidden"
    execution_time: float | None = Field(default=None, ge=0)
    extra_data: dict[str, Any] = {}
    leaderboard: list[Rank] | None = None
    tests: list[TestEntry]

    @property
    def score(self) -> float:
        """What Gradescope shows: the sum of the tests' scores, unless that of an earlier submission is kept."""
        return round(sum(test.score for test in self.tests), 2) if self.kept_score is None else self.kept_score

    def as_bytes(self) -> bytes:
        """The file as it is written."""
        return self.model_dump_json(by_alias=True, exclude_none=True, indent=1).encode()

    @property
    def max_score(self) -> float:
        """The sum of the tests' max_scores."""
        return round(sum(test.max_score for test in self.tests), 2)


def write(results: Results, path: Path) -> None:
    """Replace the file at once: whoever reads it sees the old one or the new one, complete."""
    replace(results.as_bytes(), path)


def replace(data: bytes, path: Path) -> None:
    """Replace a file at once: the temporary one lies in the same folder, is flushed to the disk and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> Results:
    """Read and check a results.json."""
    return Results.model_validate_json(path.read_bytes())
