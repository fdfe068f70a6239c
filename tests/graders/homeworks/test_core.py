"""The binding of core: the identity, but for what the wire needs."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from graders import tasks
from graders.homeworks.core import BINDING
from graders.strategies import generator, head_weights
from graders.tasks import MASK, PAD, HeadSizes
from graders.verdict import CheckFailed
from sandbox.errors import StudentError

REFERENCE = Path(__file__).parents[3] / "reference"


def reference(name: str) -> str:
    return (REFERENCE / f"{name}.py").read_text(encoding="utf-8")


@pytest.fixture
def opened(student: Any) -> Iterator[Callable[..., Any]]:
    """Open a task of the solution, in which the task's own file may be another."""
    with ExitStack() as stack:

        def open_task(task: str, source: str | None = None) -> Any:
            files = {f"{name}.py": reference(name) for name in FORMS if name != "perplexity"}  # it lies in loss.py
            someone = student(files if source is None else files | {f"{task}.py": source})
            return someone.implementation(task, stack.enter_context(someone.open(1)))

        yield open_task


def randn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=generator(seed))


FORMS = {
    "attention": tasks.Attention,
    "mask": tasks.Mask,
    "multi_head": tasks.MultiHead,
    "rope": tasks.Rope,
    "span_corruption": tasks.SpanCorruption,
    "layer_norm": tasks.LayerNorm,
    "mlp": tasks.Mlp,
    "block": tasks.Block,
    "gpt": tasks.Gpt,
    "loss": tasks.Loss,
    "perplexity": tasks.Perplexity,
    "samplers": tasks.Samplers,
    "generate": tasks.Generate,
    "tokenizer": tasks.Tokenizer,
    "patch_embedding": tasks.PatchEmbedding,
}


def test_tasks() -> None:
    """Protects what core offers: all fifteen tasks; what each can do beyond the least is held by the catalogue's tests."""
    assert FORMS.keys() | {"training"} == BINDING.keys()  # `training` is about the model of `gpt`


@pytest.mark.parametrize(("task", "protocol"), FORMS.items())
def test_the_canonical_form_is_complete(opened: Any, task: str, protocol: type) -> None:
    """Protects checks: what a binding makes has every method of the task's canonical form, with its parameters."""
    made = opened(task)
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if name == "__call__" or not name.startswith("_"):
            expected = list(inspect.signature(method).parameters)[1:]
            assert expected == list(inspect.signature(getattr(made, name)).parameters), name


# ---------------------------------------------------------------------------------------------------- attention

COUNTS = """
    import torch
    def attention(*args):
        return torch.tensor(len(args)), args[-1]
"""


def test_a_mask_that_is_none_is_not_passed(opened: Any) -> None:
    """Protects defaults: an argument that is not needed is not given."""
    attention = opened("attention", COUNTS)
    q = torch.zeros(1, 2)
    assert [int(attention(q, q, q)[0]), int(attention(q, q, q, torch.ones(1, 1, dtype=torch.bool))[0])] == [3, 4]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("query", "a float32 tensor of shape (1, 2)"),
        ("(query, key, value)", "a tuple of 3 (a float32 tensor of shape (1, 2), a float32 tensor of shape (1, 2), "
         "a float32 tensor of shape (1, 2))"),
        ("None", "None"),
    ],
)  # fmt: skip
def test_attention_must_return_two_values(opened: Any, value: str, found: str) -> None:
    """Protects the message for who returns the output alone."""
    attention = opened("attention", f"def attention(query, key, value, mask=None):\n    return {value}\n")
    with pytest.raises(CheckFailed) as caught:
        attention(*[torch.zeros(1, 2)] * 3)
    assert f"attention must return two values, output and weights; it returned {found}." == str(caught.value)


def test_attentions_inputs_after_a_call(opened: Any) -> None:
    """Protects the check of unchanged inputs: what the function does to its arguments is seen."""
    attention = opened(
        "attention", "def attention(query, key, value, mask=None):\n    query.mul_(2)\n    return value, value\n"
    )
    query, key = randn(1, 2), randn(3, 2, seed=2)
    after = attention.inputs_after(query, key, key, None)
    assert len(after) == 3
    assert torch.equal(2 * query, after[0])
    assert torch.equal(key, after[1])


def test_attentions_gradients(opened: Any) -> None:
    """Protects the check of gradients: of the output, in the order query, key, value; None where none flows."""
    attention = opened(
        "attention", "def attention(query, key, value, mask=None):\n    return 2 * query + 3 * key.detach(), value\n"
    )
    grad_output = randn(2, 2)
    got = attention.gradients(randn(2, 2), randn(2, 2), randn(2, 2), None, grad_output)
    torch.testing.assert_close(got[0], 2 * grad_output)
    assert got[1:] == [None, None]


# ---------------------------------------------------------------------------------------------------- mask


def test_mask(opened: Any) -> None:
    """Protects both functions and the ids after a call."""
    mask = opened("mask")
    ids = torch.tensor([[5, 1, 5]])
    assert mask.causal(2).tolist() == [[True, False], [True, True]]
    expected = [[[[False, False, False], [False, True, False], [False, True, False]]]]
    assert expected == mask.padded(ids, 5).tolist()
    assert torch.equal(ids, mask.ids_after(ids, 5))


def test_both_masks_must_be_there(student: Any) -> None:
    """Protects the message: the name that is missing is the one that is named."""
    someone = student({"mask.py": "def causal_mask(n):\n    pass\ndef atention_mask(ids, pad_id):\n    pass\n"})
    with someone.open(1) as worker, pytest.raises(StudentError) as caught:
        someone.implementation("mask", worker)
    expected = {"kind": "missing_name", "module": "mask", "name": "attention_mask", "nearest": "atention_mask"}
    assert expected == caught.value.facts


# ---------------------------------------------------------------------------------------------------- multi_head


def test_multi_head_is_built_with_dropout_only_if_there_is_one(opened: Any) -> None:
    """Protects defaults: a module without a dropout argument in use is built with two arguments."""
    source = reference("multi_head").replace(
        "def __init__(self, d_model: int, n_heads: int, dropout: float = 0.0)",
        "def __init__(self, d_model: int, n_heads: int, dropout: float = 0.25)",
    )
    assert source != reference("multi_head")
    multi_head = opened("multi_head", source)
    x = torch.ones(1, 4, 6)
    share = []
    for dropout in (0.0, 0.9):
        module = multi_head.build(HeadSizes(6, 2, dropout))
        module.load(head_weights(6, generator(1)))
        share.append(float((torch.stack([module(x) for _ in range(40)]) == 0).double().mean()))
    assert 0.15 < share[0] < 0.35  # its own default
    assert 0.8 < share[1] < 1


def test_multi_head_module(opened: Any) -> None:
    """Protects the module's life: load, eval, call, gradients by role, float64, unchanged inputs."""
    module = opened("multi_head").build(HeadSizes(6, 2))
    weights = head_weights(6, generator(1))
    module.load(weights)
    module.train(False)
    x = randn(2, 3, 6)
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert tuple(module(x).shape) == (2, 3, 6)
    assert not torch.equal(module(x), module(x, everything))
    grad_x, by_role = module.gradients(x, torch.ones(2, 3, 6))
    assert tuple(grad_x.shape) == (2, 3, 6)
    assert {role: weights[role].shape for role in weights} == {role: by_role[role].shape for role in by_role}
    assert torch.equal(x, module.inputs_after(x)[0])
    module.to_dtype("double")
    assert torch.float64 is module(x.double()).dtype


def test_gradients_of_another_layout_are_left_out(opened: Any) -> None:
    """Protects wheats with a layout of their own: their parameters have no roles, so that no check compares them."""
    source = """
        import torch
        class MultiHeadAttention(torch.nn.Linear):
            def __init__(self, d_model, n_heads, dropout=0.0):
                super().__init__(d_model, d_model)
            def load_state_dict(self, weights):
                super().load_state_dict({"weight": weights["query.weight"], "bias": weights["query.bias"]})
    """
    module = opened("multi_head", source).build(HeadSizes(6, 2))
    weights = head_weights(6, generator(1))
    module.load(weights)
    grad_x, by_role = module.gradients(randn(1, 2, 6), torch.ones(1, 2, 6))
    assert by_role == {}
    torch.testing.assert_close(grad_x, weights["query.weight"].sum(0).expand(1, 2, 6))


def test_a_module_that_cannot_be_built_says_so_when_it_is_used(opened: Any) -> None:
    """Protects the message: what the constructor raises is told, though the request for it travels with a later one."""
    source = """
        class MultiHeadAttention:
            def __init__(self, d_model, n_heads, dropout=0.0):
                raise ValueError(f"cannot split {d_model} in {n_heads}")
    """
    module = opened("multi_head", source).build(HeadSizes(6, 2))
    module.load(head_weights(6, generator(1)))
    with pytest.raises(StudentError) as caught:
        module(randn(1, 2, 6))
    assert (caught.value.facts["type"], caught.value.facts["message"]) == ("ValueError", "cannot split 6 in 2")


# ---------------------------------------------------------------------------------------------------- rope


def test_rope(opened: Any) -> None:
    """Protects both functions: base and positions are passed only where they are needed."""
    rope = opened("rope")
    x = randn(2, 3, 4, 6)
    cache = rope.cache(6, 9)
    assert torch.equal(cache, rope.cache(6, 9, 10000.0))
    assert not torch.equal(cache, rope.cache(6, 9, 500.0))
    turned = rope.apply(x, cache)
    assert torch.equal(turned, rope.apply(x, cache, torch.arange(4)))
    assert not torch.equal(turned, rope.apply(x, cache, torch.arange(4) + 1))
    assert [torch.equal(a, b) for a, b in zip((x, cache), rope.inputs_after(x, cache), strict=True)] == [True, True]
    gradient = rope.gradient(x, cache, turned)
    torch.testing.assert_close(gradient, x, atol=1e-5, rtol=1e-5)  # a rotation undone


def test_rope_passes_no_default(opened: Any) -> None:
    """Protects defaults: what a function need not get it does not get."""
    source = """
        import torch
        def rope_cache(*args): return torch.tensor(len(args))
        def apply_rope(*args): return torch.tensor(len(args))
    """
    rope = opened("rope", source)
    x = torch.zeros(1, 2)
    assert [int(rope.cache(4, 3)), int(rope.cache(4, 3, 7.0))] == [2, 3]
    assert [int(rope.apply(x, x)), int(rope.apply(x, x, torch.arange(1)))] == [2, 3]


def test_core_has_no_attention_with_rope(opened: Any) -> None:
    """Protects the capability: whoever calls it without asking has made a mistake in the grader."""
    with pytest.raises(AssertionError, match="inside_attention"):
        opened("rope").attend(HeadSizes(6, 2), {}, torch.zeros(1))


# ---------------------------------------------------------------------------------------------------- span corruption


def test_span_corruption(opened: Any) -> None:
    """Protects the draws: `count` pairs, the same for a seed, others for another, with ids as given or as named."""
    corruption = opened("span_corruption")
    documents = ["abcdefgh", "the quick brown fox jumps"]
    assert {PAD: 0, MASK: 1, **{c: i for i, c in enumerate(sorted(set("".join(documents))), 2)}} == corruption.ids_of(
        documents
    )
    first, again, other = (corruption.draw(documents, 1, 16, 5, seed) for seed in (1, 1, 2))
    assert [(len(x), len(y)) for x, y in first] == [(16, 16)] * 5
    assert [x.tolist() for x, _ in first] == [x.tolist() for x, _ in again]
    assert [x.tolist() for x, _ in first] != [x.tolist() for x, _ in other]
    ids = {character: 500 + i for character, i in corruption.ids_of(documents).items()}
    assert all(int(x.min()) >= 500 for x, _ in corruption.draw(documents, 1, 16, 5, 1, ids))


def test_a_character_without_an_id_is_the_students_error(opened: Any) -> None:
    """Protects the judge: an encoder that is asked for something else raises in the worker."""
    source = "def corrupt_span(document, block_size, encode, rng):\n    return encode('@'), None\n"
    with pytest.raises(StudentError) as caught:
        opened("span_corruption", source).draw(["abcd"], 0, 16, 1, 1)
    assert caught.value.facts["type"] == "KeyError"
