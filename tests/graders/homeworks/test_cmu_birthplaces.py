"""The binding of CMU's homework: every right layout gets full points, and what is wrong stays wrong."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, tensor

from graders import oracles
from graders.check import Group
from graders.homeworks.cmu_birthplaces import BINDING, CmuSpanCorruption
from graders.judge import Judge
from graders.scoring import failed_advice, score
from graders.strategies import generator, head_weights
from graders.tasks import HeadSizes
from graders.verdict import CheckFailed, Outcome, Verdict

SLUG = "cmu_birthplaces"
SRC = Path(__file__).parents[3] / "reference" / "homeworks" / SLUG / "src"
Edits = Sequence[tuple[str, str]]


def solution(**edits: Edits) -> dict[str, str]:
    """The solution's files with texts replaced, each of them found once: attention=[(old, new), …]."""
    files = {path.name: path.read_text(encoding="utf-8") for path in SRC.glob("*.py")}
    for name, replacements in edits.items():
        for old, new in replacements:
            count = files[f"{name}.py"].count(old)
            assert count == 1, f"{name}.py holds {count} times: {old}"
            files[f"{name}.py"] = files[f"{name}.py"].replace(old, new)
    return files


def in_folder(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{folder}{name}": text for name, text in files.items()}


def judged(judge: Callable[..., Judge], files: dict[str, str], task: str, gist: bool = False) -> Judge:
    """A judge that has judged a task's checks; `gist` leaves out all but interface, shapes and agreement."""
    someone = judge(files, SLUG)
    someone.checks = [
        check
        for check in someone.checks
        if check.task == task and (not gist or check.group in (Group.INTERFACE, Group.SHAPE, Group.AGREEMENT))
    ]
    someone.judge_all()
    return someone


def assert_accepted(someone: Judge) -> None:
    """Full points on the question, no failed advice, nothing for the staff."""
    wrong = {name: verdict for name, verdict in someone.verdicts.items() if verdict.outcome is not Outcome.PASSED}
    assert wrong == {}
    assert failed_advice(someone.homework, someone.checks, someone.verdicts) == []
    item = someone.homework.item_of(someone.checks[0].task)
    assert item is not None
    result = score(item, someone.checks, someone.verdicts)
    assert (item.points, True) == (result.earned, result.complete)


# ---------------------------------------------------------------------------------------------------- attention

QKV = "        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)\n"
PROJ = "        self.proj = nn.Linear(config.n_embd, config.n_embd)\n"
SPLIT = """\
        qkv = self.qkv(x).view(B, T, self.n_head, -1).transpose(1, 2)  # (B, n_head, T, 3 * hs)
        q, k, v = qkv.chunk(3, dim=-1)  # each (B, n_head, T, hs)
"""
RETURN = "        return self.resid_drop(self.proj(y))\n"
BUFFER = '        self.register_buffer("mask", causal)'
MASKED = "~self.mask[:T, :T]"

BLOCKS = [
    (SPLIT, "        q, k, v = (z.view(B, T, self.n_head, -1).transpose(1, 2) for z in self.qkv(x).chunk(3, dim=-1))\n")
]


def separate(query: str, key: str, value: str, proj: str) -> list[tuple[str, str]]:
    """Three Linears in the place of one, defined in an order of their own."""
    square = "nn.Linear(config.n_embd, config.n_embd)"
    split = [f"self.{name}(x).view(B, T, self.n_head, -1).transpose(1, 2)" for name in (query, key, value)]
    return [
        (QKV, "".join(f"        self.{name} = {square}\n" for name in (value, query, key))),
        (PROJ, f"        self.{proj} = {square}\n"),
        (SPLIT, "".join(f"        {name} = {code}\n" for name, code in zip("qkv", split, strict=True))),
        (RETURN, f"        return self.resid_drop(self.{proj}(y))\n"),
    ]


FUSED_OTHERWISE = [
    (QKV, QKV.replace("self.qkv", "self.c_attn")),
    (PROJ, PROJ.replace("self.proj", "self.c_proj")),
    (SPLIT, SPLIT.replace("self.qkv", "self.c_attn")),
    (RETURN, RETURN.replace("self.proj", "self.c_proj")),
    (BUFFER, BUFFER.replace("causal)", "causal.view(1, 1, config.block_size, config.block_size))")),
    (MASKED, "~self.mask[:, :, :T, :T]"),
]


@pytest.mark.parametrize(
    "edits",
    [
        BLOCKS,
        separate("query", "key", "value", "proj"),
        separate("first", "second", "third", "fourth"),
        FUSED_OTHERWISE,
        [(RETURN, RETURN.replace("proj(y))", "proj(y)), None"))],
    ],
    ids=[
        "blocks",
        "separate",
        "names_that_say_nothing",
        "other_names_and_a_mask_with_four_axes",
        "with_none_beside_it",
    ],
)
def test_other_attentions_are_accepted(judge: Any, edits: Edits) -> None:
    """Protects right solutions: how the projections are fused, named and ordered is the student's own."""
    assert_accepted(judged(judge, in_folder("src/", solution(attention=edits)), "multi_head"))


@pytest.mark.parametrize("edits", [[], BLOCKS, separate("a", "b", "c", "d")], ids=["heads", "blocks", "separate"])
def test_a_wrong_attention_is_refused_in_every_layout(judge: Any, edits: list[tuple[str, str]]) -> None:
    """Protects the search for the layout: no assignment of roles makes up for scores without a scale."""
    unscaled = ("q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])", "q @ k.transpose(-2, -1)")
    someone = judged(judge, in_folder("src/", solution(attention=[*edits, unscaled])), "multi_head", gist=True)
    outcomes = {name.partition(".")[2]: verdict.outcome for name, verdict in someone.verdicts.items()}
    assert outcomes == {
        "interface": Outcome.PASSED,
        "shapes": Outcome.PASSED,
        "agrees_with_reference": Outcome.FAILED,
    }


def test_heads_that_are_mixed_up_are_refused(judge: Any) -> None:
    """Protects the search for the layout: a split that interleaves features is neither by head nor in blocks."""
    interleaved = SPLIT.replace(
        "qkv.chunk(3, dim=-1)", "(qkv[..., i::3] for i in range(3))"
    )  # (q0, k0, v0, q1, k1, v1, …) is no layout that the handout allows
    someone = judged(judge, in_folder("src/", solution(attention=[(SPLIT, interleaved)])), "multi_head", gist=True)
    assert Outcome.FAILED is someone.verdicts["multi_head.agrees_with_reference"].outcome


def test_other_parameters_are_told(judge: Any) -> None:
    """Protects the message: what was expected, and the parameters that were found, by name and shape."""
    files = solution(attention=[(PROJ, PROJ + "        self.extra = nn.Linear(config.n_embd, config.n_embd)\n")])
    someone = judged(judge, in_folder("src/", files), "multi_head", gist=True)
    message = (
        "attention.py: the parameters of CausalSelfAttention do not fit: expected qkv (3·n_embd, n_embd) and proj "
        "(n_embd, n_embd), or separate query, key, value and proj; found, for an input of width 12 and 3 heads of width "
        "4: qkv.weight (36, 12), qkv.bias (36,), proj.weight (12, 12), proj.bias (12,), extra.weight (12, 12), "
        "extra.bias (12,)"
    )
    assert Verdict(Outcome.FAILED, message, blocking=True) == someone.verdicts["multi_head.interface"]


# ---------------------------------------------------------------------------------------------------- RoPE

PRECOMPUTED = "    return torch.stack((angle.cos(), angle.sin()), dim=-1).float()  # (max_positions, dim/2, 2)\n"
ROTATION = """\
    cos, sin = rope_cache[: x.shape[-2]].unbind(-1)  # each (T, hs/2)
    first, second = x[..., 0::2], x[..., 1::2]  # each (B, n_head, T, hs/2)
    rotated = torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1)  # (B, n_head, T, hs/2, 2)
    return rotated.flatten(-2).to(x.dtype)  # (B, n_head, T, hs)
"""
CALLS = """\
            q = apply_rotary_emb(q, self.rope_cache)  # (B, n_head, T, hs)
            k = apply_rotary_emb(k, self.rope_cache)  # (B, n_head, T, hs)
"""
CALLS_ON_TOKENS_SECOND = """\
            q = apply_rotary_emb(q.transpose(1, 2), self.rope_cache).transpose(1, 2)
            k = apply_rotary_emb(k.transpose(1, 2), self.rope_cache).transpose(1, 2)
"""


def tokens_second(rotation: str) -> str:
    """The rotation of (B, T, n_head, hs)."""
    for old, new in ((": x.shape[-2]", ": x.shape[1]"), (".unbind(-1)", "[:, None].unbind(-1)")):
        assert rotation.count(old) == 1
        rotation = rotation.replace(old, new)
    return rotation


HALVES = ROTATION.replace("torch.stack(", "torch.cat(").replace("rotated.flatten(-2)", "rotated")
COMPLEX = """\
    turned = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous()) * rope_cache[: x.shape[-2]]
    return torch.view_as_real(turned).flatten(-2).to(x.dtype)
"""
POLAR = (PRECOMPUTED, "    return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)\n")


@pytest.mark.parametrize(
    "edits",
    [
        [POLAR, (ROTATION, COMPLEX)],
        [(ROTATION, tokens_second(ROTATION)), (CALLS, CALLS_ON_TOKENS_SECOND)],
        [(ROTATION, HALVES)],
        [(ROTATION, tokens_second(HALVES)), (CALLS, CALLS_ON_TOKENS_SECOND)],
        [
            POLAR,
            (ROTATION, COMPLEX.replace("rope_cache[: x.shape[-2]]", "rope_cache[: x.shape[1], None]")),
            (CALLS, CALLS_ON_TOKENS_SECOND),
        ],
    ],
    ids=["complex_cache", "tokens_second", "halves", "halves_and_tokens_second", "complex_and_tokens_second"],
)
def test_other_ropes_are_accepted(judge: Any, edits: Edits) -> None:
    """Protects right solutions: the cache's dtype, the place of the tokens and of the rotated features are open."""
    assert_accepted(judged(judge, in_folder("src/", solution(attention=edits)), "rope"))


@pytest.mark.parametrize(
    "rotation",
    [
        ROTATION.replace("first * cos - second * sin, first * sin + second * cos",
                         "first * cos + second * sin, second * cos - first * sin"),
        ROTATION.replace("x[..., 0::2], x[..., 1::2]", "x.chunk(2, dim=-1)"),
        HALVES.replace("x[..., 0::2], x[..., 1::2]", "x.chunk(2, dim=-1)"),
        ROTATION.replace("rope_cache[", "rope_cache.roll(-1, 0)["),
    ],
    ids=["turned back", "pairs from halves, interleaved", "pairs from halves", "one position late"],
)  # fmt: skip
def test_a_wrong_rope_is_refused_in_every_layout(judge: Any, rotation: str) -> None:
    """Protects the probe: no layout of ours makes up for another angle or other pairs."""
    assert rotation not in (ROTATION, HALVES)
    someone = judged(judge, in_folder("src/", solution(attention=[(ROTATION, rotation)])), "rope", gist=True)
    assert Outcome.FAILED is someone.verdicts["rope.agrees_with_reference"].outcome
    assert {""} == {verdict.staff for verdict in someone.verdicts.values()}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("x[..., :1]", "a float32 tensor of shape (2, 3, 1, 1)"),
        ("x[..., 1:]", "a float32 tensor of shape (2, 3, 1, 3)"),
        ("x[..., :0]", "a float32 tensor of shape (2, 3, 1, 0)"),
        ("x.flatten(1)", "a float32 tensor of shape (2, 12)"),
        ("x.double()", "a float64 tensor of shape (2, 3, 1, 4)"),
        ("(x, x)", "a tuple of 2 (a float32 tensor of shape (2, 3, 1, 4), a float32 tensor of shape (2, 3, 1, 4))"),
        ("None", "None"),
        ("x.sum()", "a float32 tensor of shape ()"),
    ],
)
def test_any_value_of_a_rotation_is_told(judge: Any, value: str, found: str) -> None:
    """Protects the probe from values of any shape: the student reads what came back, and it is no fault of ours."""
    rotation = f"    return {value}\n"
    someone = judge(in_folder("src/", solution(attention=[(ROTATION, rotation)])), SLUG)
    verdict = someone.judge(next(check for check in someone.checks if check.id == "rope.shapes"))
    expected = f"the rotated x: expected a float32 tensor of shape (2, 3, 1, 4), got {found}."
    assert (Outcome.FAILED, expected) == (verdict.outcome, verdict.message.splitlines()[0])


@pytest.fixture
def opened(student: Any) -> Iterator[Callable[..., Any]]:
    """Open a task of the solution with some texts replaced."""
    with ExitStack() as stack:

        def open_task(task: str, **edits: Edits) -> Any:
            someone = student(in_folder("src/", solution(**edits)), SLUG)
            return someone.implementation(task, stack.enter_context(someone.open(1)))

        yield open_task


def test_attention_with_and_without_rope(opened: Any) -> None:
    """Protects the check inside attention: `rope` in the configuration decides, weights are loaded by role."""
    rope = opened("rope")
    weights, x = head_weights(8, generator(1)), torch.randn(2, 3, 8, generator=generator(2))
    sizes = HeadSizes(8, 2, max_tokens=5)
    torch.testing.assert_close(rope.attend(sizes, weights, x, rope=False)[0].double(), oracles.multi_head(weights, 2, x),
                               atol=1e-5, rtol=1e-5)  # fmt: skip
    torch.testing.assert_close(rope.attend(sizes, weights, x)[0].double(), oracles.rope_attention(weights, 2, x),
                               atol=1e-5, rtol=1e-5)  # fmt: skip


def test_gradients_come_back_by_role(opened: Any) -> None:
    """Protects the check of gradients: those of the fused projection are taken apart, in blocks as well as by head."""
    weights, x = head_weights(6, generator(1)), torch.randn(2, 3, 6, generator=generator(2))
    grad_output = torch.randn(2, 3, 6, generator=generator(3))
    expected_x, expected = oracles.multi_head_gradients(weights, 2, x, grad_output)
    for edits in ([], BLOCKS):
        module = opened("multi_head", attention=edits).build(HeadSizes(6, 2, max_tokens=5))
        module.load(weights)
        grad_x, by_role = module.gradients(x, grad_output)
        torch.testing.assert_close(grad_x.double(), expected_x, atol=1e-4, rtol=1e-4)
        assert set(expected) == set(by_role)
        for role, gradient in by_role.items():
            torch.testing.assert_close(gradient.double(), expected[role], atol=1e-4, rtol=1e-4)


def test_a_parameter_without_gradient_is_told(opened: Any) -> None:
    """Protects the message: the parameter that no gradient reaches is named as the student named it."""
    edits = [(RETURN, "        return self.resid_drop(y @ self.proj.weight.detach().T + self.proj.bias)\n")]
    module = opened("multi_head", attention=edits).build(HeadSizes(6, 2, max_tokens=5))
    with pytest.raises(CheckFailed) as caught:
        module.gradients(torch.ones(1, 2, 6), torch.ones(1, 2, 6))
    assert str(caught.value) == "No gradient reaches proj.weight: it is not used, or something is detached."


# ---------------------------------------------------------------------------------------------------- span corruption

THIRD = "Note: A third ⁇ stands behind the content, as in the starter's examples; its text says two."
SHORTER = "Note: x and y have block_size − 1 elements, as in the parent course's older text; here it is block_size."


@pytest.mark.parametrize(
    ("edits", "note"),
    [
        ([("prefix + MASK_CHAR + suffix + MASK_CHAR + content\n",
           "prefix + MASK_CHAR + suffix + MASK_CHAR + content + MASK_CHAR\n")], THIRD),
        ([("masked = masked.ljust(self.block_size + 1, PAD_CHAR)", "masked = masked.ljust(self.block_size, PAD_CHAR)")],
         SHORTER),
        ([], ""),
    ],
    ids=["third mask", "block_size - 1", "as stated"],
)  # fmt: skip
def test_tolerated_corruptions_are_accepted_with_a_note(judge: Any, edits: Edits, note: str) -> None:
    """Protects who followed an older text: full points, and the note says what differs."""
    someone = judged(judge, in_folder("src/", solution(dataset=edits)), "span_corruption")
    assert_accepted(someone)
    messages = {name: verdict.message for name, verdict in someone.verdicts.items()}
    assert dict.fromkeys(messages, note) == messages


CORRUPTION: Any = CmuSpanCorruption(constructor=None)  # type: ignore[arg-type]


def canonical(x: Any, y: Any, block_size: int) -> tuple[Any, list[str]]:
    """The common form of one pair, and the notes about it."""
    corruption = CmuSpanCorruption(constructor=None)  # type: ignore[arg-type]
    x_before, y_before = x.clone(), y.clone()
    value = corruption._canonical((x, y), block_size)
    assert torch.equal(x_before, x)
    assert torch.equal(y_before, y)
    return [part.tolist() for part in value], [note.partition(" ")[0] for note in corruption.notes]


@pytest.mark.parametrize(
    ("text", "size", "expected", "notes"),
    [
        # 0 = □, 1 = ⁇; the text is x and the last of y
        ([5, 1, 7, 1, 6, 0, 0], 6, ([5, 1, 7, 1, 6, 0], [1, 7, 1, 6, 0, 0]), []),
        ([5, 1, 7, 1, 6, 1, 0], 6, ([5, 1, 7, 1, 6, 0], [1, 7, 1, 6, 0, 0]), ["A"]),
        ([5, 1, 7, 1, 6, 6, 1], 6, ([5, 1, 7, 1, 6, 6], [1, 7, 1, 6, 6, 0]), ["A"]),
        ([5, 1, 7, 1, 6, 0], 6, ([5, 1, 7, 1, 6, 0], [1, 7, 1, 6, 0, 0]), ["x"]),
        ([5, 1, 7, 1, 6, 1], 6, ([5, 1, 7, 1, 6, 0], [1, 7, 1, 6, 0, 0]), ["x", "A"]),
        # an empty content is no third mask, four are none either, and a mask inside stays
        ([5, 1, 7, 7, 1, 0, 0], 6, ([5, 1, 7, 7, 1, 0], [1, 7, 7, 1, 0, 0]), []),
        ([1, 1, 7, 1, 6, 1, 0], 6, ([1, 1, 7, 1, 6, 1], [1, 7, 1, 6, 1, 0]), []),
        ([5, 1, 1, 1, 6, 6, 0], 6, ([5, 1, 1, 1, 6, 6], [1, 1, 1, 6, 6, 0]), []),
        ([0, 0, 0, 0, 0, 0, 0], 6, ([0] * 6, [0] * 6), []),
    ],
)
def test_canonical_form(text: list[int], size: int, expected: Any, notes: list[str]) -> None:
    """Protects the comparison: the two tolerated variants become the stated form, nothing else is touched."""
    whole = tensor(text)
    assert ([*expected], notes) == canonical(whole[:-1], whole[1:], size)


@pytest.mark.parametrize(
    "value",
    [
        None,
        torch.zeros(6),
        (tensor([1, 2, 3]),),
        (tensor([1, 2, 3]), tensor([1, 2, 3]), None),
        (tensor([1.0, 2.0]), tensor([1.0, 2.0])),
        (tensor([[1, 2]]), tensor([[1, 2]])),
        (tensor([], dtype=torch.int64), tensor([], dtype=torch.int64)),
        ([1, 2], [2, 3]),
        "ab",
    ],
    ids=repr,
)
def test_anything_else_stays_as_it_is(value: Any) -> None:
    """Protects the message: what is no pair of ids reaches the comparison untouched, and raises nothing before."""
    assert value is CORRUPTION._canonical(value, 6)
    assert CORRUPTION.notes == []


def test_lengths_that_differ_stay_as_they_are() -> None:
    """Protects the comparison of lengths: only block_size − 1 for both is the older text's."""
    for n_x, n_y in ((5, 6), (6, 5), (4, 4), (7, 7)):
        x, y = CORRUPTION._canonical((torch.arange(2, n_x + 2), torch.arange(3, n_y + 3)), 6)
        assert (n_x, n_y) == (len(x), len(y))
    assert CORRUPTION.notes == []


def test_draws(opened: Any) -> None:
    """Protects the draws: the same for a seed whatever was asked in between, others for another seed."""
    corruption = opened("span_corruption")
    documents = ["a short one", "the quick brown fox jumps over the lazy dog"]

    def xs(seed: int) -> list[list[int]]:
        return [x.tolist() for x, _ in corruption.draw(documents, 1, 16, 6, seed)]

    first, other, again = xs(1), xs(2), xs(1)
    assert first == again
    assert first != other
    assert len({tuple(x) for x in first}) > 1
    ids = corruption.ids_of(documents)
    assert (ids["\u25a1"], ids["\u2047"], ids["\n"]) == (0, 1, 2)
    assert {i for x in first for i in x} <= set(ids.values())


# ---------------------------------------------------------------------------------------------------- files and imports

HELPER = "rotation.py"


def with_a_file_of_its_own(statement: str) -> dict[str, str]:
    """The solution with its two RoPE functions in another file, imported by a statement."""
    files = solution()
    start, end = (
        files["attention.py"].index(text) for text in ("def precompute_rotary_emb", "class CausalSelfAttention")
    )
    functions = files["attention.py"][start:end]
    files[HELPER] = f"import torch\nfrom torch import Tensor\n\n\n{functions}"
    files["attention.py"] = files["attention.py"][:start] + statement + "\n\n\n" + files["attention.py"][end:]
    return files


@pytest.mark.parametrize(
    ("folder", "statement"),
    [
        ("src/", "from src.rotation import apply_rotary_emb, precompute_rotary_emb"),
        ("src/", "from .rotation import apply_rotary_emb, precompute_rotary_emb"),
        ("my group/hw3/src/", "from src.rotation import apply_rotary_emb, precompute_rotary_emb"),
        ("", "from rotation import apply_rotary_emb, precompute_rotary_emb"),
    ],
    ids=["src.", "relative", "src. in a wrapper", "flat in the root"],
)
def test_imports_and_places_are_free(judge: Any, folder: str, statement: str) -> None:
    """Protects right solutions: in src/, in the root or in a wrapper folder, imported as the student's own runs do."""
    someone = judged(judge, in_folder(folder, with_a_file_of_its_own(statement)), "rope", gist=True)
    assert {Outcome.PASSED} == {verdict.outcome for verdict in someone.verdicts.values()}
    item = someone.homework.item_of("rope")
    assert item is not None
    assert Decimal(4) == item.points == score(item, someone.checks, someone.verdicts).earned


def test_the_whole_model_can_be_imported(student: Any, tmp_path: Path) -> None:
    """Protects flat imports between the starter's files: models imports attention, utils imports models."""
    shutil.copytree(SRC, tmp_path / "hw" / "src")
    files = {f"src/{path.name}": path.read_text("utf-8") for path in (tmp_path / "hw" / "src").glob("*.py")}
    with student(files, SLUG).open(1) as worker:
        top_k: Any = worker.resolve("utils", "top_k_logits")
        got: Tensor = top_k(tensor([[1.0, 3.0, 2.0]]), 2)
    assert [[float("-inf"), 3.0, 2.0]] == got.tolist()


def test_tasks_and_capabilities() -> None:
    """Protects what is graded here: three tasks, RoPE inside attention, and how the model trains."""
    assert {
        "multi_head": {"standalone", "attention_dropout"},
        "rope": {"inside_attention"},
        "span_corruption": set(),
        "training": set(),
    } == {task: set(offer.capabilities) for task, offer in BINDING.items()}


@pytest.mark.parametrize(
    ("files", "task", "message"),
    [
        ({}, "rope", "There is no file attention.py in the submission. Add it, with this name."),
        ({}, "span_corruption", "There is no file dataset.py in the submission. Add it, with this name."),
        (
            {"src/attention.py": "class SelfAttention:\n    pass\n"},
            "multi_head",
            "attention.py does not define CausalSelfAttention. Did you mean SelfAttention? The name must be exactly "
            "CausalSelfAttention.",
        ),
        (
            {"src/attention.py": "def CausalSelfAttention(config):\n    pass\n"},
            "multi_head",
            "attention.py: CausalSelfAttention must be a class, called as CausalSelfAttention(config).",
        ),
        (
            {"src/dataset.py": "class CharCorruptionDataset:\n    def __init__(self, data):\n        pass\n"},
            "span_corruption",
            "dataset.py: expected CharCorruptionDataset(data, block_size), found CharCorruptionDataset(data).",
        ),
    ],
    ids=["no attention", "no dataset", "another name", "a function", "another signature"],
)
def test_what_is_missing_is_told(judge: Any, files: dict[str, str], task: str, message: str) -> None:
    """Protects the first contact: file and name that are missing, or the call that is expected."""
    someone = judged(judge, files, task, gist=True)
    assert Verdict(Outcome.FAILED, message, blocking=True) == someone.verdicts[f"{task}.interface"]
