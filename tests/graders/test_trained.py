"""Trained models that are handed in: an honest submission gets its points, each way of bending its files what it deserves."""

import codecs
import itertools
import math
import random
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from graders.homework import Homework, load
from graders.judge import Judge
from graders.proportions import differ
from graders.trained import Asked, Trained, doubt
from graders.verdict import Reason
from sandbox.self_test import Confinement
from tests.trained_models import (
    DEV,
    FINETUNE,
    TEST,
    HandedIn,
    Judged,
    answers,
    noisy,
    places,
    read,
    state,
    untrained,
    with_data,
    write,
)

Judging = Callable[..., Judged]
FULL = {"2(d) predictions": Decimal(2), "2(f) accuracy": Decimal(6), "2(g)iii accuracy": Decimal(3)}


# ------------------------------------------------------------------------------------------ honest


def test_an_honest_submission_gets_everything(judged_models: Judging) -> None:
    """Protects honest students: full points, and the figures with their intervals."""
    found = judged_models(lambda folder: None)
    assert (found.points, found.failed) == (FULL, set())
    assert found.message("pretraining_accuracy_dev") == (
        "Note: vanilla.pretrain.dev.predictions: 30 of 60, 50.0 % (95 % interval: 37.7 to 62.3 %) are right."
    )
    assert (
        found.message("rope_claims") == "Note: Of 60 questions picked at random, your code answers 60 as the files do."
    )
    assert found.verdicts["rope_claims"].staff == (
        "rope asked again: rope.pretrain.dev.predictions: 40 of 40 agree, 20 of 20 where the file is right; "
        "rope.pretrain.test.predictions: 20 of 20 agree, 11 of 11 where the file is right."
    )
    assert all(not verdict.snippet for verdict in found.verdicts.values())


def test_files_may_lie_in_a_folder(judged_models: Judging) -> None:
    """Protects students who zip the folder: files are found by their names, in any case."""

    def change(folder: Path) -> None:
        (folder / "hw3").mkdir()
        for path in [path for path in folder.iterdir() if path.name != "hw3"]:
            path.rename(folder / "hw3" / path.name)
        (folder / "hw3" / DEV).rename(folder / "hw3" / "Vanilla.Pretrain.Dev.Predictions")

    found = judged_models(change, "2(f) accuracy")
    assert (found.points, found.failed) == ({"2(f) accuracy": 6}, set())


def test_data_parallel_is_accepted(judged_models: Judging) -> None:
    """Protects students with several GPUs: the prefix is taken off, and said."""

    def change(folder: Path) -> None:
        torch.save({f"module.{name}": value for name, value in state(folder).items()}, folder / FINETUNE)

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 6}
    assert "All names begin with 'module.'" in found.message("pretraining_parameters")


def test_windows_line_ends_are_accepted(judged_models: Judging) -> None:
    """Protects students with Windows: CRLF and a byte order mark cost nothing, and are said."""

    def change(folder: Path) -> None:
        data = (folder / DEV).read_bytes()
        (folder / DEV).write_bytes(codecs.BOM_UTF8 + data.replace(b"\n", b"\r\n"))

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 6}
    assert "CRLF" in found.message("pretraining_predictions")
    assert "byte order mark" in found.message("pretraining_predictions")


def test_either_form_of_the_test_prompt_is_accepted(judged_models: Judging, complete: HandedIn) -> None:
    """Protects students whose evaluation strips the line break of test questions: another prompt, other answers."""
    model = untrained(complete.data.wiki, rope=False)
    model.load_state_dict(state(complete.folder))
    prompts = [f"{question}⁇" for question in complete.data.test_inputs.splitlines()]

    def change(folder: Path) -> None:
        before = read(folder / TEST)
        write(folder / TEST, answers(model, complete.data.wiki, prompts))
        assert sum(a != b for a, b in zip(before, read(folder / TEST), strict=True)) > 10

    found = judged_models(change, "2(f) accuracy")
    assert "pretraining_claims" not in found.failed, found.message("pretraining_claims")


# ------------------------------------------------------------------------------------------ predictions


def test_fabricated_predictions_gain_nothing(judged_models: Judging, complete: HandedIn) -> None:
    """Protects the threshold: right answers beside a model that does not give them earn nothing."""

    def change(folder: Path) -> None:
        write(folder / DEV, places(complete.data.dev))
        noisy(folder)

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert found.failed >= {"pretraining_claims", "pretraining_accuracy_dev"}
    message = found.message("pretraining_accuracy_dev")
    assert message.startswith("Of 60 questions picked at random, your code with vanilla.finetune.params answers ")
    assert "Which parameters made that file? The accuracy was taken from your code instead: " in message
    assert message.endswith("of its answers are right; 15 % is asked for.")
    assert "P = " in found.verdicts["pretraining_claims"].staff


def test_the_test_questions_that_are_asked_do_not_depend_on_the_answers(
    complete: HandedIn, with_models: Homework
) -> None:
    """Protects the answers: student code sees what it is asked, and may print it."""
    someone = Trained(SimpleNamespace(), SimpleNamespace(), with_models.config.trained, complete.toml.parent)  # type: ignore[arg-type]
    n = len(complete.data.test_inputs.splitlines())
    asked: dict[str, list[list[str]]] = {"dev": [], "test": []}

    def recording(part: str) -> Any:
        return SimpleNamespace(
            knows=lambda prompt: True,
            answers=lambda prompts, supposed=None: asked[part].append(list(prompts)) or [""] * len(prompts),
        )

    for part, count in (("dev", 60), ("test", n)):
        for lines in (["London"] * count, ["nowhere"] * count):
            predictions = SimpleNamespace(name=part, lines=lines)
            someone.ask_again(recording(part), predictions, part, random.Random(4), 10, 0.9)  # type: ignore[arg-type]
    assert asked["test"][: len(asked["test"]) // 2] == asked["test"][len(asked["test"]) // 2 :]
    assert asked["dev"][0] != asked["dev"][-1]


def test_a_good_model_with_other_files_loses_the_claim_alone(judged_models: Judging, complete: HandedIn) -> None:
    """Protects students who mix up the files of two runs: the model reaches the threshold all the same."""
    found = judged_models(lambda folder: write(folder / DEV, places(complete.data.dev)), "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 5}
    assert found.failed == {"pretraining_claims", "pretraining_accuracy_test"}  # the latter is advice
    assert "that is more than chance explains" in found.message("pretraining_accuracy_test")
    assert found.message("pretraining_claims").endswith(
        "Which parameters made these files? Hand in the files of one run."
    )
    assert "fabricated" not in "".join(verdict.message for verdict in found.verdicts.values())


def test_anothers_parameters(judged_models: Judging) -> None:
    """Protects from parameters of a model that is not the files': the accuracy counts only as far as they reach it."""
    found = judged_models(noisy, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert found.failed == {"pretraining_claims", "pretraining_accuracy_dev"}


def test_predictions_improved_by_hand(judged_models: Judging, complete: HandedIn) -> None:
    """Protects from a few lines that were put right: questions with right answers are asked again on their own."""

    def change(folder: Path) -> None:
        for name, key in ((DEV, complete.data.dev), (TEST, complete.data.test_key)):
            lines = read(folder / name)
            wrong = [i for i, (line, place) in enumerate(zip(lines, places(key), strict=True)) if line != place]
            for i in wrong[: len(wrong) // 2]:
                lines[i] = places(key)[i]
            write(folder / name, lines)

    found = judged_models(change, "2(f) accuracy")
    assert found.failed == {"pretraining_claims"}
    assert found.points == {"2(f) accuracy": 5}
    assert "where the file is right" in found.verdicts["pretraining_claims"].staff


def test_shifted_lines(judged_models: Judging) -> None:
    """Protects students from 2 %: an extra first line is named."""
    found = judged_models(lambda folder: write(folder / DEV, ["Predictions:", *read(folder / DEV)]), "2(f) accuracy")
    told = (
        "vanilla.pretrain.dev.predictions has 61 lines, expected 60: one for each question of birth_dev.tsv. Its first line is "
        "one too many ('Predictions:'), and shifts all others: remove it."
    )
    assert found.points == {"2(f) accuracy": 0}
    assert {told} == {found.message(name) for name in found.failed}
    assert found.failed == {"pretraining_predictions", "pretraining_claims", "pretraining_accuracy_dev"}


def test_shifted_lines_of_the_right_number(judged_models: Judging) -> None:
    """Protects students from 2 %, too, where the last line is missing instead."""
    found = judged_models(lambda folder: write(folder / DEV, ["", *read(folder / DEV)[:-1]]), "2(f) accuracy")
    assert "stand one line below where they belong: 30 would be right there" in found.message("pretraining_predictions")
    assert "stand one line below where they belong" in found.message("pretraining_accuracy_dev")


def test_dev_and_test_changed_places(judged_models: Judging) -> None:
    """Protects students who mix up two names: it is said, where the numbers of questions tell."""

    def change(folder: Path) -> None:
        dev, test = read(folder / DEV), read(folder / TEST)
        write(folder / DEV, test)
        write(folder / TEST, dev)

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert found.message("pretraining_predictions") == (
        "vanilla.pretrain.dev.predictions has 50 lines, expected 60: one for each question of birth_dev.tsv. 50 is the "
        "number of questions in birth_test_inputs.tsv: have two files changed places?\n"
        "vanilla.pretrain.test.predictions has 60 lines, expected 50: one for each question of birth_test_inputs.tsv. 60 "
        "is the number of questions in birth_dev.tsv: have two files changed places?"
    )


def test_utf_16(judged_models: Judging) -> None:
    """Protects students with PowerShell: the encoding is named, and costs the file's share alone."""

    def change(folder: Path) -> None:
        (folder / DEV).write_text((folder / DEV).read_text(encoding="utf-8"), encoding="utf-16")

    found = judged_models(change, "2(f) accuracy")
    assert (found.failed, found.points) == ({"pretraining_predictions"}, {"2(f) accuracy": Decimal("5.5")})
    assert found.message("pretraining_predictions").startswith(f"{DEV} is UTF-16, as PowerShell and some editors write")


def test_empty_predictions(judged_models: Judging) -> None:
    """Protects the threshold: lines without answers are wrong, and a file of them is named."""
    found = judged_models(lambda folder: write(folder / DEV, [""] * 60), "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert found.message("pretraining_predictions") == f"{DEV} is empty."


def test_missing_files(judged_models: Judging) -> None:
    """Protects students from a bare 0: each file that is missing is named where it is missed."""

    def change(folder: Path) -> None:
        (folder / TEST).unlink()
        (folder / FINETUNE).unlink()

    found = judged_models(change, "2(f) accuracy")
    assert found.points == {"2(f) accuracy": 0}
    assert (
        found.message("pretraining_predictions")
        == f"There is no file {TEST} in the submission. Add it, with this name."
    )
    assert found.message("pretraining_accuracy_dev").endswith(
        f"are right, but nothing confirms it: there is no file {FINETUNE}. Add it, with this name."
    )


# ------------------------------------------------------------------------------------------ the baseline


@pytest.mark.parametrize("text", ["5.0", "5", "5.0%\n", "London: 5.0 %", "Correct: 3.0 out of 60.0: 5.0%", "\ufeff5,0"])
def test_forms_of_the_baseline(text: str, judged_models: Judging) -> None:
    """Protects students: whatever evaluation prints, and a bare number, is read."""
    found = judged_models(
        lambda folder: (folder / "london_baseline_accuracy.txt").write_text(text) and None, "2(d) predictions"
    )
    assert found.points == {"2(d) predictions": 2}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"0.05", "says 0.05, which is the share; expected percent, from 0 to 100: times 100."),
        (b"7.5", "says 7.5 %. Count again how many of the 60 lines"),
        (b"none yet", "holds no number: 'none yet'"),
        (b"", "is empty."),
        (b"\xff\xfe\xfa", "is not UTF-8"),
        (b"\x80\x81", "is not UTF-8: the byte at place 0 cannot be read"),
    ],
)
def test_wrong_baselines(data: bytes, message: str, judged_models: Judging) -> None:
    """Protects the baseline's points, and students from not knowing why: 0.05 has its own message."""
    found = judged_models(
        lambda folder: (folder / "london_baseline_accuracy.txt").write_bytes(data) and None, "2(d) predictions"
    )
    assert (found.failed, found.points) == ({"london_baseline"}, {"2(d) predictions": Decimal("1.33")})
    assert message in found.message("london_baseline")


def test_too_good_without_pretraining(judged_models: Judging) -> None:
    """Protects the handout's story: predictions of another model are asked about, and cost nothing by themselves."""

    def change(folder: Path) -> None:
        for name in ("vanilla.nopretrain", "vanilla.pretrain"):
            assert (folder / f"{name}.dev.predictions").is_file()
        shutil.copy(folder / DEV, folder / "vanilla.nopretrain.dev.predictions")

    found = judged_models(change, "2(d) predictions")
    assert found.failed == {"no_pretraining_is_below", "no_pretraining_claims"}
    assert found.message("no_pretraining_is_below").endswith("Are these predictions of another model?")


# ------------------------------------------------------------------------------------------ the staff's side


def test_partial_credit(judged_models: Judging, complete: HandedIn, tmp_path: Path) -> None:
    """Protects the option: on the curve half of the way gives half of the points, to the cent."""
    curve = "threshold = 0.80\npartial = [[0.2, 0.0], [0.8, 1.0]]"
    own = load(str(with_data(complete, tmp_path / "own", "threshold = 0.15", curve)))
    found = judged_models(lambda folder: None, "2(f) accuracy", homework=own)
    assert found.verdicts["pretraining_accuracy_dev"].credit == 0.5
    assert found.points == {"2(f) accuracy": Decimal("4.00")}
    assert found.message("pretraining_accuracy_dev").endswith("are right; 80 % is asked for.")


def test_without_the_key(judged_models: Judging, complete: HandedIn, tmp_path: Path) -> None:
    """Protects students where staff has no answers to the test questions: what needs them is not judged, and said."""
    own = with_data(complete, tmp_path / "own")
    (own.parent / "cmu_birthplaces.data" / "birth_test_key.tsv").unlink()
    found = judged_models(lambda folder: None, "2(g)iii accuracy", homework=load(str(own)))
    assert found.verdicts["rope_accuracy_test"].reason is Reason.NO_ANSWERS
    assert found.points == {"2(g)iii accuracy": Decimal("1.00")}
    assert found.failed == set()


@pytest.mark.parametrize(
    ("asked", "doubted"),
    [
        ([Asked("a", 60, 60, 30, 30)], False),
        ([Asked("a", 60, 50, 30, 25)], False),  # 5 % honest mismatches, and then some
        ([Asked("a", 60, 49, 30, 25)], True),
        ([Asked("a", 60, 52, 30, 23)], False),
        ([Asked("a", 60, 52, 30, 22)], True),  # all differences among the right ones
        ([Asked("a", 40, 36), Asked("b", 20, 13)], True),
        ([Asked("a", 0, 0)], False),
    ],
)
def test_what_is_doubted(asked: list[Asked], doubted: bool) -> None:
    """Protects honest files: null hypothesis 5 % of the answers differ; each count is doubted below 5e-4."""
    assert (doubt(asked) is not None) == doubted


@pytest.mark.parametrize(("dev", "test", "told"), [((95, 100), (16, 100), True), ((30, 100), (22, 100), False)])
def test_what_differs(dev: tuple[int, int], test: tuple[int, int], told: bool) -> None:
    """Protects honest models from chance: two halves of the same model differ by some percent."""
    assert differ(dev, test) is told


def test_honest_files_are_not_doubted() -> None:
    """Protects honest students by number: with 5 % of differences less than 1 file in 1000 is doubted, exactly counted."""
    exactly = [math.comb(30, k) * 0.05**k * 0.95 ** (30 - k) for k in range(31)]
    doubted = sum(
        exactly[right] * exactly[wrong]
        for right, wrong in itertools.product(range(31), repeat=2)
        if doubt([Asked("a", 60, 60 - right - wrong, 30, 30 - right)]) is not None
    )
    assert 0 < doubted < 1e-3


def test_hidden_data_is_not_risked(complete: HandedIn, with_models: Homework, judge: Any) -> None:
    """Protects the answers: where student code is not confined, no check that reads the staff's data runs."""
    open_house = Confinement({}, {}, 0, "")
    someone: Judge = judge(complete.folder, homework=with_models, confinement=open_house)
    verdicts = [someone.judge(check) for check in someone.checks if check.task == "trained"]
    assert {verdict.reason for verdict in verdicts} == {Reason.UNCONFINED}


@pytest.mark.slow
def test_a_run_that_is_repeated_says_the_same(judged_models: Judging, tmp_path: Path) -> None:
    """Protects regrades: the same files and the same secret draw the same questions, and give the same verdicts."""
    first = judged_models(noisy, "2(f) accuracy")
    shutil.rmtree(tmp_path / "submission")
    assert judged_models(noisy, "2(f) accuracy") == first
