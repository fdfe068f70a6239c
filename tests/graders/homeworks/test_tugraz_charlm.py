"""The binding of TU Graz's homework: other templates than ours, the forbidden functions, and what students read.

The right and wrong solutions of `tests/submissions/tugraz_charlm` are graded by the table tests.
"""

from collections.abc import Callable, Sequence

import pytest

from audit.edits import replaced
from audit.handing_in import hand_in as write
from graders.check import Group
from graders.judge import Judge
from graders.scoring import lost_items
from graders.verdict import Outcome, Verdict

SLUG = "tugraz_charlm"
GIST = (Group.INTERFACE, Group.SHAPE, Group.AGREEMENT)
Edits = Sequence[tuple[str, str]]
Graded = Callable[..., Judge]


@pytest.fixture
def graded(judge: Callable[..., Judge], tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Judge an edited solution: interface, shapes and agreement of one task, or some checks by their ids, or all."""

    def run(edits: Edits, task: str = "", checks: Sequence[str] = ()) -> Judge:
        folder = tmp_path_factory.mktemp("submissions") / "submission"
        someone = judge(write(SLUG, folder, lambda source: replaced(source, edits, "edits")), SLUG)
        if task or checks:
            someone.checks = [
                check for check in someone.checks if check.id in checks or (check.task == task and check.group in GIST)
            ]
        someone.judge_all()
        return someone

    return run


def first_failure(verdicts: dict[str, Verdict]) -> str:
    """The message of the first check that has failed; nothing may be left to the staff."""
    assert {""} == {verdict.staff for verdict in verdicts.values()}
    return next(verdict.message for verdict in verdicts.values() if verdict.outcome is Outcome.FAILED)


SAMPLE = "    def sample(self, idx: Tensor, max_new_tokens: int, temperature: float = 1.0) -> Tensor:"
POSITIVE = '        assert temperature > 0, f"the temperature must be above 0, it is {temperature}"\n'
CALL = "model.sample(start, max_new_tokens=n_characters, temperature=temperature)"
TIED = "        self.lm_head.weight = self.transformer.wte.weight\n"
ATTENTION_END = "        return self.resid_dropout(self.c_proj(heads))  # (B, T, C)"
MLP_END = "        return self.dropout(self.c_proj(hidden))  # (B, T, C)"
SAMPLE_END = "            idx = torch.cat((idx, next_token), dim=1)\n        return idx\n"


@pytest.mark.parametrize(
    "edits",
    [
        [(TIED, "")],
        [(SAMPLE, "    def sample(self, tau, x, max_new_tokens):"),
         (POSITIVE, "        idx, temperature = x, tau\n"),
         (CALL, "model.sample(temperature, start, n_characters)")],
        [(SAMPLE, "    def sample(self, *, t=1.0, max_tokens=100, sequence):"),
         (POSITIVE, "        idx, max_new_tokens, temperature = sequence, max_tokens, t\n"),
         (CALL, "model.sample(sequence=start, max_tokens=n_characters, t=temperature)")],
    ],
    ids=["untied head", "temperature first", "keywords only"],
)  # fmt: skip
def test_other_templates(graded: Graded, edits: Edits) -> None:
    """Protects those who started from the course's own template: ties and the arguments' order and names may differ."""
    checks = ["gpt.agrees_with_reference", "gpt.loss_agrees", "generate.agrees_with_reference", "generate.frequencies"]
    assert {Outcome.PASSED} == {verdict.outcome for verdict in graded(edits, checks=checks).verdicts.values()}


def test_new_tokens_alone_are_noted(graded: Graded) -> None:
    """Protects the note: a text without the prompt counts, and the student reads that it was noticed."""
    edits = [(SAMPLE_END, SAMPLE_END.replace("return idx", "return idx[:, -max_new_tokens:]"))]
    verdict = graded(edits, "generate").verdicts["generate.agrees_with_reference"]
    assert Verdict(Outcome.PASSED, "Note: sample returns the new tokens without the start sequence.") == verdict


FORBIDDEN = "rules.no_forbidden_function"
AFTER_SOFTMAX = "        heads = (weights @ v).transpose(1, 2).reshape(B, T, C)  # side by side again\n"


@pytest.mark.parametrize(
    "call",
    [
        "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        "torch.ops.aten.scaled_dot_product_attention(q, k, v, None, 0.0, True)",
        "torch._C._nn.scaled_dot_product_attention(q, k, v, is_causal=True)",
        "vars(torch._C._nn)['scaled_dot' + '_product_attention'](q, k, v, is_causal=True)",
        "getattr(torch.ops.aten, '_scaled_dot_product_flash_attention_for_cpu')(q, k, v, 0.0, True)[0]",
        "nn.MultiheadAttention(C, self.n_head, batch_first=True)(x, x, x)[0].view(B, T, self.n_head, -1).transpose(1, 2)",
        "nn.TransformerEncoderLayer(C, self.n_head, batch_first=True)(x).view(B, T, self.n_head, -1).transpose(1, 2)",
    ],
)
def test_forbidden_functions(graded: Graded, call: str) -> None:
    """Protects the rule: what computes attention itself is found by its name, or by what runs."""
    edits = [(AFTER_SOFTMAX, f"        heads = {call}.transpose(1, 2).reshape(B, T, C)\n")]
    verdict = graded(edits, checks=[FORBIDDEN]).verdicts[FORBIDDEN]
    assert verdict.outcome is Outcome.FAILED
    assert "attention" in verdict.message.lower() or "Transformer" in verdict.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (AFTER_SOFTMAX, AFTER_SOFTMAX + "        # not F.scaled_dot_product_attention(q, k, v)\n"),
        ("class GPTConfig:", "class MultiheadAttention:\n    pass\n\n\n@dataclass\nclass GPTConfig:"),
        (
            "# Check: the MLP keeps the shape.\n",
            "print(F.scaled_dot_product_attention(tokens, tokens, tokens).shape)\n",
        ),
    ],
    ids=["in a comment", "a name of the student's own", "outside of the classes"],
)
def test_what_is_not_forbidden(graded: Graded, old: str, new: str) -> None:
    """Protects those who compare with PyTorch's own attention: the rule is about what the three classes use."""
    assert graded([(old, new)], checks=[FORBIDDEN]).verdicts[FORBIDDEN].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("task", "edits", "message"),
    [
        (
            "multi_head",
            [("class CausalSelfAttention(nn.Module)", "class CausalAttention(nn.Module)"),
             ("attention_to_check = CausalSelfAttention(", "attention_to_check = CausalAttention("),
             ("self.attn = CausalSelfAttention(", "self.attn = CausalAttention(")],
            "assignment3.ipynb does not define CausalSelfAttention. Did you mean CausalAttention?",
        ),
        (
            "multi_head",
            [("        self.attn_dropout = nn.Dropout(config.dropout)\n",
              "        self.attn_dropout = nn.Dropout(config.dropout)\n        self.more = nn.Linear(2, 3)\n")],
            "The notebook: the parameters of CausalSelfAttention do not fit: expected c_attn (3·n_embd, n_embd) and c_proj",
        ),
        (
            "mlp",
            [("        self.dropout = nn.Dropout(config.dropout)\n\n    def forward(self, x: Tensor)",
              "        self.dropout = nn.Dropout(config.dropout)\n        self.c_mid = nn.Linear(3, 3)\n\n"
              "    def forward(self, x: Tensor)")],
            "The parameters of MLP do not fit: expected two linear layers, from 6 features to more and back; found",
        ),
        (
            "gpt",
            [("    def __init__(self, config: GPTConfig) -> None:\n        super().__init__()\n        self.config = config",
              "    def __init__(self, config, n_layer) -> None:\n        super().__init__()\n        self.config = config")],
            "The notebook: expected GPT(config), found GPT(config, n_layer).",
        ),
        (
            "generate",
            [(SAMPLE, "    def sample(self, idx, max_new_tokens, temperature, device):")],
            "sample(start sequence, max_new_tokens, temperature), found",
        ),
        (
            "generate",
            [(SAMPLE_END, SAMPLE_END.replace("return idx", "return decode(idx[0].tolist())"))],
            "expected a int64 tensor of shape (1, 2), got a str.",
        ),
    ],
    ids=["no class", "parameters", "mlp", "constructor", "arguments", "a string"],
)  # fmt: skip
def test_messages(graded: Graded, task: str, edits: Edits, message: str) -> None:
    """Protects students: the first message says what was found, what was expected and what to do."""
    assert message in first_failure(graded(edits, task).verdicts)


@pytest.mark.parametrize(("task", "end"), [("multi_head", ATTENTION_END), ("mlp", MLP_END), ("generate", SAMPLE_END)])
@pytest.mark.parametrize("value", ["None", "{0}[:, :1]", "{0}.double()", "[{0}]", "{0}.flatten()", "'text'", "[2**70]"])
def test_no_value_is_our_fault(graded: Graded, task: str, end: str, value: str) -> None:
    """Protects the points: whatever comes back costs the student, and the judge never stumbles over it."""
    name = "idx" if task == "generate" else "x"
    loop = "            idx = torch.cat((idx, next_token), dim=1)\n" if task == "generate" else ""
    someone = graded([(end, f"{loop}        return {value.format(name)}\n")], task)
    assert {""} == {verdict.staff for verdict in someone.verdicts.values()}
    kept = value == "{0}.flatten()" and task == "generate"  # one sequence without the axis of the batch is accepted
    assert kept == ({Outcome.PASSED} == {verdict.outcome for verdict in someone.verdicts.values()})


def test_a_whole_model_without_its_parts(graded: Graded) -> None:
    """Protects d and f: they are graded although neither attention nor MLP can be made or called."""
    edits = [
        ("        self.c_attn = nn.Linear(config.n_embd", "        raise NotImplementedError\n        self.c_attn = nn.Linear("
         "config.n_embd"),
        ("        self.c_fc = nn.Linear(config.n_embd", "        raise NotImplementedError\n        self.c_fc = nn.Linear("
         "config.n_embd"),
    ]  # fmt: skip
    someone = graded(edits)
    assert {"b", "c"} == lost_items(someone.homework, someone.checks, someone.verdicts)
