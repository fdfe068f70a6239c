"""The binding of MIT's homework: layouts are found, parts that do not run cost once, and messages say what to do.

Whole submissions, right and wrong, are in tests/submissions/mit_dialoguegpt.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from graders.check import Group
from graders.homeworks.mit_dialoguegpt import BINDING
from graders.homeworks.mit_dialoguegpt.loss import MitLoss
from graders.homeworks.mit_dialoguegpt.model import tables
from graders.homeworks.mit_dialoguegpt.notebook import MaskArgument, shaken
from graders.homeworks.mit_dialoguegpt.patches import patch_layouts
from graders.strategies import generator
from graders.strategies.patch_embedding import patch_weights
from graders.tasks import GptSizes, HeadSizes, PatchSizes
from graders.verdict import CheckFailed, Outcome
from reference.notebooks import to_ipynb
from reference.templates import solved

SLUG = "mit_dialoguegpt"
SOURCE = Path(__file__).parents[3] / "reference" / "homeworks" / SLUG / "source" / "homework3.py"
Edits = Sequence[tuple[str, str]]

RETURN = "return alpha @ values, alpha  # (B, T, n_hidden), (B, T, T)"
HEADS = "nn.ModuleList(AttentionHead(dim, n_hidden) for _ in range(num_heads))"
LAYERS = "nn.ModuleList(AttentionResidual(dim, attn_dim, mlp_dim, num_heads) for _ in range(num_layers))"
DECODE = 'return " ".join(self.tokens[int(id)] for id in ids)'
ENCODE = "return [self.start_id, *(self.token_to_id.get(word, self.unk_id) for word in word_tokenize(s))]"


def notebook(edits: Edits = ()) -> dict[str, str]:
    """The solution's notebook with texts replaced, each of them found once."""
    source = solved(SOURCE.read_text(encoding="utf-8"))
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return {"homework3.ipynb": to_ipynb(source)}


def gist(judge: Any, edits: Edits, *tasks: str) -> dict[str, str]:
    """The first line of each message of the tasks' interface, shape and agreement checks, and of the last, by id."""
    someone = judge(notebook(edits), SLUG)
    someone.checks = [
        check
        for check in someone.checks
        if check.task in tasks and check.group in (Group.INTERFACE, Group.SHAPE, Group.AGREEMENT)
    ]
    verdicts = someone.judge_all()
    assert {""} == {verdict.staff for verdict in verdicts.values()}
    return {
        name: f"{verdict.outcome.value}: {verdict.message.partition(chr(10))[0]}"
        for name, verdict in verdicts.items()
        if verdict.message and verdict.reason is None
    }


def test_tasks_and_capabilities() -> None:
    """Protects which checks are present: properties that a wrong part would break are not."""
    assert {
        "attention": {"module", "mask_argument", "no_mask", "returned_weights"},
        "multi_head": {"mask_argument", "any_width", "returned_weights", "own_parameters"},
        "stack": set(),
        "patch_embedding": set(),
        "dialogue_tokenizer": set(),
        "gpt": {"free_width", "obedient_parts"},
        "loss": {"standalone"},
        "training": set(),
    } == {task: set(offer.capabilities) for task, offer in BINDING.items()}


# ---------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("edits", "task", "check", "message"),
    [
        (
            [("class DialogueLoss(nn.Module)", "class DialogLoss(nn.Module)")],
            "loss",
            "loss.interface",
            "homework3.ipynb does not define DialogueLoss. Did you mean DialogLoss? The name must be exactly DialogueLoss.",
        ),
        (
            [
                (
                    "self, img_size: int, patch_size: int, nin: int, nout: int",
                    "self, img_size, patch_size, nin, nout, stride",
                )
            ],
            "patch_embedding",
            "patch_embedding.interface",
            "The notebook: expected PatchEmbed(img_size, patch_size, nin, nout), found PatchEmbed(img_size, patch_size, nin, "
            "nout, stride).",
        ),
        (
            [(RETURN, "return alpha @ values[..., :1], alpha")],
            "attention",
            "attention.head_shapes",
            "the output: expected a float32 tensor of shape (5, 4, 2), got a float32 tensor of shape (5, 4, 1).",
        ),
        (
            [(RETURN, "return alpha @ values")],
            "attention",
            "attention.head_returns_weights",
            "the attention weights (batch, 1, query, key): expected a float32 tensor of shape (5, 1, 4, 4), got None.",
        ),
        (
            [(LAYERS, LAYERS.replace("nn.ModuleList(", "list("))],
            "stack",
            "stack.interface",
            "Transformer must hold num_layers layers of class AttentionResidual; PyTorch finds none in it. Create them in "
            "__init__ and keep them in an nn.ModuleList: PyTorch does not look into plain lists.",
        ),
        (
            [(ENCODE, "return [self.START, *word_tokenize(s)]")],
            "dialogue_tokenizer",
            "dialogue_tokenizer.shapes",
            "encode must return ids as a list, an array or a tensor of one axis; got a list of 4 (a str, a str, a str, a str).",
        ),
        (
            [(DECODE, "return [self.tokens[int(id)] for id in ids]")],
            "dialogue_tokenizer",
            "dialogue_tokenizer.shapes",
            "decode must return a string; got a list of 3 (a str, a str, a str).",
        ),
    ],
)
def test_what_is_wrong_is_said(judge: Any, edits: Edits, task: str, check: str, message: str) -> None:
    """Protects the student: what was found, what was expected, and what to do."""
    assert {check: f"failed: {message}"} == gist(judge, edits, task)


def test_heads_in_a_plain_list_are_told(judge: Any) -> None:
    """Protects the message about parameters that PyTorch does not find."""
    found = gist(judge, [(HEADS, HEADS.replace("nn.ModuleList(", "list("))], "multi_head")
    [(check, message)] = found.items()
    assert check == "multi_head.interface"
    assert message.endswith(
        "W_O.bias (12,). PyTorch does not find modules in a plain list: keep the heads in an nn.ModuleList"
    )


def test_positions_that_are_not_learned_are_told(judge: Any) -> None:
    """Protects the message: only agreement fails, the mask is judged all the same."""
    edits = [
        (
            "        self.position_embedding = nn.Embedding(max_N, dim)\n",
            '        self.register_buffer("table", torch.randn(max_N, dim))\n',
        ),
        ("self.position_embedding(positions)", "self.table[positions]"),
    ]
    found = gist(judge, edits, "gpt")
    assert {"gpt.agrees_with_reference", "gpt.full_block", "gpt.any_hidden_width"} == set(found)
    assert found["gpt.full_block"].startswith(
        "failed: DialogueGPT has no learned embedding of positions, max_N x dim = "
    )


# ---------------------------------------------------------------------------------------------------- a mistake costs once


def test_a_head_that_raises_costs_its_own_question_only(judge: Any) -> None:
    """Protects the other questions: others stand in for what does not run, and the student is told so."""
    found = gist(judge, [(RETURN, 'raise RuntimeError("oh")')], "multi_head", "stack", "gpt")
    note = "finite numbers of the right shape"
    assert len(found) == 6 + 6 + 5
    assert [name for name, text in found.items() if not (text.startswith("passed: Note: Your ") and note in text)] == []


def test_heads_of_which_nobody_knows_the_layout(student: Any) -> None:
    """Protects unusual heads: the module around them is judged with others in their place."""
    edits = [
        ("        self.W_V = nn.Linear(dim, n_hidden)\n", "        self.W_V = nn.Linear(dim, 7)\n"),
        (RETURN, "return (alpha @ values) @ values.new_ones(7, self.n_hidden), alpha"),
    ]
    someone = student(notebook(edits), SLUG)
    with someone.open(1) as worker:
        heads = someone.implementation("multi_head", worker)
        module = heads.build(HeadSizes(6, 2))
        x = torch.randn(3, 4, 6, generator=generator(1))
        module.load({"proj.weight": torch.eye(6), "proj.bias": torch.zeros(6), "value.weight": torch.eye(6)})
        torch.testing.assert_close(module(x).double(), next(module.expected(x)), atol=1e-5, rtol=1e-5)
        assert heads.shared_heads(HeadSizes(6, 2)) == []


@pytest.mark.parametrize("form", ["array", "tensor"])
def test_decode_takes_what_it_likes(student: Any, form: str) -> None:
    """Protects students who read `array` in the handout: a list need not do."""
    used = {"array": "ids.astype(int)", "tensor": "ids.cpu()"}[form]
    someone = student(notebook([(DECODE, f'return " ".join(self.tokens[i] for i in {used}.tolist())')]), SLUG)
    with someone.open(1) as worker:
        tokenizer = someone.implementation("dialogue_tokenizer", worker)
        assert tokenizer.decode("a b", [tokenizer.as_it_likes([0, 4])]) == ["<START> b"]


# ---------------------------------------------------------------------------------------------------- reading parameters

GPT = GptSizes(11, 8, 2, 2, 6, 24)
EMBEDDINGS = {"tok.weight": (11, 6), "pos.weight": (8, 6), "transformer.layers.0.ffn.weight": (11, 6)}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (
            {"head.0.weight": (6,), "head.0.bias": (6,), "head.1.weight": (11, 6), "head.1.bias": (11,)},
            [("tok", ("head",))],
        ),
        ({"out.weight": (11, 6), "ln.weight": (6,)}, [("tok", ("ln", "out")), ("out", ("ln", "tok"))]),
        ({}, [("tok", ())]),
    ],
)
def test_ways_to_read_a_model(others: dict[str, tuple[int, ...]], expected: list[tuple[str, tuple[str, ...]]]) -> None:
    """Protects models whose head is of another kind: what looks like a token embedding may be one, or the head."""
    found = tables({**EMBEDDINGS, **others}, "transformer", GPT)
    assert [(f"{token}.weight", "pos.weight", head) for token, head in expected] == [
        (each.token, each.position, each.head) for each in found
    ]


def test_a_model_without_embeddings() -> None:
    """Protects the message: sizes and parameters are named."""
    with pytest.raises(CheckFailed, match=r"no learned embedding of tokens, vocab_size x dim = 11 x 6.*table \(8, 6\)"):
        tables({"table": (8, 6)}, "transformer", GPT)


@pytest.mark.parametrize("shape", [(5, 3, 2, 2), (5, 12), (12, 5)])
def test_patch_layouts(shape: tuple[int, ...]) -> None:
    """Protects the checks of gradients: what is packed comes back, in each order of a patch's axes."""
    sizes = PatchSizes(6, 6, 2, 3, 5)
    name = "kernel" if shape[0] == 12 else "projection.weight"
    weights = patch_weights(sizes, generator(1))
    found = patch_layouts({name: shape, "projection.bias": (5,)}, sizes)
    assert len(found) == (1 if len(shape) == 4 else 6)
    packed = [layout.pack(weights, sizes) for layout in found]
    assert len({str(state[name].tolist()) for state in packed}) == len(found)
    for layout, state in zip(found, packed, strict=True):
        assert shape == tuple(state[name].shape)
        assert torch.equal(weights["proj.weight"], layout.unpack(state[name], sizes))


def test_parameters_that_are_no_projection_fit_nowhere() -> None:
    """Protects the search: a second parameter is not passed over."""
    assert patch_layouts({"a.weight": (5, 12), "norm.weight": (5,), "norm.bias": (5,)}, PatchSizes(6, 6, 2, 3, 5)) == []


# ---------------------------------------------------------------------------------------------------- what is passed


def test_masks_are_passed_for_each_sequence() -> None:
    """Protects the interface: (B, T, T), 1 = may attend, causal by default."""
    x = torch.zeros(2, 3, 5)
    mask = MaskArgument().of(x, None)
    assert (mask.dtype, mask.tolist()) == (torch.float32, [[[1, 0, 0], [1, 1, 0], [1, 1, 1]]] * 2)
    given = torch.rand(2, 1, 3, 3, generator=generator(1)) < 0.5
    assert torch.equal(MaskArgument(torch.bool).of(x, given), given[:, 0])


def test_weights_of_any_parameters() -> None:
    """Protects the composition: no bias is 0, no gain is 1, and a seed gives the same again."""
    shapes = {"a.weight": (4, 3), "norm.weight": (4,), "norm.bias": (4,)}
    first, again = shaken(shapes, 1), shaken(shapes, 1)
    assert all(torch.equal(first[name], again[name]) for name in shapes)
    assert not any(bool((first["norm.bias"] == 0).any() or (first["norm.weight"] == 1).any()) for _ in (0,))


class Remembers:
    """Stands for a loss in a worker: a sum over pairs that counts the mask, and remembers what it was given."""

    def __call__(self, logits: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.mask = mask
        each = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
        return (each * mask[:, 1:]).sum() / mask[:, 1:].sum()

    def gradients(
        self, args: list[Any], wrt: list[int], grad_output: torch.Tensor
    ) -> tuple[list[torch.Tensor], dict[str, Any]]:
        leaf = args[0].clone().requires_grad_()
        return list(torch.autograd.grad(self(leaf, *args[1:]), leaf)), {}


def test_masks_with_holes_never_reach_the_loss() -> None:
    """Protects students who count on padding at the end: pairs are moved, losses stay, and gradients are moved back."""
    rng = generator(5)
    logits, ids = torch.randn(3, 6, 4, generator=rng), torch.randint(4, (3, 6), generator=rng)
    mask = torch.tensor([[0, 1, 0, 1, 1, 0], [1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]]).bool()
    remote = Remembers()
    loss = MitLoss(remote)  # type: ignore[arg-type]
    got, gradient = loss(logits, ids, mask), loss.gradient(logits, ids, mask)
    assert remote.mask.tolist() == [[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    leaf = logits.clone().requires_grad_()
    expected = Remembers()(leaf, ids, mask.long())
    torch.testing.assert_close(got, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, leaf)[0])


def test_the_outcome_of_the_solution(judge: Any) -> None:
    """Protects the way from notebook to verdict in one task that needs no other."""
    someone = judge(notebook(), SLUG)
    check = next(check for check in someone.checks if check.id == "loss.agrees_with_reference")
    assert Outcome.PASSED is someone.judge(check).outcome
