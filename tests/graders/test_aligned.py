"""Self-attention modules with parameters of their own naming and layout, in a worker, behind the canonical form."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor

from graders import oracles
from graders.aligned import AlignedModule, AlignedMultiHead, HeadForm, agrees, is_pair, path_in, with_shared
from graders.oracles.attention import attention_weights
from graders.self_attention import (
    ATOL,
    built,
    earlier_tokens_do_not_feel_later_ones,
    gradients_respect_causality,
    is_right,
    lengths_in_any_order,
    output,
    sequences_are_independent,
    weights_are_dropped_after_the_softmax,
)
from graders.strategies import HeadCase, generator, head_weights
from graders.tasks import HeadSizes
from graders.verdict import CheckFailed
from sandbox.client import Remote
from sandbox.errors import StudentError

# Each class is Heads(width, heads, head_width, dropout): forward(x, mask=None) -> (B, T, width), causal without a mask.
SOURCE = """
import torch
from torch import nn
import torch.nn.functional as F

def attend(q, k, v, mask, drop=lambda weights: weights):
    T = q.shape[-2]
    mask = torch.ones(T, T, dtype=torch.bool).tril() if mask is None else mask
    weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).masked_fill(~mask, float("-inf")).softmax(-1)
    return drop(weights) @ v, weights  # (B, H, T, d)

class Base(nn.Module):
    bias, causal = True, True
    def __init__(self, width, heads, head_width, dropout=0.0):
        super().__init__()
        self.width, self.heads, self.inner, self.drop = width, heads, heads * head_width, nn.Dropout(dropout)
        self.make()
    def split(self, z): return z.unflatten(-1, (self.heads, -1)).transpose(1, 2)
    def project(self, y): return self.proj(y)
    def forward(self, x, mask=None):
        if not self.causal and mask is None:
            mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool)
        y, self.seen = attend(*self.qkv(x), mask, self.drop)
        return self.project(y.transpose(1, 2).flatten(2))

class Separate(Base):
    def make(self):
        self.query, self.key, self.value = (nn.Linear(self.width, self.inner, bias=self.bias) for _ in range(3))
        self.proj = nn.Linear(self.inner, self.width, bias=self.bias)
    def qkv(self, x): return (self.split(f(x)) for f in (self.query, self.key, self.value))

class OddNames(Base):
    def make(self):  # not in the order of use, and nothing hints at a role
        self.zeta, self.alpha, self.mu = (nn.Linear(self.width, self.inner) for _ in range(3))
        self.last = nn.Linear(self.inner, self.width)
    def qkv(self, x): return (self.split(f(x)) for f in (self.mu, self.zeta, self.alpha))
    def project(self, y): return self.last(y)

class WithoutBias(Separate):
    bias = False

class SomeBiases(Separate):
    def make(self):
        super().make()
        self.key.bias = None
        self.proj.bias = None

class Blocks(Base):  # [q | k | v], three blocks
    def make(self):
        self.c_attn, self.proj = nn.Linear(self.width, 3 * self.inner), nn.Linear(self.inner, self.width)
    def qkv(self, x): return (self.split(z) for z in self.c_attn(x).chunk(3, -1))

class ByHead(Blocks):  # head by head [q | k | v]
    def qkv(self, x): return self.split(self.c_attn(x)).chunk(3, -1)

class Columns(Base):  # x @ W
    def make(self):
        self.W_q, self.W_k, self.W_v = (nn.Parameter(torch.randn(self.width, self.inner)) for _ in range(3))
        self.W_o = nn.Parameter(torch.randn(self.inner, self.width))
    def qkv(self, x): return (self.split(x @ W) for W in (self.W_q, self.W_k, self.W_v))
    def project(self, y): return y @ self.W_o

class Rows(Base):  # x @ W.T
    def make(self):
        self.W_q, self.W_k, self.W_v = (nn.Parameter(torch.randn(self.inner, self.width)) for _ in range(3))
        self.W_o = nn.Parameter(torch.randn(self.width, self.inner))
    def qkv(self, x): return (self.split(x @ W.T) for W in (self.W_q, self.W_k, self.W_v))
    def project(self, y): return y @ self.W_o.T

class ColumnsWithBias(Columns):
    def make(self):
        super().make()
        self.b_q, self.b_k, self.b_v = (nn.Parameter(torch.randn(self.inner)) for _ in range(3))
        self.b_o = nn.Parameter(torch.randn(self.width))
    def qkv(self, x):
        return (self.split(x @ W + b) for W, b in ((self.W_q, self.b_q), (self.W_k, self.b_k), (self.W_v, self.b_v)))
    def project(self, y): return y @ self.W_o + self.b_o

class Stacked(Base):  # (heads, in, head width), for einsum
    def make(self):
        head = self.inner // self.heads
        self.Q, self.K, self.V = (nn.Parameter(torch.randn(self.heads, self.width, head)) for _ in range(3))
        self.proj = nn.Linear(self.inner, self.width)
    def qkv(self, x): return (torch.einsum("btd,hdf->bhtf", x, W) for W in (self.Q, self.K, self.V))

class Head(nn.Module):
    def __init__(self, width, inner, bias):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(width, inner, bias=bias) for _ in range(3))
    def forward(self, x, mask): return attend(self.query(x), self.key(x), self.value(x), mask)[0]

class ListOfHeads(Base):
    def make(self):
        inner = self.inner // self.heads
        self.parts = nn.ModuleList([Head(self.width, inner, self.bias) for _ in range(self.heads)])
        self.proj = nn.Linear(self.inner, self.width)
    def forward(self, x, mask=None): return self.proj(torch.cat([head(x, mask) for head in self.parts], -1))

class OneHeadOften(ListOfHeads):
    def make(self):
        super().make()
        self.parts = nn.ModuleList([self.parts[0]] * self.heads)

class ListOfLinears(Base):
    def make(self):
        inner = self.inner // self.heads
        for name in ("q", "k", "v"):
            setattr(self, name, nn.ModuleList([nn.Linear(self.width, inner, bias=False) for _ in range(self.heads)]))
        self.proj = nn.Linear(self.inner, self.width)
    def qkv(self, x): return (torch.stack([f(x) for f in fs], 1) for fs in (self.q, self.k, self.v))

class NoProjection(Separate):
    def make(self):
        super().make()
        del self.proj
    def project(self, y): return y

class More(Separate):  # what is not part of the attention keeps its values
    def make(self):
        super().make()
        self.register_buffer("tril", torch.ones(32, 32).tril())
        self.scale = nn.Parameter(torch.ones(1))
    def project(self, y): return self.proj(y) * self.scale

class WithWeights(Separate):
    def forward(self, x, mask=None): return super().forward(x, mask), self.seen

class Unmasked(Separate):
    causal = False

class Wrong(Separate):  # scaled by the wrong width
    def qkv(self, x):
        q, k, v = super().qkv(x)
        return q * 1.5, k, v

class WrongHeads(ListOfHeads):
    def forward(self, x, mask=None): return super().forward(x * 1.5, mask)

class Peeking(Separate):
    def forward(self, x, mask=None): return super().forward(x, mask) + 0.01 * x.flip(1)

class Mixing(Separate):
    def forward(self, x, mask=None): return super().forward(x, mask) + 0.01 * x.sum(0, keepdim=True)

class Growing(Separate):
    def forward(self, x, mask=None):
        self.most = max(getattr(self, "most", 0), x.shape[1])
        return super().forward(x, mask) * (1.0 if self.most == x.shape[1] else 1.1)

class Detached(Separate):
    def qkv(self, x):
        q, k, v = super().qkv(x)
        return q, k.detach(), v

class DropsScores(Separate):
    def forward(self, x, mask=None):
        q, k, v = self.qkv(x)
        T = x.shape[1]
        scores = self.drop(q @ k.transpose(-2, -1)).masked_fill(~torch.ones(T, T, dtype=torch.bool).tril(), float("-inf"))
        return self.project((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

class DropsOutput(Separate):
    def forward(self, x, mask=None):
        return self.drop(self.project(attend(*self.qkv(x), mask)[0].transpose(1, 2).flatten(2)))

class Raises(Separate):
    def forward(self, x, mask=None): raise RuntimeError("not yet")

class Single(nn.Module):
    def __init__(self, width, heads, head_width, dropout=0.0):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(width, head_width, bias=False) for _ in range(3))
        self.drop = nn.Dropout(dropout)
    def forward(self, x, mask=None):
        y, weights = attend(self.query(x), self.key(x), self.value(x), mask, self.drop)
        return y, weights

class Nothing(nn.Module):
    def __init__(self, *_): super().__init__()
    def forward(self, x, mask=None): return x

class TooMany(Separate):
    def make(self):
        super().make()
        self.gate = nn.Linear(self.width, self.width)
"""

SQUARE = HeadSizes(12, 3, max_tokens=16)
WIDE = HeadSizes(10, 3, max_tokens=16, d_head=2)
SINGLE = HeadSizes(10, 1, max_tokens=16, d_head=4)
RIGHT = ("Separate", "OddNames", "WithoutBias", "SomeBiases", "Blocks", "ByHead", "Columns", "Rows", "ColumnsWithBias",
         "Stacked", "ListOfHeads", "ListOfLinears", "More")  # fmt: skip
Open = Callable[..., AlignedMultiHead]


def arguments(x: Tensor, mask: Tensor | None) -> tuple[Any, ...]:
    return () if mask is None else (mask,)


@pytest.fixture(scope="module")
def worker(zygote: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One worker for all tests here: modules do not know of each other."""
    from sandbox import intake
    from sandbox.client import Submission

    folder = tmp_path_factory.mktemp("handed_in")
    (folder / "heads.py").write_text(SOURCE, encoding="utf-8")
    with ExitStack() as stack:
        snapshot = stack.enter_context(intake.take(folder))
        yield stack.enter_context(Submission(zygote, snapshot).open(1))


@pytest.fixture
def opened(worker: Any) -> Open:
    """A class of the source above as the task multi_head."""

    def make(name: str, **options: Any) -> AlignedMultiHead:
        constructor: Remote = worker.resolve("heads", name)
        form = HeadForm(
            "heads.py",
            lambda sizes: constructor.construct(sizes.d_model, sizes.n_heads, sizes.width, sizes.dropout),
            arguments,
        )
        return AlignedMultiHead(dataclasses.replace(form, **options))

    return make


def case_of(sizes: HeadSizes = SQUARE, seed: int = 1, T: int = 5, **changes: Any) -> HeadCase:
    rng = generator(seed)
    x = torch.randn(4, T, sizes.d_model, generator=rng)
    weights = head_weights(sizes.d_model, rng, sizes.n_heads * sizes.width)
    return HeadCase(dataclasses.replace(sizes, **changes), x, None, seed, weights)


def expected(case: HeadCase, roles: Any = None, mask: Tensor | None = None) -> Tensor:
    weights = {role: tensor for role, tensor in case.weights.items() if roles is None or role in roles}
    return oracles.multi_head(weights, case.sizes.n_heads, case.x, mask)


# ---------------------------------------------------------------------------------------------------- layouts


@pytest.mark.parametrize("sizes", [SQUARE, WIDE], ids=["square", "wide"])
@pytest.mark.parametrize("name", RIGHT)
def test_right_modules_are_right(opened: Open, name: str, sizes: HeadSizes) -> None:
    """Protects every layout that students choose: names, fusion, orientation, lists of heads, biases or none."""
    heads = opened(name)
    for each in (sizes, SQUARE, WIDE, sizes):  # the layout is found once, and holds for other sizes too
        case = case_of(each)
        module = built(heads, case)
        is_right(module, case.x)
        torch.testing.assert_close(module(case.x).double(), expected(case, module.loaded()), atol=ATOL, rtol=1e-5)


@pytest.mark.parametrize("name", RIGHT)
def test_gradients_come_back_by_role(opened: Open, name: str) -> None:
    """Protects the check of gradients: whatever a parameter is called, its gradient is that of its role."""
    case = case_of(SQUARE)
    module = built(opened(name), case)
    grad_output = torch.randn(case.x.shape, generator=generator(9))
    got_x, got = module.gradients(case.x, grad_output)
    want_x, want = oracles.multi_head_gradients(module.loaded(), 3, case.x, grad_output)
    torch.testing.assert_close(got_x.double(), want_x, atol=1e-4, rtol=1e-4)
    assert set(module.loaded()) == set(got)
    for role, gradient in got.items():
        torch.testing.assert_close(gradient.double(), want[role], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("Separate", set()),
        ("More", set()),
        ("ColumnsWithBias", set()),
        ("SomeBiases", {"key.bias", "proj.bias"}),
        ("WithoutBias", {"query.bias", "key.bias", "value.bias", "proj.bias"}),
        ("Rows", {"query.bias", "key.bias", "value.bias", "proj.bias"}),
        ("ListOfLinears", {"query.bias", "key.bias", "value.bias"}),
    ],
)
def test_what_is_loaded(opened: Open, name: str, lacking: set[str]) -> None:
    """Protects the oracle: it computes with what the module has, and a bias that is not there is zero."""
    case = case_of(SQUARE)
    module = built(opened(name), case)
    assert set(case.weights) - lacking == set(module.loaded())
    assert all(torch.equal(case.weights[role], tensor) for role, tensor in module.loaded().items())


def test_the_layout_is_found_once(opened: Open) -> None:
    """Protects the time of a check: a module that has been probed is built at once."""
    heads = opened("OddNames")
    heads.build(SQUARE)
    first = heads.layout
    heads.form = dataclasses.replace(heads.form, construct=counted(heads.form.construct))
    heads.build(SQUARE)
    assert heads.form.construct.calls == 1  # type: ignore[attr-defined]
    assert (first, first != 0) == (heads.layout, True)


def counted(construct: Callable[[HeadSizes], Remote]) -> Any:
    def counting(sizes: HeadSizes) -> Remote:
        counting.calls += 1  # type: ignore[attr-defined]
        return construct(sizes)

    counting.calls = 0  # type: ignore[attr-defined]
    return counting


def test_a_wrong_module_is_laid_out_as_its_names_say(opened: Open) -> None:
    """Protects the message about a mistake: no layout makes it right, so that the likely one is compared."""
    heads = opened("Wrong")
    case = case_of(SQUARE)
    module = built(heads, case)
    assert heads.layout == 0
    with pytest.raises(CheckFailed, match=r"^the output: \d+ of 240 values are wrong, the first at index \["):
        is_right(module, case.x)


# ---------------------------------------------------------------------------------------------------- what does not fit


@pytest.mark.parametrize("allowed", [True, False])
def test_without_a_projection(opened: Open, allowed: bool) -> None:
    """Protects handouts that only say "concatenate", and those that ask for the projection."""
    case = case_of(SQUARE)
    heads = opened("NoProjection", needs_projection=not allowed)
    if allowed:
        module = built(heads, case)
        assert "proj.weight" not in module.loaded()
        is_right(module, case.x)
    else:
        with pytest.raises(CheckFailed) as caught:
            heads.build(SQUARE)
        assert str(caught.value) == (
            "heads.py: the parameters of NoProjection do not fit: expected query, key, value and an output projection; "
            "found, for an input of width 12 and 3 heads of width 4: query.weight (12, 12), query.bias (12,), "
            "key.weight (12, 12), key.bias (12,), value.weight (12, 12), value.bias (12,)"
        )


def test_a_projection_where_none_is_asked_for(opened: Open) -> None:
    """Protects handouts that leave it open: with a projection the module is as right."""
    case = case_of(SQUARE)
    module = built(opened("Separate", needs_projection=False), case)
    assert "proj.weight" in module.loaded()
    is_right(module, case.x)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Nothing", "found, for an input of width 12 and 3 heads of width 4: none (hint)"),
        ("TooMany", "proj.weight (12, 12), proj.bias (12,), gate.weight (12, 12), gate.bias (12,) (hint)"),
        ("Single", "key.weight (4, 12), query.weight (4, 12), value.weight (4, 12) (hint)"),
    ],
)
def test_parameters_that_do_not_fit_are_listed(opened: Open, name: str, found: str) -> None:
    """Protects the message: it names the file, the class, what is expected in the homework's words, and what was found."""
    heads = opened(name, parameters="this and that", hint=lambda module: " (hint)")
    with pytest.raises(CheckFailed) as caught:
        heads.build(SQUARE)
    assert str(caught.value).startswith(f"heads.py: the parameters of {name} do not fit: expected this and that; found")
    assert str(caught.value).endswith(found)


def test_what_the_module_raises_is_told(opened: Open) -> None:
    """Protects the student's own error: probing for a layout does not swallow it."""
    with pytest.raises(StudentError) as caught:
        opened("Raises").build(SQUARE)
    assert (caught.value.facts["type"], caught.value.facts["message"]) == ("RuntimeError", "not yet")


# ---------------------------------------------------------------------------------------------------- one head


def test_a_single_head(opened: Open) -> None:
    """Protects heads as modules: the output is as wide as the head, in any width, and there is no projection."""
    heads = opened("Single", single=True)
    for sizes in (SINGLE, HeadSizes(6, 1, d_head=3), HeadSizes(7, 1, d_head=9)):
        case = case_of(sizes)
        module = built(heads, case)
        assert output(module, case.x, sizes).shape == (4, 5, sizes.width)
        is_right(module, case.x)
        assert set(module.loaded()) == {"query.weight", "key.weight", "value.weight"}


def test_a_single_head_gives_its_weights_with_an_axis_of_heads(opened: Open) -> None:
    """Protects the comparison of attention weights: (B, T, T) of one head is (B, 1, T, T)."""
    case = case_of(SINGLE)
    module = built(opened("Single", single=True), case)
    mask = torch.tensor([[True, False], [False, True]]).repeat_interleave(2, 0).repeat_interleave(2, 1)
    case.x = case.x[:, :4].contiguous()
    got = module.weights(case.x, mask)
    assert got.shape == (4, 1, 4, 4)
    torch.testing.assert_close(got.double(), next(module.expected_weights(case.x, mask)), atol=ATOL, rtol=1e-5)
    is_right(module, case.x, mask)


def test_a_projection_does_not_belong_to_a_single_head(opened: Open) -> None:
    """Protects the roles: where a head is asked for, a fourth matrix is too much."""
    with pytest.raises(CheckFailed, match=r"the parameters of Separate do not fit"):
        opened("Separate", single=True).build(SINGLE)


# ---------------------------------------------------------------------------------------------------- the module


def test_masks_and_weights_that_are_returned(opened: Open) -> None:
    """Protects (output, weights): the output is taken out of the pair, the weights are compared on their own."""
    case = case_of(SQUARE)
    module = built(opened("WithWeights"), case)
    mask = torch.rand(5, 5, generator=generator(2)) < 0.5
    mask |= torch.eye(5, dtype=torch.bool)
    for given in (None, mask):
        torch.testing.assert_close(module(case.x, given).double(), expected(case, mask=given), atol=ATOL, rtol=1e-5)
        want = attention_weights(case.weights, 3, case.x, given)
        torch.testing.assert_close(module.weights(case.x, given).double(), want, atol=ATOL, rtol=1e-5)
        torch.testing.assert_close(next(module.expected_weights(case.x, given)), want)
    got_x, _ = module.gradients(case.x, torch.ones(case.x.shape))
    assert got_x.shape == case.x.shape


def test_weights_that_are_not_returned(opened: Open) -> None:
    """Protects the message: there is nothing, which the comparison says."""
    case = case_of(SQUARE)
    assert built(opened("Separate"), case).weights(case.x) is None


def test_no_mask_at_all(opened: Open) -> None:
    """Protects handouts in which no mask means that every token is seen: None is passed on as it is."""
    case = case_of(SQUARE)
    module = built(opened("Unmasked", arguments=lambda x, mask: (causal(x) if mask is None else mask,)), case)
    is_right(module, case.x)
    every = torch.ones(5, 5, dtype=torch.bool)
    torch.testing.assert_close(module.unmasked(case.x).double(), expected(case, mask=every), atol=ATOL, rtol=1e-5)


def causal(x: Tensor) -> Tensor:
    return torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()


def test_modes_dtype_and_arguments(opened: Open) -> None:
    """Protects the other requests: train mode drops, `double` converts, the arguments come back, what runs is told."""
    case = case_of(SQUARE, dropout=0.5)
    heads = opened("Separate")
    module = built(heads, case)
    assert torch.equal(module(case.x), module(case.x))
    module.train(True)
    assert not torch.equal(module(case.x), module(case.x))
    module.train(False)
    module.to_dtype("double")
    assert module(case.x.double()).dtype == torch.float64
    assert torch.equal(case.x.double(), module.inputs_after(case.x.double())[0])
    assert "torch.ops.aten._softmax.default" in module.watched(case.x.double())


def test_no_gradient_is_named_by_the_parameter(opened: Open) -> None:
    """Protects the message: the parameter has the student's own name."""
    case = case_of(SQUARE)
    module = built(opened("Detached"), case)
    with pytest.raises(
        CheckFailed, match=r"^No gradient reaches key.weight: it is not used, or something is detached.$"
    ):
        module.gradients(case.x, torch.ones(case.x.shape))


def test_what_is_right_for_the_parts_comes_last(opened: Open) -> None:
    """Protects that a mistake costs once: a wrong head is a wrong head, and the module made of it may be right."""
    case = case_of(SQUARE)

    def composed(module: AlignedModule, x: Tensor, mask: Tensor | None) -> Tensor:
        return oracles.multi_head(module.loaded(), 3, x * 1.5, mask)

    module = built(opened("WrongHeads", composed=composed, composed_weights=lambda *_: torch.zeros(1)), case)
    first, second = module.expected(case.x)
    torch.testing.assert_close(first, expected(case))
    torch.testing.assert_close(second, composed(module, case.x, None))
    is_right(module, case.x)
    assert [value.dim() for value in module.expected_weights(case.x)] == [4, 1]
    with pytest.raises(CheckFailed):
        is_right(built(opened("WrongHeads"), case), case.x)


def own_heads(worker: Any) -> Callable[[Remote], list[Remote]]:
    head = worker.resolve("heads", "Head")
    return lambda module: module.instances(head)


def test_heads_that_share_their_weights(opened: Open, worker: Any) -> None:
    """Protects from `[Head(…)] * n`: the module can be loaded and called, and which heads are not their own is told."""
    assert opened("ListOfHeads", own_heads=own_heads(worker)).shared_heads(SQUARE) == []
    heads = opened("OneHeadOften", own_heads=own_heads(worker))
    assert heads.shared_heads(SQUARE) == ["parts.1", "parts.2"]
    module = heads.build(SQUARE)
    module.load(case_of(SQUARE).weights)
    assert module(case_of(SQUARE).x).shape == (4, 5, 12)
    with pytest.raises(CheckFailed, match=r"do not fit.*found.*: parts\.0\.key\.weight \(4, 12\)"):
        opened("OneHeadOften").build(SQUARE)


def test_shared_parameters_get_each_of_their_names(worker: Any) -> None:
    """Protects the same: parameters that are listed once are listed under every head's path, others are left alone."""
    module = worker.resolve("heads", "OneHeadOften").construct(12, 3, 4)
    own = module.parameters()
    heads = own_heads(worker)(module)
    assert [path_in(head, module) for head in heads] == ["parts.0", "parts.1", "parts.2"]
    shared = with_shared(own, module, heads)
    assert {"parts.2.key.weight": (4, 12), "proj.weight": (12, 12)}.items() <= shared.items()
    assert (len(own), len(shared)) == (8, 20)
    assert own == with_shared(own, module, [])


@pytest.mark.parametrize(
    ("value", "expected"), [((1, 2), True), ((1, 2, 3), False), ([1, 2], False), (torch.ones(2), False), (None, False)]
)
def test_is_pair(value: Any, expected: bool) -> None:
    """Protects modules that return a tensor of two rows: only a tuple of two is an output and something."""
    assert is_pair(value) is expected


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (torch.ones(2), True),
        (torch.ones(2) + 5e-5, True),
        (torch.ones(2) + 5e-4, False),
        (torch.full((2,), float("nan")), False),
        (torch.ones(3), False),
        (torch.ones(2, dtype=torch.float64), False),
        ("text", False),
        (None, False),
    ],
    ids=str,
)
def test_agrees(got: Any, expected: bool) -> None:
    """Protects the probes: anything may come back from a worker, and only the right tensor agrees."""
    assert agrees(got, torch.ones(2, dtype=torch.float64)) is expected


# ---------------------------------------------------------------------------------------------------- bodies of checks

BODIES: dict[str, Callable[[Any, HeadCase], None]] = {
    "right": lambda module, case: is_right(module, case.x),
    "future": lambda module, case: earlier_tokens_do_not_feel_later_ones(module, case, 3),
    "causal": gradients_respect_causality,
    "batch": sequences_are_independent,
    "lengths": lambda module, case: lengths_in_any_order(module, case, 3),
}


@pytest.mark.parametrize("name", ["Separate", "ByHead", "Stacked"])
@pytest.mark.parametrize("body", BODIES)
def test_bodies_pass_right_modules(opened: Open, body: str, name: str) -> None:
    """Protects right modules: no body of a check finds fault with them."""
    case = case_of(SQUARE)
    BODIES[body](built(opened(name), case), case)


@pytest.mark.parametrize(
    ("body", "name", "message"),
    [
        ("right", "Wrong", "the output: "),
        ("future", "Peeking", "the output of the first 3 tokens after the later ones have changed: "),
        ("causal", "Peeking", "whether output 0 depends on each token (batch, token): "),
        ("batch", "Mixing", "sequence 0 in the batch: "),
        ("lengths", "Growing", "the output of call 3, T=5: "),
    ],
)
def test_bodies_find_their_mistake(opened: Open, body: str, name: str, message: str) -> None:
    """Protects the bodies from passing everything: each finds the mistake that it is there for, and says what is wrong."""
    case = case_of(SQUARE)
    with pytest.raises(CheckFailed) as caught:
        BODIES[body](built(opened(name), case), case)
    assert str(caught.value).startswith(message)


def test_a_single_head_passes_the_bodies(opened: Open) -> None:
    """Protects single heads: their output is narrower than x, which the bodies know."""
    case = case_of(SINGLE)
    for body in BODIES.values():
        body(built(opened("Single", single=True), case), case)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Separate", None),
        ("NoProjection", None),
        ("WithoutBias", None),
        ("DropsScores", "With values of 1 and a dropout of 0.5, the first token's output must be 0, 2 or 4"),
        ("Growing", None),  # wrong elsewhere
        ("DropsOutput", "In "),
    ],
)
def test_where_dropout_acts(opened: Open, worker: Any, name: str, message: str | None) -> None:
    """Protects the check of dropout: on the weights it passes; on the scores, or on the output alone, it does not."""
    worker.seed(20260227)
    sizes = dataclasses.replace(SQUARE, dropout=0.5)
    heads = opened(name, needs_projection=False)
    weights = head_weights(12, generator(5))
    if message is None:
        weights_are_dropped_after_the_softmax(heads, sizes, weights)
    else:
        with pytest.raises(CheckFailed) as caught:
            weights_are_dropped_after_the_softmax(heads, sizes, weights)
        assert str(caught.value).startswith(message)


def test_without_dropout_it_is_missed(opened: Open) -> None:
    """Protects the same from a module that ignores its dropout: the first token's output is 1."""
    weights = head_weights(12, generator(5))
    with pytest.raises(CheckFailed, match=r"must be 0, 2 or 4 .*; found 1\.$"):
        weights_are_dropped_after_the_softmax(opened("Separate"), SQUARE, weights)


def test_a_single_heads_dropout(opened: Open, worker: Any) -> None:
    """Protects heads as modules: 192 sequences of one head."""
    worker.seed(20260227)
    sizes = HeadSizes(12, 1, 0.5, max_tokens=24, d_head=5)
    weights_are_dropped_after_the_softmax(opened("Single", single=True), sizes, head_weights(12, generator(5), 5))
