"""The binding of "Transformers from scratch": where the code lies, and what students read when it cannot be used.

The right and wrong solutions of `tests/submissions/transformers_from_scratch` are graded by the table tests.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from audit.handing_in import hand_in as write
from graders.check import Group
from graders.homeworks.transformers_from_scratch import BINDING
from graders.judge import Judge
from graders.verdict import Outcome, Verdict
from tests.submissions.transformers_from_scratch.bugs import DRAWN, LAST, NORMED

SLUG = "transformers_from_scratch"
GIST = (Group.INTERFACE, Group.SHAPE, Group.AGREEMENT)
FILE, NOTEBOOK = "transformers.py", "hw2_transformers.ipynb"
DECODED = "    return tokenizer.decode(ids[0].tolist())"
Graded = Callable[..., dict[str, Verdict]]


@pytest.fixture(scope="module")
def solution(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of the solution."""
    folder = write(SLUG, tmp_path_factory.mktemp("solution") / "handed_in")
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.fixture
def graded(judge: Callable[..., Judge]) -> Graded:
    """Judge interface, shapes and agreement of one task."""

    def run(files: Path | Mapping[str, str], task: str, groups: tuple[Group, ...] = GIST) -> dict[str, Verdict]:
        someone = judge(files, SLUG)
        someone.checks = [check for check in someone.checks if check.task == task and check.group in groups]
        return someone.judge_all()

    return run


def first_failure(verdicts: Mapping[str, Verdict]) -> str:
    """The first line of the first check that has failed; nothing may be left to the staff."""
    assert {""} == {verdict.staff for verdict in verdicts.values()}
    return next(v.message for v in verdicts.values() if v.outcome is Outcome.FAILED).partition("\n")[0]


def changed(files: Mapping[str, str], name: str, old: str, new: str) -> dict[str, str]:
    """The solution with a text of one file replaced, in all places; a notebook's text is escaped."""
    escape = (lambda text: text.replace('"', '\\"').replace("\n", "\\n")) if name == NOTEBOOK else str
    assert escape(old) in files[name]
    return {**files, name: files[name].replace(escape(old), escape(new))}


# ---------------------------------------------------------------------------------------------------- where things are


def test_without_the_file_the_notebook_serves(graded: Graded, solution: dict[str, str]) -> None:
    """Protects students who forget the copy: the classes are taken from the notebook, and they are told."""
    note = "Note: There is no transformers.py, so the class was taken from the notebook."
    for task, checks in (("decoder", ["interface"]), ("multi_head_decoder", ["interface", "extends_transformer"])):
        verdicts = graded({NOTEBOOK: solution[NOTEBOOK]}, task, (Group.INTERFACE, Group.INVARIANCE))
        assert [Verdict(Outcome.PASSED, note)] * len(checks) == [verdicts[f"{task}.{name}"] for name in checks]


def test_a_number_of_layers_without_a_default_costs_the_default_only(graded: Graded, solution: dict[str, str]) -> None:
    """Protects students who leave the default out: the model is still judged."""
    files = changed(solution, FILE, "context_len: int, num_layers: int = 2", "context_len: int, num_layers: int")
    verdicts = graded(files, "decoder", (Group.INTERFACE, Group.AGREEMENT, Group.INVARIANCE))
    failed = [name for name, verdict in verdicts.items() if verdict.outcome is not Outcome.PASSED]
    assert failed == ["decoder.two_layers_by_default"]


@pytest.mark.parametrize(
    ("files", "task", "message"),
    [
        ({}, "decoder", "There is no file transformers.py in the submission. Add it, with this name."),
        (
            {},
            "temperature_sampling",
            "There is no notebook in the submission. Add the `.ipynb` file itself, not only its PDF or a link to it.",
        ),
        (
            {"transformer.py": "class Transformers:\n    pass\n"},
            "decoder",
            "transformer.py does not define Transformer. Did you mean Transformers? The name must be exactly Transformer.",
        ),
        (
            {FILE: "class Transformer:\n    def __init__(self, config):\n        pass\n"},
            "decoder",
            "transformers.py: expected Transformer(vocab_size, hidden_dim, context_len), found Transformer(config).",
        ),
        (
            {FILE: "class MultiHeadTransformer:\n    def __init__(self, vocab, hidden, length):\n        pass\n"},
            "multi_head_decoder",
            "transformers.py: expected MultiHeadTransformer(vocab_size, hidden_dim, context_len, num_heads=…, num_layers=…), "
            "found MultiHeadTransformer(vocab, hidden, length).",
        ),
    ],
    ids=["no file", "no notebook", "another name", "another constructor", "no heads"],
)
def test_what_is_missing_is_told(graded: Graded, files: dict[str, str], task: str, message: str) -> None:
    """Protects the first contact: file, name or argument that is missing."""
    assert first_failure(graded(files, task, (Group.INTERFACE,))) == message


# ---------------------------------------------------------------------------------------------------- classes


def test_parameters_that_do_not_fit_are_told(graded: Graded, solution: dict[str, str]) -> None:
    """Protects the message: what was expected, and the parameters that were found, by name and shape."""
    old = "        self.W_o = one_per_layer(hidden_dim, hidden_dim, bias=False)\n"
    verdicts = graded(
        changed(solution, FILE, old, old.replace("hidden_dim, hidden", "hidden_dim, 5 * hidden")), "decoder"
    )
    message = first_failure(verdicts)
    assert message.startswith(
        "transformers.py: the parameters of Transformer do not fit. Expected: embedding (vocab_size,"
    )
    assert "W_o.0.weight (60, 12)" in message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("None", "The output: expected a float32 tensor of shape"),
        ("'hidden'", "The output: expected a float32 tensor of shape"),
        ("(x, x)", "The output: expected a float32 tensor of shape"),
        ("x.double()", "The output: expected a float32 tensor of shape"),
        ("x[:, :, :0]", "The output: expected a float32 tensor of shape"),
        ("x[0, 0, 0]", "The output: expected a float32 tensor of shape"),
        ("x @ self.embedding.weight.T", "The output: expected hidden states of shape"),
    ],
)
def test_other_outputs_are_told(graded: Graded, solution: dict[str, str], value: str, message: str) -> None:
    """Protects the judge from whatever comes back, and the message: type, shape and dtype."""
    files = changed(solution, FILE, LAST, LAST.replace("return x", f"return {value}"))
    assert first_failure(graded(files, "decoder", (Group.INTERFACE, Group.SHAPE))).lower().startswith(message.lower())
    for task in ("multi_head_decoder", "layer_norm"):  # a mistake costs once, and nothing makes the judge stumble
        assert {""} == {verdict.staff for verdict in graded(files, task).values()}


def test_a_mistake_is_named(graded: Graded, solution: dict[str, str]) -> None:
    """Protects the hint: what comes out is compared with what known mistakes give."""
    files = changed(solution, FILE, " / math.sqrt(k.shape[-1])", " / k.shape[-1]")
    verdict = graded(files, "decoder")["decoder.agrees_with_reference"]
    assert "They are what comes out if the scores are divided by d_k in place of √d_k.\n" in verdict.message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (NORMED, "", "The model's output does not depend on attention_gamma.0, attention_gamma.1, attention_gamma.2"),
        (
            "self.layer_norm(z, self.attention_gamma[i], self.attention_beta[i])",
            "z + 0 * self.layer_norm(z, self.attention_gamma[i], self.attention_beta[i])",
            "The model's output does not depend on attention_gamma.0, attention_gamma.1, attention_gamma.2",
        ),
        (
            "z = self.attention(x, i) + x  # (B, T, hidden_dim)\n" + NORMED,
            "z = self.attention(self.layer_norm(x, self.attention_gamma[i], self.attention_beta[i]), i) + x\n",
            "Layer norm belongs on the output of the attention; the model normalises what goes into it.",
        ),
    ],
    ids=["left out", "without effect", "before"],
)
def test_where_layer_norm_is_missing_is_told(
    graded: Graded, solution: dict[str, str], old: str, new: str, message: str
) -> None:
    """Protects question 2: a right function that the model does not use, or uses in another place."""
    verdicts = graded(changed(solution, FILE, old, new), "layer_norm")
    assert verdicts["layer_norm.agrees_with_reference"].outcome is Outcome.PASSED
    assert verdicts["layer_norm.applied_in_the_model"].message.startswith(message)


def test_a_file_without_layer_norm_is_told(graded: Graded, solution: dict[str, str]) -> None:
    """Protects the message of question 2 where there is neither a method nor a module."""
    files = changed(solution, FILE, "layer_norm", "standardise")
    expected = (
        "transformers.py: Transformer has no method layer_norm(x, gamma, beta), and no submodule such as nn.LayerNorm in its "
        "place."
    )
    assert first_failure(graded(files, "layer_norm", (Group.INTERFACE,))) == expected


# ---------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def generate(", "def generates(", "hw2_transformers.ipynb does not define generate. Did you mean generates?"),
        (DECODED, "    return 5", "generate was to continue “alpha juliett” by 1 token."),
        (DECODED, "    return {'ids': ids}", "generate was to continue “alpha juliett” by 1 token."),
        (DECODED, "    return ids.double()", "generate was to continue “alpha juliett” by 1 token."),
        (DECODED, "    return start_text", "generate was to continue “alpha juliett” by 1 token."),
        (
            "device, temperature: float = 1.0) -> str:",
            "device, extra, temperature: float = 1.0) -> str:",
            "the notebook: expected generate(model, tokenizer, start_text, max_new_tokens, device, temperature), found "
            "generate(model, tokenizer, start_text, max_new_tokens, device, extra, temperature=…).",
        ),
    ],
    ids=["another name", "a number", "a dictionary", "floats", "the start alone", "another argument"],
)
def test_what_generate_gives_is_told(
    graded: Graded, solution: dict[str, str], old: str, new: str, message: str
) -> None:
    """Protects question 4: the name, the arguments, and what was read off what came back."""
    files = changed(solution, NOTEBOOK, old, new)
    assert first_failure(graded(files, "temperature_sampling", (Group.INTERFACE,))).startswith(message)


def test_greedy_is_named(graded: Graded, solution: dict[str, str]) -> None:
    """Protects the hint of question 4."""
    files = changed(solution, NOTEBOOK, DRAWN, "        next_id = probabilities.argmax(dim=-1, keepdim=True)\n")
    verdict: Any = graded(files, "temperature_sampling")["temperature_sampling.draws_agree"]
    assert "The most probable token is taken each time: draw one with torch.multinomial." in verdict.message


def test_tasks_and_capabilities() -> None:
    """Protects what is graded here."""
    assert {task: set(offer.capabilities) for task, offer in BINDING.items()} == {
        "decoder": set(),
        "layer_norm": {"in_model"},
        "multi_head_decoder": set(),
        "temperature_sampling": set(),
        "nucleus_sampling": set(),
        "training": set(),
    }
