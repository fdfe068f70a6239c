"""What results.json records for a replay: seeds without the secret, versions, the machine."""

import hashlib
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from graders.check import derive
from graders.homework import available, load
from gradescope.record import Record, other_versions, versions_of
from gradescope.results import read

from .conftest import RIGHT, MakeEarlier


def test_record_of_a_run(make_earlier: MakeEarlier, masks: Path, tmp_path: Path) -> None:
    """Each judged check's seed is there, none of a later check, and the secret nowhere; versions and device, too."""
    path = make_earlier(tmp_path, RIGHT, secret="a secret of then", first=2)
    facts = read(path).extra_data
    record = Record.model_validate(facts["record"])
    judged = [name for name, check in facts["checks"].items() if check["outcome"] != "not run"]
    assert len(judged) == 2
    assert record.seed_numbers() == {name: derive(f"a secret of then:{facts['digest']}", name) for name in judged}
    assert "a secret of then" not in path.read_text(encoding="utf-8")
    assert record.derivation == "secret, digest, check"
    assert record.device == "cpu"
    assert set(record.platform) == {"system", "release", "machine", "cpu_capability"}
    assert set(record.versions) == {
        *("python", "headmaster", "torch", "numpy", "hypothesis", "homework's TOML", "homework's binding")
    }
    assert record.versions["homework's TOML"] == hashlib.sha256(masks.read_bytes()).hexdigest()[:16]
    assert facts["nothing_to_grade"] is False


def test_seeds_survive_readers_with_53_bits(make_earlier: MakeEarlier, tmp_path: Path) -> None:
    """Protects from platforms that read JSON's numbers as doubles: seeds are text."""
    path = make_earlier(tmp_path, RIGHT, first=1)
    doubles = json.loads(path.read_text(encoding="utf-8"), parse_int=lambda digits: int(float(digits)))
    assert doubles["extra_data"]["record"]["seeds"] == read(path).extra_data["record"]["seeds"]


@pytest.mark.parametrize("seed", ["", "x", "-1", "1.0", "1" * 20])
def test_a_seed_is_a_number(seed: str) -> None:
    """A record with anything else is refused when it is read."""
    with pytest.raises(ValidationError):
        Record(derivation="", seeds={"a.b": seed}, versions={}, platform={}, device="cpu")


def test_digests_tell_homeworks_apart() -> None:
    """Protects from a digest of nothing: each homework that ships has its own TOML and binding."""
    tables = [versions_of(load(slug)) for slug in available()]
    for key in ("homework's TOML", "homework's binding"):
        assert len({table[key] for table in tables}) == len(tables)


def test_other_versions() -> None:
    """What differs is named from both sides; what is the same is not."""
    assert other_versions({"torch": "2.12", "numpy": "2", "old": "1"}, {"torch": "2.13", "numpy": "2", "new": "3"}) == [
        "new: recorded unknown, here 3",
        "old: recorded 1, here unknown",
        "torch: recorded 2.12, here 2.13",
    ]
