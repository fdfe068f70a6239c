"""The second witness: what is noted of torch's functions and kernels, and what a worker tells of it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sandbox.watching import FunctionsSeen, KernelsSeen

SDPA = "torch._C._nn.scaled_dot_product_attention"
X = torch.arange(24.0).view(1, 2, 3, 4) / 24  # (B, heads, T, features)


def functions(call: Callable[[], Any]) -> set[str]:
    seen: set[str] = set()
    with FunctionsSeen(seen):
        call()
    return seen


def kernels(call: Callable[[], Any]) -> set[str]:
    seen: set[str] = set()
    with KernelsSeen(seen):
        call()
    return seen


def written_out(x: Tensor) -> Tensor:
    return (x @ x.transpose(-2, -1) / 2).softmax(-1) @ x  # (B, heads, T, features)


def made(kind: type[nn.Module], *sizes: int) -> Tensor:
    """The output of one of torch's own modules that attend; it is made without drawing from the global random state."""
    x = torch.ones(1, 3, 8)
    with torch.random.fork_rng():
        module = kind(*sizes, dropout=0.0, batch_first=True)
        return module(x, x, x)[0] if kind is nn.MultiheadAttention else module(x)


def test_functions_have_full_names() -> None:
    """Protects the patterns of the rules: a function's name has its module in front, a method's its class."""
    seen = functions(lambda: F.softmax(torch.exp(X).transpose(0, 1), -1))
    assert {"torch.nn.functional.softmax", "torch.Tensor.transpose"} <= seen
    assert all(name.startswith("torch") and not name.endswith(".") for name in seen)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: F.scaled_dot_product_attention(X, X, X), SDPA),
        (lambda: torch._C._nn.scaled_dot_product_attention(X, X, X, is_causal=True), SDPA),
        (lambda: made(nn.MultiheadAttention, 8, 2), "torch.nn.functional.multi_head_attention_forward"),
        (lambda: made(nn.TransformerEncoderLayer, 8, 2, 16), "torch.nn.functional.multi_head_attention_forward"),
    ],
    ids=["function", "binding", "MultiheadAttention", "TransformerEncoderLayer"],
)
def test_attention_that_torch_computes_is_noted(call: Callable[[], Any], name: str) -> None:
    """Protects the rule: each ready-made attention leaves a name of its own, called under whatever other name."""
    assert name in functions(call)


def test_kernels_are_noted_whichever_way_they_are_reached() -> None:
    """Protects from calls that go past torch's Python interface: the kernel that runs tells."""
    ready = kernels(lambda: torch.ops.aten.scaled_dot_product_attention(X, X, X))
    assert any("scaled_dot_product" in name for name in ready)
    with torch._C.DisableTorchFunction():
        hidden = kernels(lambda: F.scaled_dot_product_attention(X, X, X))
        assert functions(lambda: F.scaled_dot_product_attention(X, X, X)) == set()
    assert any(name.startswith("torch.ops.aten._scaled_dot_product") for name in hidden)


def test_attention_that_is_written_out_is_innocent() -> None:
    """Protects honest work: matrix products and a softmax leave no name that the rules look for."""
    seen = functions(lambda: written_out(X)) | kernels(lambda: written_out(X))
    assert {"torch.Tensor.softmax", "torch.ops.aten.bmm.default", "torch.ops.aten._softmax.default"} <= seen
    assert [name for name in seen if "attention" in name or "scaled_dot" in name] == []


def test_watching_changes_nothing() -> None:
    """Protects the call: value and gradient are those of an unwatched one, and nothing is noted afterwards."""
    seen: set[str] = set()
    alone, watched = X.clone().requires_grad_(), X.clone().requires_grad_()
    written_out(alone).sum().backward()
    with FunctionsSeen(seen), KernelsSeen(seen):
        output = written_out(watched)
    assert torch.equal(output, written_out(alone))
    output.sum().backward()
    assert torch.equal(alone.grad, watched.grad)
    before = set(seen)
    F.relu(X)
    assert before == seen


def test_errors_pass_through() -> None:
    """Protects the message: what a watched call raises is raised as it is, and the watch ends."""
    seen: set[str] = set()
    with pytest.raises(RuntimeError, match="shape"), FunctionsSeen(seen), KernelsSeen(seen):
        torch.matmul(X, torch.ones(3, 3))
    assert seen
    F.relu(X)
    assert not any("relu" in name for name in seen)


def test_names_are_cut() -> None:
    """Protects the wire from a function with an endless name."""

    def endless() -> None:
        pass

    endless.__name__ = "x" * 1000
    seen: set[str] = set()
    FunctionsSeen(seen).__torch_function__(endless, ())
    assert [len(name) for name in seen] == [200]


# ---------------------------------------------------------------------------------------------------- in a worker


def watched(submission: Any, body: str) -> list[str]:
    source = f"import torch\nimport torch.nn.functional as F\ndef f(x):\n    {body}\n"
    with submission({"student.py": source}).open(seed=1) as worker:
        return worker.resolve("student", "f").call_watched(X)


def test_a_worker_tells_what_ran(submission: Any) -> None:
    """Protects the second witness: both kinds of names come back, sorted, each once."""
    names = watched(
        submission, "return getattr(F, 'scaled_dot' + '_product_attention')(x, x, x) + F.relu(x) + F.relu(x)"
    )
    assert {SDPA, "torch.nn.functional.relu", "torch.ops.aten.relu.default"} <= set(names)
    assert names == sorted(set(names))


def test_a_worker_sees_through_a_detour(submission: Any) -> None:
    """Protects from code that hides its calls from the Python side: the kernels are noted all the same."""
    names = watched(submission, "with torch._C.DisableTorchFunction(): return F.scaled_dot_product_attention(x, x, x)")
    assert SDPA not in names
    assert any("scaled_dot_product" in name for name in names)


def test_the_number_of_names_is_limited(submission: Any) -> None:
    """Protects the wire from a flood of names."""
    body = "torch.overrides._get_current_function_mode().seen.update(str(i) for i in range(5000))"
    assert len(watched(submission, body)) == 1000
