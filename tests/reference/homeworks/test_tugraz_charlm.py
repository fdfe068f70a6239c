"""The reference notebook of tugraz_charlm: its model against independent implementations, and the whole notebook run."""

import ast
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from reference.templates import cut
from reference.training.homework_code import notebook_definitions as load

SOURCE = Path(__file__).parents[3] / "reference" / "homeworks" / "tugraz_charlm" / "source" / "assignment3.py"
TODO = ["CausalSelfAttention.__init__", "CausalSelfAttention.forward", "MLP.__init__", "MLP.forward"]
TODO += ["GPT.forward", "GPT.sample"]
LARGEST_ERROR = 1e-10  # float64, values of order 1


graz = load(SOURCE.read_text(encoding="utf-8"))


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def build(make: Callable[[], nn.Module]) -> Any:
    """Make a module in float64 and eval mode; weights, biases and gains are far from their defaults."""
    with torch.random.fork_rng(devices=[]):
        module = make().double().eval()
    for i, parameter in enumerate(module.parameters()):
        parameter.data = 0.7 * normal(*parameter.shape, seed=i)
    return module


def config(n_head: int = 3, **kwargs: Any) -> Any:
    return graz.GPTConfig(**{"block_size": 7, "vocab_size": 11, "n_layer": 2, "n_embd": 12} | kwargs, n_head=n_head)


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype == torch.float64
    torch.testing.assert_close(actual, expected, rtol=0, atol=LARGEST_ERROR)


def no_peeking(T: int) -> Tensor:
    """PyTorch's polarity: True = may not attend."""
    return torch.ones(T, T, dtype=torch.bool).triu(1)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("T", [1, 5, 7])
@pytest.mark.parametrize("n_head", [1, 3, 6])
def test_attention_equals_torch(n_head: int, T: int, bias: bool) -> None:
    """Protects task b: PyTorch's multi-head attention, whose packed layer has the same three blocks."""
    module, x = build(lambda: graz.CausalSelfAttention(config(n_head, bias=bias))), normal(2, T, 12, seed=50)
    twin = build(lambda: nn.MultiheadAttention(12, n_head, bias=bias, batch_first=True))
    twin.in_proj_weight.data = module.c_attn.weight.data
    if bias:
        twin.in_proj_bias.data = module.c_attn.bias.data
    twin.out_proj.load_state_dict(module.c_proj.state_dict())
    expected, _ = twin(x, x, x, attn_mask=no_peeking(T), need_weights=False)
    before = x.clone()
    assert_equal(module(x), expected)
    assert torch.equal(x, before)


def test_heads_must_share_the_features() -> None:
    """Protects the message for sizes that do not go together."""
    with pytest.raises(AssertionError, match="5 heads cannot share 12 features"):
        graz.CausalSelfAttention(config(5))


@pytest.mark.parametrize("bias", [True, False])
def test_mlp_equals_its_formula(bias: bool) -> None:
    """Protects task c: 4C features inside, and the exact GELU, z · (1 + erf(z / √2)) / 2."""
    module, x = build(lambda: graz.MLP(config(bias=bias))), normal(2, 5, 12, seed=50)
    assert (module.c_fc.bias is None) == (module.c_proj.bias is None) == (not bias)
    z = torch.einsum("btc,hc->bth", x, module.c_fc.weight) + (module.c_fc.bias if bias else 0)
    assert z.shape == (2, 5, 48)
    gelu = z * (1 + torch.erf(z / math.sqrt(2))) / 2
    expected = torch.einsum("bth,ch->btc", gelu, module.c_proj.weight) + (module.c_proj.bias if bias else 0)
    assert_equal(module(x), expected)


@pytest.mark.parametrize("bias", [True, False])
def test_layer_norm_equals_its_formula(bias: bool) -> None:
    """Protects LayerNorm, given: each token's mean and biased variance, ε = 1e-5 under the root, gain, bias if any."""
    module, x = build(lambda: graz.LayerNorm(12, bias=bias)), normal(2, 5, 12, seed=50)
    centred = x - x.sum(-1, keepdim=True) / 12
    normalised = centred / ((centred**2).sum(-1, keepdim=True) / 12 + 1e-5) ** 0.5
    assert (module.bias is None) == (not bias)
    assert_equal(module(x), normalised * module.weight + (module.bias if bias else 0))


def gpt2_twin(model: Any) -> GPT2LMHeadModel:
    """Build transformers' GPT-2 with the weights of our GPT, and the exact GELU."""
    twin_config = GPT2Config(
        vocab_size=11,
        n_positions=7,
        n_embd=12,
        n_layer=2,
        n_head=3,
        activation_function="gelu",
        attn_implementation="eager",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    twin = build(lambda: GPT2LMHeadModel(twin_config))
    state = {}
    for name, value in model.state_dict().items():
        if not name.endswith(".attn.bias"):  # the causal buffer
            # GPT-2's layers hold their weights as (in, out)
            state[name] = value.T if name.split(".")[-2] in ("c_attn", "c_proj", "c_fc") and value.ndim == 2 else value
    missing, unexpected = twin.load_state_dict(state, strict=False)
    assert unexpected == []
    if model.config.bias:
        assert missing == []
    else:
        assert all(name.endswith("bias") for name in missing)
        for name in missing:
            twin.get_parameter(name).data.zero_()
    return twin


def ids(*shape: int, seed: int) -> Tensor:
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("T", [1, 5, 7])
@torch.no_grad()
def test_model_equals_gpt2(T: int, bias: bool) -> None:
    """Protects task d, and Block: logits at all positions are GPT-2's, the loss is the mean surprise at the targets."""
    model = build(lambda: graz.GPT(config(bias=bias)))
    idx, targets = ids(3, T, seed=0), ids(3, T, seed=1)
    logits, loss = model(idx, targets)
    expected = gpt2_twin(model)(idx).logits
    assert_equal(logits, expected)
    chances = expected.exp() / expected.exp().sum(-1, keepdim=True)
    surprise = [-math.log(chances[b, t, targets[b, t]]) for b in range(3) for t in range(T)]
    assert loss.shape == ()
    assert loss.item() == pytest.approx(sum(surprise) / len(surprise), abs=LARGEST_ERROR)
    assert_equal(model(idx)[0], expected)
    assert model(idx)[1] is None


def test_model_refuses_more_than_block_size() -> None:
    """Protects the message for a sequence that is too long: it names both lengths."""
    with pytest.raises(AssertionError, match="8 tokens, but block_size is 7"):
        build(lambda: graz.GPT(config()))(ids(1, 8, seed=0))


def test_initial_weights() -> None:
    """Protects the start of training: tied embeddings counted once, small weights, those that add to tokens smaller."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = graz.GPT(config(4, n_embd=64, vocab_size=65, n_layer=8))
    assert model.lm_head.weight is model.transformer.wte.weight
    # embeddings; 8 blocks: two norms, c_attn, c_proj, c_fc, c_proj; the last norm
    block = 4 * 64 + (64 * 192 + 192) + (64 * 64 + 64) + (64 * 256 + 256) + (256 * 64 + 64)
    assert model.count_parameters() == 65 * 64 + 7 * 64 + 8 * block + 2 * 64
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all()
        elif parameter.ndim == 2:
            # more than 5 standard errors of the smallest matrix, wpe with 448 numbers
            assert parameter.std().item() == pytest.approx(0.005 if "c_proj" in name else 0.02, rel=0.2)
        else:
            assert (parameter == 1).all()


def test_dropout_acts_in_its_four_places() -> None:
    """Protects dropout in train mode: embedded tokens, attention weights, outputs of attention and of the MLP."""
    model = build(lambda: graz.GPT(config(1, n_layer=1, dropout=0.3))).train()
    idx, h = ids(2, 5, seed=0), model.transformer
    (block,) = h.h
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        actual, _ = model(idx)
        torch.manual_seed(0)
        x = F.dropout(h.wte.weight[idx] + h.wpe.weight[:5], 0.3)
        q, k, v = block.attn.c_attn(block.ln_1(x)).chunk(3, -1)
        scores = (q @ k.mT / 12**0.5).masked_fill(no_peeking(5), -math.inf)
        weights = F.dropout(scores.softmax(-1)[:, None], 0.3)[:, 0]
        x = x + F.dropout(block.attn.c_proj(weights @ v), 0.3)
        x = x + F.dropout(block.mlp.c_proj(F.gelu(block.mlp.c_fc(block.ln_2(x)))), 0.3)
        expected = h.ln_f(x) @ h.wte.weight.T
    assert_equal(actual, expected)
    assert not torch.allclose(actual, model.eval()(idx)[0])


def test_sample_continues_past_block_size() -> None:
    """Protects task f: the model sees the last block_size tokens, the start stays as it is."""

    def next_id(context: list[int]) -> int:
        return (3 * context[0] + sum(context) + len(context)) % 11

    class Model(graz.GPT):
        def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, None]:
            logits = torch.zeros(*idx.shape, 11)
            for b, context in enumerate(idx.tolist()):
                logits[b, -1, next_id(context)] = 1e4
            return logits, None

    start = ids(2, 3, seed=0)
    expected = start.tolist()
    for row in expected:
        for _ in range(9):
            row.append(next_id(row[-7:]))
    with torch.random.fork_rng(devices=[]):
        model = Model(config())
        assert model.sample(start, 9).tolist() == expected
        assert model.sample(torch.tensor(expected)[:, :11], 1, 0.5).tolist() == expected
        assert torch.equal(model.sample(idx=start, max_new_tokens=0), start)


@pytest.mark.parametrize("temperature", graz.TEMPERATURES)
@torch.no_grad()
def test_sample_draws_from_the_tempered_softmax(temperature: float) -> None:
    """Protects task f at the handout's temperatures: tokens occur as often as softmax(z / τ) says, rows independently.

    H0: the shares of N = 20,000 draws have these means. Each of 11 is within 0.021 (Hoeffding), error rate 1e-6.
    """
    model, start = build(lambda: graz.GPT(config())), ids(1, 3, seed=0)
    model.transformer.ln_f.weight.data *= 0.3
    powers = (model(start)[0][0, -1].softmax(-1).log() / temperature).double()  # (V,)
    chances = (powers - powers.logsumexp(0)).exp()  # (V,)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = model.sample(start.expand(20_000, -1), 1, temperature=temperature)[:, -1]  # (N,)
    shares = drawn.bincount(minlength=11) / 20_000
    assert (shares - chances).abs().max() <= math.sqrt(math.log(2 * 11 / 1e-6) / (2 * 20_000))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 3000.0])
@torch.no_grad()
def test_sample_does_not_overflow(scale: float, dtype: torch.dtype) -> None:
    """Protects "without overflow": at τ = 0.0001 and with huge logits, in half precision too, the likeliest is drawn."""
    logits = (scale * normal(4, 1, 11, seed=0)).to(dtype)  # (B, 1, V)

    class Model(graz.GPT):
        def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, None]:
            return logits, None

    with torch.random.fork_rng(devices=[]):
        drawn = Model(config()).sample(ids(4, 1, seed=0), 1, temperature=0.0001)[:, -1]
    assert torch.equal(drawn, logits[:, -1].argmax(-1))


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_sample_refuses_temperatures_that_are_not_positive(temperature: float) -> None:
    """Protects τ > 0: a negative one would prefer what is unlikely."""
    with pytest.raises(AssertionError, match="must be above 0"):
        build(lambda: graz.GPT(config())).sample(ids(1, 1, seed=0), 1, temperature=temperature)


def test_dataset_and_batches() -> None:
    """Protects task a: every piece of block_size characters once, targets one step ahead, and batches of random ones."""
    dataset = graz.CharDataset(torch.arange(10), 4)
    pieces = [dataset[i] for i in range(len(dataset))]
    assert [x.tolist() for x, _ in pieces] == [[i, i + 1, i + 2, i + 3] for i in range(6)]
    assert all(torch.equal(x + 1, y) for x, y in pieces)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        batches = list(graz.random_batches(torch.arange(10), 4, batch_size=3, n_batches=50))
    assert [x.shape for x, _ in batches] == [(3, 4)] * 50
    assert all(torch.equal(x + 1, y) for x, y in batches)
    assert {int(start) for x, _ in batches for start in x[:, 0]} == set(range(6))


def test_made_up_diary_is_always_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the notebook without its corpus: a diary, said to be generated; a real file is preferred."""
    diary = graz.made_up_diary(20)
    assert diary == graz.made_up_diary(20)
    assert len(diary.strip().split("\n\n")) == 20
    corpus = tmp_path / "corpus.txt"
    assert graz.read_corpus(corpus).startswith(diary)
    assert "generated diary" in capsys.readouterr().out
    corpus.write_text("To be é\n", encoding="utf-8")
    assert graz.read_corpus(corpus) == "To be é\n"
    assert "8 characters" in capsys.readouterr().out


def test_template_leaves_the_todo_sections() -> None:
    """Protects the handout's division: exactly the classes named there have gaps, and everything else is the same."""

    def functions(source: str) -> dict[str, str]:
        found = {}
        for node in ast.parse(source).body:
            methods = node.body if isinstance(node, ast.ClassDef) else [node]
            prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            found |= {prefix + m.name: ast.unparse(m) for m in methods if isinstance(m, ast.FunctionDef)}
        return found

    solution = SOURCE.read_text(encoding="utf-8")
    ours, theirs = functions(solution), functions(cut(solution))
    assert list(ours) == list(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == TODO
    assert [name for name in theirs if "raise NotImplementedError" in theirs[name]] == TODO
    template = load(cut(solution))
    with pytest.raises(NotImplementedError, match="b: add the layers"):
        build(lambda: template.GPT(config()))
    # task h: only the baseline is left
    assert solution.count("\narchitectures.append(") >= 5
    assert "\narchitectures.append(" not in cut(solution)


RUN = """
import json, runpy, sys
notebook = runpy.run_path(sys.argv[1])
print(json.dumps({name: notebook[name] for name in ("baseline_history", "histories")}))
"""


@pytest.mark.slow
def test_whole_notebook_runs(tmp_path: Path) -> None:
    """Protects the notebook from top to bottom: all losses fall, the samples of tasks g and h are there."""
    settings = {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "default", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", RUN, str(SOURCE)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **settings},
        timeout=280,
    )
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    lines = result.stdout.splitlines()
    results = json.loads(lines[-1])
    assert len(results["histories"]) >= 1 + 5
    for history in (results["baseline_history"], *results["histories"].values()):
        (_, first, first_validation), (_, last, last_validation) = history[0], history[-1]
        assert last < 0.5 * first
        assert last_validation < 0.5 * first_validation
    assert results["baseline_history"][-1][0] == graz.max_iters
    assert [line for line in lines if line.startswith("--- temperature ")] == [
        f"--- temperature {tau}" for tau in (1.5, 1.0, 0.8, 0.5, 0.1, 0.0001)
    ]
    assert sum(line.endswith("characters given") for line in lines) >= 3
    assert "Later tokens have no influence: True" in lines
