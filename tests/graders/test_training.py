"""Training in the worker: right models learn and cannot peek, wrong ones are told what keeps them from it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from audit.handing_in import hand_in as hand_in_edited
from graders.catalogue import all_checks
from graders.check import Check
from graders.homework import load
from graders.judge import Judge, reference_of
from graders.student import Student
from graders.test_training import SIZES
from graders.training import cross_entropy
from graders.verdict import Outcome, Reason
from sandbox.errors import Loss, WorkerLost
from sandbox.launch import Zygote
from tests.submissions.tables import SLUGS, variants_of

ROOT = Path(__file__).parents[2]
WHEATS = sorted(path.stem for path in (ROOT / "tests" / "wheats" / "gpt").glob("*.py"))
CHECKS = [check for check in all_checks() if check.task == "training"]
# what nothing but training shows, and what else is right may be wrong elsewhere
CHAFFS = {
    "sees_the_next_token": ("cannot_learn_what_is_random", "ln 16 = 2.77: the model sees what it is to predict"),
    "not_causal": ("cannot_learn_what_is_random", "Look at the causal mask"),
    "norms_over_the_tokens": ("cannot_learn_what_is_random", "the logits of the first 4 tokens change by"),
    "shifts_the_targets_again": ("overfits_ten_examples", "the loss should be below 1, it went from"),
    "returns_probabilities": ("overfits_ten_examples", "Look at what the loss compares"),
    "detached_embedding": ("every_parameter_learns", "No gradient reaches token_embedding.weight"),
    "skips_the_last_block": ("every_parameter_learns", "No gradient reaches blocks.1.attn.query.weight"),
    "shifts_ids_in_place": ("can_be_trained", "modified by an inplace operation"),
}


def failures(judge: Judge, *names: str) -> dict[str, str]:
    """What the failed checks of training say; without names of all of them."""
    for check in judge.checks:
        if check.task == "training" and check.name in (names or [check.name]):
            judge.judge(check)
    failed = {name: verdict for name, verdict in judge.verdicts.items() if verdict.outcome is Outcome.FAILED}
    return {name.partition(".")[2]: verdict.message for name, verdict in failed.items()}


def text_of(kind: str, name: str) -> str:
    """A right or wrong language model of the tests."""
    return (ROOT / "tests" / kind / "gpt" / f"{name}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CHAFFS)
def test_what_keeps_a_model_from_learning_is_told(name: str, judge: Callable[..., Judge]) -> None:
    """Protects the student whose model trains badly: the check that shows it says where to look."""
    check, message = CHAFFS[name]
    assert message in failures(judge({"gpt.py": text_of("chaffs", name)}, seed=1), check)[check]


@pytest.mark.parametrize(
    ("change", "check", "message"),
    [
        (
            "nn.init.normal_(self.head.weight, std=30.0)",
            "first_loss_is_near_ln_v",
            "that of guessing is ln 16 = 2.77. Look at the size of the initial",
        ),
        ("nn.init.constant_(self.head.weight, float('nan'))", "gives_finite_logits", "hold NaN or infinity"),
    ],
)
def test_initial_weights(change: str, check: str, message: str, judge: Callable[..., Judge]) -> None:
    """Protects the check of the first loss: weights that no training comes back from are named."""
    text = text_of("wheats", "modules_and_a_loop")
    line = next(line for line in text.splitlines() if line.lstrip().startswith("self.head ="))
    indent = line[: len(line) - len(line.lstrip())]
    assert message in failures(judge({"gpt.py": text.replace(line, f"{line}\n{indent}{change}")}, seed=1), check)[check]


def test_what_fails_early_is_told_once(judge: Callable[..., Judge]) -> None:
    """Protects the student from six messages about one mistake: what cannot be trained gates the rest."""
    grading = judge(ROOT / "student_template" / "core", seed=1)
    assert list(failures(grading)) == ["can_be_trained"]
    reasons = {verdict.reason for name, verdict in grading.verdicts.items() if not name.endswith("can_be_trained")}
    assert reasons == {Reason.PREREQUISITE}


def test_the_judge_computes_the_loss() -> None:
    """Protects the verdict: the loss is the mean over all tokens but the first, in nats."""
    ids = torch.tensor([[3, 4, 5], [6, 3, 4]])
    logits = torch.zeros(2, 2, 19)
    assert cross_entropy(logits, ids) == pytest.approx(math.log(19))
    logits[0, 0, 4] = logits[0, 1, 5] = logits[1, 0, 3] = logits[1, 1, 4] = 50.0
    assert cross_entropy(logits, ids) == pytest.approx(0.0, abs=1e-12)


FORGED = """
    import sys
    from dataclasses import dataclass
    import torch
    from torch import nn

    sys.modules["_headmaster.training"].train = lambda module, step, batches, steps, lr, probes: {}

    @dataclass
    class GPTConfig:
        vocab_size: int
        block_size: int
        n_layers: int
        n_heads: int
        d_model: int
        d_hidden: int = 0

    class GPT(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.table = nn.Embedding(config.vocab_size, config.d_model)

        def forward(self, ids, targets=None):
            return self.table(ids), None
"""
_LOGITS = "torch.zeros(10, 7, 19)"
_LOSSES = "torch.zeros(steps, dtype=torch.float64)"


@pytest.mark.parametrize(
    "reply",
    [
        "None",
        "{}",
        f"dict(losses=[1.0], before={_LOGITS}, after=[{_LOGITS}], none=[], zero=[])",
        f"dict(losses={_LOSSES}, before={_LOGITS}, after=[], none=[], zero=[])",
        f"dict(losses={_LOSSES}, before={_LOGITS}, after=[{_LOGITS}], none=[3], zero=[])",
        f"dict(losses={_LOSSES}, before={_LOGITS}, after=[{_LOGITS}], none=[], zero='all')",
    ],
)
def test_a_forged_run(reply: str, student: Callable[..., Student]) -> None:
    """Protects the judge from code that answers in the loop's place: a malformed reply ends the worker."""
    forged = FORGED.replace("probes: {}", f"probes: {reply}")
    with student({"gpt.py": forged}).open(1) as worker:
        training = student({"gpt.py": forged}).implementation("training", worker)
        ids = torch.randint(3, 19, (10, 8), generator=torch.Generator().manual_seed(1))
        with pytest.raises(WorkerLost) as lost:
            training.train(SIZES, ids[None], 3, [ids], seed=1, lr=0.1)
        assert lost.value.loss is Loss.PROTOCOL


def test_a_forged_loss_gains_nothing(judge: Callable[..., Judge]) -> None:
    """Protects the verdict: losses that the student's process tells do not count, its logits do."""
    logits = "[torch.zeros(len(probe), 7, 19) for probe in probes]"
    told = f"dict(losses={_LOSSES}, before={logits}[0], after={logits}, none=[], zero=[])"
    failed = failures(judge({"gpt.py": FORGED.replace("probes: {}", f"probes: {told}")}, seed=1))
    assert list(failed) == ["overfits_ten_examples"]
    assert f"from {math.log(19):.2f} to {math.log(19):.2f}" in failed["overfits_ten_examples"]


def test_logits_of_another_shape(student: Callable[..., Student]) -> None:
    """Protects the student: a shape that is none of logits is named with what was expected."""
    forward = "GPT.forward = lambda self, ids, targets: (ids.float(), self.head.weight.sum())"
    flat = f"{text_of('wheats', 'modules_and_a_loop')}\n{forward}\n"
    check: Check = CHECKS[0]
    verdict = check.run(student({"gpt.py": flat}), 1, shrink_calls=0)
    assert verdict.outcome is Outcome.FAILED
    assert "the model must give logits (10, 7, 19), got a float32 tensor of shape (10, 7)." in verdict.message


NO_TABLE = """
    from torch import nn

    class Transformer(nn.Module):
        def __init__(self, vocab_size, hidden_dim, context_len, num_layers=2):
            super().__init__()
            self.mlp = nn.Linear(hidden_dim, 2 * hidden_dim)
"""


def test_hidden_states_without_an_embedding(student: Callable[..., Student]) -> None:
    """Protects the student whose model cannot give logits: what it has is listed."""
    verdict = CHECKS[0].run(student({"transformers.py": NO_TABLE}, "transformers_from_scratch"), 1, shrink_calls=0)
    assert verdict.outcome is Outcome.FAILED
    assert (
        verdict.message
        == "Transformer has no embedding of 19 tokens. Its parameters are: mlp.weight (64, 32), mlp.bias (64,)."
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", WHEATS)
def test_right_models_learn(name: str, seed: int, judge: Callable[..., Judge]) -> None:
    """Protects right submissions of `core`: however they are written, they learn."""
    assert failures(judge({"gpt.py": text_of("wheats", name)}, seed=seed)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("slug", [*SLUGS, "core"])
def test_solutions_learn(slug: str, seed: int, judge: Callable[..., Judge]) -> None:
    """Protects each homework's solution, at several seeds."""
    solution = reference_of(slug)
    assert solution is not None
    assert failures(judge(solution, slug, seed=seed)) == {}


VARIANTS = [(slug, variant) for slug in SLUGS for variant in variants_of(slug)]


@pytest.mark.slow
@pytest.mark.parametrize(("slug", "variant"), VARIANTS, ids=[f"{slug}-{variant.name}" for slug, variant in VARIANTS])
def test_right_submissions_learn(slug: str, variant: Any, zygote: Zygote, tmp_path: Path) -> None:
    """Protects right submissions of the real homeworks that are written in another way, at three seeds."""
    folder = hand_in_edited(slug, tmp_path / "submission", variant.applied_to, variant.file)
    for seed in (1, 2, 3):
        with Judge(load(slug), folder, zygote, seed=seed, shrink_calls=0) as grading:
            assert failures(grading) == {}
