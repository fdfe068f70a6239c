"""Recorded answers: found again where the question is the same, and nowhere else."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from graders import oracles, recorded
from graders.catalogue import all_checks
from graders.oracles.mlp import mlp
from graders.recorded import FOLDER, Fingerprint, Record, Recorder, RecordError, look_up, oracle, record_here
from graders.strategies import generator
from graders.strategies.mlp import mlp_weights
from graders.tasks import ModelSpec
from graders.verdict import CannotJudge, Outcome, Reason

FACTS: dict[str, Any] = {"homework": "core", "seed": 3, "versions": {"torch": "2.0"}, "own": ["graders"]}
X = torch.randn(2, 3, generator=generator(1))


def read(recorder: Recorder, place: Path) -> Record:
    recorder.write(place / "record", **FACTS)
    return Record(place / "record")


def near(first: dict[str, Any], second: dict[str, Any]) -> bool:
    one, other = Fingerprint.of("f", first), Fingerprint.of("f", second)
    return one.exact == other.exact and one.is_near(other.numbers)


@pytest.mark.parametrize(
    "other",
    [
        X + 1e-7, X.clone(), X.T.contiguous().T,
    ],
)  # fmt: skip
def test_last_digits_do_not_count(other: Tensor) -> None:
    """Protects students on other machines: a question that differs by rounding is the same one."""
    assert near({"x": X, "tau": 0.1}, {"x": other, "tau": 0.1 + 1e-9})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"x": X}, {"x": X + 1e-3}),
        ({"x": X}, {"x": X.flip(0)}),
        ({"x": X}, {"x": -X}),
        ({"x": X}, {"x": X.double()}),
        ({"x": X}, {"x": X.T}),
        ({"x": X}, {"y": X}),
        ({"x": X.masked_fill(X < 0, torch.inf)}, {"x": X.masked_fill(X < 0, -torch.inf)}),
        ({"ids": torch.tensor([1, 2])}, {"ids": torch.tensor([2, 1])}),
        ({"mask": torch.tensor([True])}, {"mask": None}),
        ({"eps": 1e-5}, {"eps": 1e-6}),
        ({"tau": 1.0}, {"tau": 1}),
        ({"tau": float("inf")}, {"tau": float("-inf")}),
        ({"k": 2}, {"k": 3}),
        ({"text": "ab"}, {"text": "ba"}),
        ({"weights": {"a": X}}, {"weights": {"b": X}}),
        ({"texts": ["a", "b"]}, {"texts": ["ab"]}),
        ({"spec": ModelSpec(7, 8, 1)}, {"spec": ModelSpec(7, 8, 2)}),
    ],
)
def test_other_questions_are_told_apart(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Protects verdicts: an answer is never taken for that of another question."""
    assert not near(first, second)


def test_order_of_weights_does_not_count() -> None:
    """Protects students whose parameters come in another order."""
    weights = {"a": X, "b": X + 1}
    assert near({"weights": weights}, {"weights": dict(reversed(weights.items()))})


def test_what_cannot_be_told_apart_is_refused() -> None:
    """Protects whoever writes an oracle: an argument of a new type is an error when the kit is made."""
    with pytest.raises(TypeError, match="an oracle was asked with a function"):
        Fingerprint.of("f", {"g": len.__call__ and (lambda: 1)})


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recorder]:
    """Make a recorder that keeps what is asked in this test."""

    def start(**options: Any) -> Recorder:
        recorder = Recorder(listening=True, **options)
        monkeypatch.setattr(recorded, "_recorder", recorder)
        return recorder

    return start


def test_an_answer_is_found_again(listening: Callable[..., Recorder], tmp_path: Path) -> None:
    """Protects replay: by position or by name, with defaults or without, the answer is that of the oracle."""
    recorder = listening()
    query = torch.randn(2, 3, generator=generator(2))
    expected = oracles.attention(query, X, X, None)
    record = read(recorder, tmp_path)
    found = record.answer("attention.attention", {"query": query, "key": X, "value": X, "mask": None})
    assert isinstance(found, tuple)
    for got, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-8, atol=0)
    with pytest.raises(CannotJudge) as caught:
        record.answer("attention.attention", {"query": 2 * query, "key": X, "value": X, "mask": None})
    assert caught.value.reason is Reason.NO_RECORD


def test_an_oracle_that_asks_another_is_one_question(listening: Callable[..., Recorder], tmp_path: Path) -> None:
    """Protects the record from growing: what an oracle asks inside is not kept; draws of Hypothesis are not, either."""
    recorder = listening()
    oracles.multi_head(
        {f"{role}.{part}": torch.ones((4, 4) if part == "weight" else 4) for role in ("query", "key", "value", "proj")
         for part in ("weight", "bias")}, 2, torch.ones(1, 3, 4))  # fmt: skip
    assert recorder.listening
    assert not [
        name for name in recorder._answers if name == Fingerprint.of("attention.causal_mask", {"n_tokens": 3}).exact
    ]
    recorder.listening = False
    oracles.causal_mask(2)
    with pytest.raises(CannotJudge):
        read(recorder, tmp_path).answer("attention.causal_mask", {"n_tokens": 2})


@pytest.mark.parametrize("others", [True, False])
def test_what_others_would_ask(listening: Callable[..., Recorder], tmp_path: Path, others: bool) -> None:
    """Protects right submissions without biases, or with another GELU: their questions are answered, too, if so wanted."""
    recorder = listening(others=others)
    weights, x = mlp_weights(3, 5, generator(1)), torch.ones(1, 3)
    mlp(weights, x)
    record = read(recorder, tmp_path)
    bare = {role: tensor for role, tensor in weights.items() if "bias" not in role}
    question = {"weights": bare, "x": x, "approximate": "tanh"}
    if not others:
        with pytest.raises(CannotJudge):
            record.answer("mlp.mlp", question)
        return
    recorder.listening = False
    torch.testing.assert_close(record.answer("mlp.mlp", question), mlp(bare, x, approximate="tanh"), rtol=1e-8, atol=0)


def test_oracles_answer_alike_without_a_recorder() -> None:
    """Protects the staff's run: marking a function changes neither its result nor its name, and no kit is here."""

    @oracle()
    def doubled(x: int, by: int = 2) -> int:
        """x times 2."""
        return x * by

    assert (doubled(3), doubled(3, by=3), doubled.__name__, doubled.__doc__) == (6, 9, "doubled", "x times 2.")
    assert not FOLDER.exists()
    assert record_here() is None
    with pytest.raises(CannotJudge):
        look_up("attention.attention", {})


def test_cases_are_kept_and_tried_again(
    judge: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the kit's checks: the cases that were drawn are tried, whatever the seed; without any, it is not judged."""
    causal, padded = (check for check in all_checks() if check.id in ("mask.causal_agrees", "mask.padding_agrees"))
    right = solution("mask")
    recorder = Recorder()
    with recorder.of(padded):
        assert judge(right, seed=3).judge(padded).outcome is Outcome.PASSED
    record = read(recorder, tmp_path)
    drawn = [case["case"].ids for case in record.cases_of(padded.id)]
    assert len(drawn) > 5
    for module in ("check", "judge"):
        monkeypatch.setattr(f"graders.{module}.record_here", lambda: record)
    assert judge(right, seed=77).seed_of(padded) == judge(right).seed_of(padded)
    assert judge(right, seed=77).judge(padded).outcome is Outcome.PASSED
    wrong = {"mask.py": right["mask.py"].replace("ids != pad_id", "ids != 0 * pad_id - 1")}
    verdict = judge(wrong, seed=77).judge(padded)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.case
    assert judge(right).judge(causal).reason is Reason.NO_RECORD


def solution(task: str) -> dict[str, str]:
    return {f"{task}.py": (Path(__file__).parents[2] / "reference" / f"{task}.py").read_text(encoding="utf-8")}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"torch": "2.0"}, ""),
        (
            {"torch": "2.1"},
            "made with torch 2.0, found torch 2.1: where checks are not judged, run pip install torch==2.0",
        ),
        ({}, "made with torch 2.0, found torch none: where checks are not judged, run pip install torch==2.0"),
    ],
)
def test_other_versions_are_said(tmp_path: Path, found: dict[str, str], says: str) -> None:
    """Protects whoever has another version: one line that says what was found, what was expected, and what to do."""
    assert read(Recorder(), tmp_path).other_versions(found) == says


@pytest.mark.parametrize("damage", ["gone", "no json", "no zip", "no key"])
def test_a_damaged_record_is_said(tmp_path: Path, damage: str) -> None:
    """Protects students from a traceback of ours."""
    Recorder().write(tmp_path / "record", **FACTS)
    file = tmp_path / "record" / ("tensors.npz" if damage == "no zip" else "record.json")
    file.unlink() if damage == "gone" else file.write_text("{}" if damage == "no key" else "no")
    with pytest.raises(RecordError, match="unpack the kit again"):
        Record(tmp_path / "record")


@pytest.mark.parametrize("path", sorted((FOLDER.parent / "oracles").glob("*.py")), ids=lambda path: path.stem)
def test_every_oracle_is_marked(path: Path) -> None:
    """Protects the kit: whatever knows the answer key is looked up there, all of it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    marked = [node.name for node in functions if any("oracle(" in ast.unparse(each) for each in node.decorator_list)]
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    knows = any(module.startswith("reference") for module in imported)
    assert marked == ([node.name for node in functions] if knows or marked else [])
