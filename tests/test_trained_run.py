"""A complete submission of cmu_birthplaces with trained models, through `run_autograder` from the first file to the last."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reference.corpora.birth_places import make_birth_places
from tests.reference.homeworks.cmu_modules import SRC
from tests.trained_models import SLUG, hand_in, staff

SCRIPT = Path(__file__).resolve().parent.parent / "run_autograder"
LIMIT = 120  # seconds that the issue allows


@pytest.mark.slow
def test_a_complete_submission_gets_everything(tmp_path: Path) -> None:
    """Protects honest students: all files of the handout's list give full points, within two minutes."""
    handed_in = hand_in(tmp_path)
    expected = {"vanilla.model", "vanilla.finetune", "rope.finetune"}
    assert {path.stem for path in handed_in.folder.glob("*.params")} == expected
    start = time.monotonic()
    done = subprocess.run(
        [
            *(sys.executable, SCRIPT, f"--homework={handed_in.toml}", f"--submission={handed_in.folder}"),
            f"--results={tmp_path / 'results.json'}",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd="/",
    )
    seconds = time.monotonic() - start
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    scores = {test["number"]: (test["score"], test["max_score"]) for test in results["tests"]}
    assert done.returncode == 0, done.stdout + done.stderr
    assert scores == {
        "files": (0, 0),
        "2(b)": (4, 4),
        "2(d)": (2, 2),
        "2(d) predictions": (2, 2),
        "2(e)": (7, 7),
        "2(f)": (4, 4),
        "2(f) accuracy": (6, 6),
        "2(g)iii": (4, 4),
        "2(g)iii accuracy": (3, 3),
        "4(a) prompts": (0, 0),
        "training": (0, 0),
        "speed": (0, 0),
    }
    assert results["extra_data"]["homework"] == SLUG
    assert results["extra_data"]["data"] == []
    assert "asked again: rope.pretrain.dev.predictions: 40 of 40 agree" in json.dumps(results["extra_data"]["checks"])
    assert seconds < LIMIT


@pytest.mark.slow
def test_the_header_says_what_people_grade(tmp_path: Path) -> None:
    """Protects a checkout without data: what needs it is in no result, and the staff reads what and why."""
    toml = staff(tmp_path / "staff", make_birth_places(1, n_train=8, n_dev=8, n_test=8))
    (toml.parent / f"{SLUG}.data").rename(tmp_path / "away")
    arguments = [f"--homework={toml}", f"--submission={SRC.parent}", "--collect-only"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(SCRIPT.parent / "graders"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = (
        "graded by people, for lack of data in cmu_birthplaces.data: 2(d) predictions, 2(f) accuracy, 2(g)iii accuracy"
    )
    assert f"data: {told}" in done.stdout
    assert "thresholds" not in done.stdout
