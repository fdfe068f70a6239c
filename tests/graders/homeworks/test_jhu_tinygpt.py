"""The binding of JHU's homework: what students read when a class is missing, called otherwise, or returns what it should not.

The right and wrong solutions of `tests/submissions/jhu_tinygpt` are graded by the table tests.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from audit.edits import replaced
from audit.handing_in import hand_in as write
from graders.check import Group
from graders.judge import Judge
from graders.verdict import Outcome, Verdict

SLUG = "jhu_tinygpt"
GIST = (Group.INTERFACE, Group.SHAPE, Group.AGREEMENT)
Edits = Sequence[tuple[str, str]]
Graded = Callable[[Edits, str], dict[str, Verdict]]


@pytest.fixture
def graded(judge: Callable[..., Judge], tmp_path: Path) -> Graded:
    """Judge interface, shapes and agreement of one task of an edited solution."""

    def run(edits: Edits, task: str) -> dict[str, Verdict]:
        folder = write(SLUG, tmp_path / "submission", lambda source: replaced(source, edits, "edits"))
        someone = judge(folder, SLUG)
        someone.checks = [check for check in someone.checks if check.task == task and check.group in GIST]
        return someone.judge_all()

    return run


def first_failure(verdicts: dict[str, Verdict]) -> str:
    """The message of the first check that has failed, without the case; nothing may be left to the staff."""
    assert {""} == {verdict.staff for verdict in verdicts.values()}
    return next(verdict.message for verdict in verdicts.values() if verdict.outcome is Outcome.FAILED)


HEAD_END = "        return attention @ v  # (B, T, head_size)"
HEADS_END = "        return self.dropout(self.proj(side_by_side))  # (B, T, n_embd)"
BLOCK_END = "        return x + self.ffwd(self.ln2(x))  # (B, T, n_embd)"
MODEL_END = "        return logits, loss\n"


@pytest.mark.parametrize(
    ("task", "edits", "message"),
    [
        (
            "attention",
            [("class Head(nn.Module)", "class Heads(nn.Module)")],
            "Homework7.ipynb does not define Head. Did you mean Heads? The name must be exactly Head.",
        ),
        (
            "attention",
            [("    def __init__(self, head_size: int) -> None:\n        super().__init__()\n        self.key",
              "    def __init__(self, head_size, width, depth):\n        super().__init__()\n        self.key")],
            "The notebook: expected Head(head_size), found Head(head_size, width, depth).",
        ),
        (
            "attention",
            [(HEAD_END, "        return (attention @ v).mT")],
            "the output: expected a float32 tensor of shape (",
        ),
        ("attention", [(HEAD_END, "        return None")], "the output: expected a float32 tensor of shape ("),
        (
            "multi_head",
            [("nn.ModuleList(Head(head_size) for _ in range(num_heads))", "nn.ModuleList([Head(head_size)] * num_heads)")],
            "MultiHeadAttention must hold 3 of class Head, each with weights of its own; it holds 1. [Head(…)] * n puts the "
            "same Head in the list n times: make each of them anew, as in [Head(…) for _ in range(n)].",
        ),
        (
            "multi_head",
            [("        self.proj = nn.Linear(head_size * num_heads, n_embd)\n",
              "        self.proj = nn.Linear(head_size * num_heads, n_embd)\n        self.more = nn.Linear(n_embd, 5)\n")],
            "The parameters of MultiHeadAttention do not fit: expected those of its heads and of one projection (or none); "
            "found proj.weight (12, 12), proj.bias (12,), more.weight (5, 12), more.bias (5,).",
        ),
        ("multi_head", [(HEADS_END, "        return side_by_side.sum()")], "the output: expected a float32 tensor of shape ("),
        (
            "block",
            [("        self.ln2 = nn.LayerNorm(n_embd)\n",
              "        self.ln2 = nn.LayerNorm(n_embd)\n        self.ln3 = nn.LayerNorm(n_embd)\n")],
            "The parameters of Block do not fit: expected one MultiHeadAttention, one FeedForward and two LayerNorms; found "
            "ln1.weight (12,), ln1.bias (12,), ln2.weight (12,), ln2.bias (12,), ln3.weight (12,), ln3.bias (12,).",
        ),
        ("block", [(BLOCK_END, "        return [x]")], "the output: expected a float32 tensor of shape ("),
        (
            "gpt",
            [("        self.position_embedding_table = nn.Embedding(block_size, n_embd)\n", "")],
            "The parameters of TinyGPT do not fit: expected a token embedding (11, 6), a position embedding (8, 6), a last "
            "normalisation (6,) and a head (11, 6), beside the blocks; found token_embedding_table.weight (11, 6), "
            "ln_f.weight (6,), ln_f.bias (6,), lm_head.weight (11, 6), lm_head.bias (11,).",
        ),
        ("gpt", [(MODEL_END, "        return loss\n")], "the logits: expected a float32 tensor of shape ("),
        (
            "gpt",
            [("for _ in range(n_layer)]", "for _ in range(1)]")],
            "TinyGPT must hold 2 of class Block, each with weights of its own; it holds 1.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 12 else "",
)  # fmt: skip
def test_messages(graded: Graded, task: str, edits: Edits, message: str) -> None:
    """Protects students: the first message says what was found, what was expected and what to do."""
    assert message in first_failure(graded(edits, task))


VALUES = ["x[:, :1]", "x.double()", "x.flatten()", "(x, x, x)", "'x'", "x.sum()", "x.to_sparse()", "x * float('nan')"]


@pytest.mark.parametrize(
    ("task", "end"), [("attention", HEAD_END), ("multi_head", HEADS_END), ("block", BLOCK_END), ("gpt", MODEL_END)]
)
@pytest.mark.parametrize("value", VALUES)
def test_no_value_is_our_fault(graded: Graded, task: str, end: str, value: str) -> None:
    """Protects the points: whatever comes back costs the student, and the judge never stumbles over it."""
    outcomes = graded([(end, f"        return {value}\n")], task)
    first_failure(outcomes)
    agreement = [verdict.outcome for name, verdict in outcomes.items() if "agrees_with_reference" in name]
    assert agreement != [Outcome.PASSED]


def test_a_head_that_returns_its_weights_too(graded: Graded) -> None:
    """Protects right solutions: the stand-in for a head returns a pair if the student's own head does."""
    edits: list[Any] = [
        (HEAD_END, "        return attention @ v, attention"),
        ("[head(x) for head in self.heads]", "[head(x)[0] for head in self.heads]"),
        ("Head(8)(torch.randn(2, 5, n_embd)).shape", "Head(8)(torch.randn(2, 5, n_embd))[0].shape"),
    ]
    assert {Outcome.PASSED} == {verdict.outcome for verdict in graded(edits, "multi_head").values()}
