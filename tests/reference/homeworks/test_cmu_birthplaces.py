"""The reference solution of cmu_birthplaces: the core reference in the homework's own interface, and its data sets."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from reference.attention import attention
from reference.mask import causal_mask
from reference.multi_head import MultiHeadAttention
from reference.rope import apply_rope, rope_cache
from reference.training.homework_code import flat_modules

ROOT = Path(__file__).parents[3]
SRC = ROOT / "reference" / "homeworks" / "cmu_birthplaces" / "src"
MODULES = ("attention", "models", "utils", "dataset", "london_baseline")
examples = settings(derandomize=True, deadline=None, database=None, max_examples=30)
seeds = st.integers(0, 2**32)


cmu = flat_modules(SRC, MODULES)


def test_loading_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the other tests: flat names such as `utils` are neither left behind nor taken away."""
    stranger = ModuleType("utils")
    monkeypatch.setitem(sys.modules, "utils", stranger)
    before = (sys.path.copy(), sys.modules.copy())
    flat_modules(SRC, MODULES)
    assert (sys.path, sys.modules) == before
    assert sys.modules["utils"] is stranger


def normal(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def randomise(module: nn.Module, generator: torch.Generator, scale: float = 0.5) -> None:
    """Give every parameter a value far from its default."""
    for parameter in module.parameters():
        parameter.data = scale * normal(*parameter.shape, generator=generator)


def config(rope: bool = False, n_head: int = 3, hs: int = 4, block_size: int = 9, **kwargs: Any) -> Any:
    return cmu.models.GPTConfig(
        kwargs.pop("vocab_size", 11), block_size, n_layer=2, n_head=n_head, n_embd=n_head * hs, rope=rope, **kwargs
    )


def build_attention(rope: bool, n_head: int, hs: int, generator: torch.Generator) -> Any:
    with torch.random.fork_rng(devices=[]):
        module = cmu.attention.CausalSelfAttention(config(rope, n_head, hs)).double().eval()
    randomise(module, generator)
    return module


def repack(module: Any) -> MultiHeadAttention:
    """Sort the rows of `qkv`, which hold q, k and v head after head, into the reference's three layers."""
    n_embd = module.proj.in_features
    with torch.random.fork_rng(devices=[]):
        reference = MultiHeadAttention(n_embd, module.n_head).double().eval()
    weights = module.qkv.weight.view(module.n_head, 3, -1, n_embd).unbind(1)  # each (n_head, hs, n_embd)
    biases = module.qkv.bias.view(module.n_head, 3, -1).unbind(1)  # each (n_head, hs)
    for layer, weight, bias in zip((reference.query, reference.key, reference.value), weights, biases, strict=False):
        layer.load_state_dict({"weight": weight.flatten(0, 1), "bias": bias.flatten()})
    reference.proj.load_state_dict(module.proj.state_dict())
    return reference


sizes = {"B": st.integers(1, 3), "n_head": st.integers(1, 4), "half": st.integers(1, 3), "T": st.integers(1, 9)}


@examples
@given(**sizes, seed=seeds)
def test_attention_equals_reference(B: int, n_head: int, half: int, T: int, seed: int) -> None:
    """Protects part b: with its rows re-packed, CausalSelfAttention is the reference's multi-head attention."""
    generator = torch.Generator().manual_seed(seed)
    module = build_attention(False, n_head, 2 * half, generator)
    x = normal(B, T, n_head * 2 * half, generator=generator)
    torch.testing.assert_close(module(x), repack(module)(x), rtol=0, atol=1e-12)


@examples
@given(**sizes, seed=seeds)
def test_rope_attention_equals_reference(B: int, n_head: int, half: int, T: int, seed: int) -> None:
    """Protects part g in the model: queries and keys of each head are rotated, values are not."""
    generator = torch.Generator().manual_seed(seed)
    module = build_attention(True, n_head, 2 * half, generator)
    x = normal(B, T, n_head * 2 * half, generator=generator)
    reference, cache = repack(module), rope_cache(2 * half, T).double()

    def heads(layer: nn.Linear) -> Tensor:
        return layer(x).unflatten(-1, (n_head, -1)).transpose(1, 2)  # (B, n_head, T, hs)

    query, key = apply_rope(heads(reference.query), cache), apply_rope(heads(reference.key), cache)
    mixed, _ = attention(query, key, heads(reference.value), causal_mask(T))
    expected = reference.proj(mixed.transpose(1, 2).flatten(2))
    torch.testing.assert_close(module(x), expected, rtol=0, atol=1e-12)


def test_dropout_acts_on_weights_and_on_output() -> None:
    """Protects both places of dropout in train mode, each with its own rate."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        module = cmu.attention.CausalSelfAttention(config(attn_pdrop=0.2, resid_pdrop=0.4)).double()
    randomise(module, generator)
    x, T = normal(2, 5, 12, generator=generator), 5
    reference = repack(module)
    query, key, value = (
        layer(x).unflatten(-1, (3, -1)).transpose(1, 2) for layer in (reference.query, reference.key, reference.value)
    )
    _, weights = attention(query, key, value, causal_mask(T))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        actual = module(x)
        torch.manual_seed(1)
        mixed = F.dropout(weights, 0.2) @ value
        expected = F.dropout(reference.proj(mixed.transpose(1, 2).flatten(2)), 0.4)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@examples
@given(dim=st.integers(1, 8).map(lambda half: 2 * half), n_positions=st.integers(1, 300))
def test_rotary_table_equals_reference(dim: int, n_positions: int) -> None:
    """Protects precompute_rotary_emb: the handout's formula, cosine before sine, float32."""
    table = cmu.attention.precompute_rotary_emb(dim, n_positions)
    torch.testing.assert_close(table, rope_cache(dim, n_positions), rtol=0, atol=1e-7)


@examples
@given(**sizes, extra=st.integers(0, 4), seed=seeds)
def test_rotation_equals_reference(B: int, n_head: int, half: int, T: int, extra: int, seed: int) -> None:
    """Protects apply_rotary_emb, also with a table longer than x, and the bytes of x."""
    x = normal(B, n_head, T, 2 * half, generator=torch.Generator().manual_seed(seed))
    before, cache = x.clone(), rope_cache(2 * half, T + extra).double()
    actual = cmu.attention.apply_rotary_emb(x, cache)
    torch.testing.assert_close(actual, apply_rope(x, cache), rtol=0, atol=1e-12)
    assert torch.equal(x, before)


@pytest.mark.parametrize("rope", [False, True])
def test_state_dict_keys(rope: bool) -> None:
    """Protects the names under which students save parameters: buffers are part of them."""
    with torch.random.fork_rng(devices=[]):
        keys = set(cmu.models.GPT(config(rope)).state_dict())
    layers = ["ln1", "ln2", "attn.qkv", "attn.proj", "mlp.0", "mlp.2"]
    in_block = {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")} | {"attn.mask"}
    outside = {"tok_emb.weight", "ln_f.weight", "ln_f.bias", "head.weight"}
    (in_block if rope else outside).add("attn.rope_cache" if rope else "pos_emb")
    assert keys == outside | {f"blocks.{i}.{key}" for i in range(2) for key in in_block}


def gpt2_twin(model: Any) -> GPT2LMHeadModel:
    """Build transformers' GPT-2 with the weights of a model without RoPE, the exact GELU and an untied head."""
    n_embd = model.head.in_features
    options: dict[str, Any] = {"vocab_size": 11, "n_positions": 9, "n_embd": n_embd, "n_layer": 2, "n_head": 3}
    options |= {"activation_function": "gelu", "tie_word_embeddings": False, "attn_implementation": "eager"}
    options |= {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    with torch.random.fork_rng(devices=[]):
        twin = GPT2LMHeadModel(GPT2Config(**options)).double().eval()
    twin.lm_head.weight.data = model.head.weight.data
    twin.transformer.wte.weight.data = model.tok_emb.weight.data
    twin.transformer.wpe.weight.data = model.pos_emb.data[0]
    twin.transformer.ln_f.load_state_dict(model.ln_f.state_dict())
    for theirs, ours in zip(twin.transformer.h, model.blocks, strict=False):
        theirs.ln_1.load_state_dict(ours.ln1.state_dict())
        theirs.ln_2.load_state_dict(ours.ln2.state_dict())
        packed = repack(ours.attn)
        projections = (packed.query, packed.key, packed.value)
        # GPT-2's layers hold their weights as (in, out)
        theirs.attn.c_attn.weight.data = torch.cat([layer.weight.data for layer in projections]).T
        theirs.attn.c_attn.bias.data = torch.cat([layer.bias.data for layer in projections])
        for their_layer, our_layer in (
            (theirs.attn.c_proj, ours.attn.proj),
            (theirs.mlp.c_fc, ours.mlp[0]),
            (theirs.mlp.c_proj, ours.mlp[2]),
        ):
            their_layer.weight.data, their_layer.bias.data = our_layer.weight.data.T, our_layer.bias.data
    return twin


def build_gpt(rope: bool = False) -> Any:
    with torch.random.fork_rng(devices=[]):
        model = cmu.models.GPT(config(rope)).double().eval()
    randomise(model, torch.Generator().manual_seed(0))
    return model


@torch.no_grad()
def test_model_equals_gpt2() -> None:
    """Protects models.py, which students do not write: logits and loss are those of transformers' GPT-2."""
    model = build_gpt()
    ids = torch.randint(11, (3, 7), generator=torch.Generator().manual_seed(0))
    targets = torch.randint(11, (3, 7), generator=torch.Generator().manual_seed(1))
    assert (targets == 0).any()
    logits, loss = model(ids, targets)
    expected = gpt2_twin(model)(ids).logits
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
    surprisal = -expected.log_softmax(-1).gather(-1, targets[..., None])[targets != 0]
    torch.testing.assert_close(loss, surprisal.mean(), rtol=0, atol=1e-12)
    assert model(ids)[1] is None


def test_model_refuses_more_than_block_size() -> None:
    """Protects the message for a sequence that is too long: it names both lengths."""
    with pytest.raises(AssertionError, match=r"10 tokens .* block_size, 9"):
        build_gpt()(torch.zeros(1, 10, dtype=torch.long))


@pytest.mark.parametrize("rope", [False, True])
@torch.no_grad()
def test_greedy_sampling_takes_the_most_likely_token(rope: bool) -> None:
    """Protects `sample`: one token at a time, from the last block_size tokens, past block_size too."""
    model = build_gpt(rope)
    start = torch.tensor([[1, 2, 3], [4, 5, 6]])
    expected = start
    for _ in range(10):
        logits, _ = model(expected[:, -9:])
        expected = torch.cat((expected, logits[:, -1].max(-1, keepdim=True).indices), dim=1)
    assert torch.equal(cmu.utils.sample(model, start, 10), expected)
    with torch.random.fork_rng(devices=[]):
        assert torch.equal(cmu.utils.sample(model, start, 10, sample=True, top_k=1), expected)


def test_top_k_keeps_the_largest() -> None:
    """Protects `top_k_logits`: all but the k largest of each row are ruled out."""
    inf = float("inf")
    kept = cmu.utils.top_k_logits(torch.tensor([[1.0, 4, 2, 3], [9, 8, 7, 6]]), 2)
    assert kept.tolist() == [[-inf, 4, -inf, 3], [9, 8, -inf, -inf]]


def test_set_seed_seeds_python_and_torch() -> None:
    """Protects reproducible runs: the same seed gives the same numbers."""
    before = random.getstate()
    with torch.random.fork_rng(devices=[]):
        drawn = []
        for _ in range(2):
            cmu.utils.set_seed(3)
            drawn.append((random.random(), torch.rand(3).tolist()))
    random.setstate(before)
    assert drawn[0] == drawn[1]


TEXT = "Ada was a countess.\nBob. Bob lived in London, where it rained.\nAbcd\nZoë sang"
TSV = "Where was Ada born?\tLondon\nWhere was Bob born?\tParis\nWhere was Zoë born?\tLondon\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with small data files."""
    (tmp_path / "wiki.txt").write_text(TEXT + "\n" + TSV, encoding="utf-8")
    for name in ("birth_dev.tsv", "birth_places_train.tsv"):
        (tmp_path / name).write_text(TSV, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_places_are_counted(folder: Path) -> None:
    """Protects `evaluate_places`: exact equality, floats, no score without answers, no silent shift of lines."""
    assert cmu.utils.evaluate_places("birth_dev.tsv", ["London", "london", "Lon"]) == (3.0, 1.0)
    (folder / "test.tsv").write_text("Where was Ada born?\nWhere was Bob born?\n", encoding="utf-8")
    assert cmu.utils.evaluate_places(str(folder / "test.tsv"), ["London", "Paris"]) == (0.0, 0.0)
    with pytest.raises(ValueError, match="3 lines, got 4 predictions"):
        cmu.utils.evaluate_places("birth_dev.tsv", ["", "London", "Paris", "London"])


def test_london_baseline_is_a_percentage(folder: Path) -> None:
    """Protects part d: 2 of 3 answers are London, that is 66.7 (not 0.667), from the default path or another."""
    assert cmu.london_baseline.main() == pytest.approx(200 / 3)
    (folder / "other.tsv").write_text("Where?\tParis\nWhere?\tLondon\nWhere?\tLondonderry\nWho?\tRome\n")
    assert cmu.london_baseline.main(str(folder / "other.tsv")) == 25.0


def test_london_baseline_runs_from_the_folder_above(folder: Path) -> None:
    """Protects the flat imports: the script runs as `python src/london_baseline.py` and prints a number."""
    command = [sys.executable, "-B", str(SRC / "london_baseline.py")]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    assert float(result.stdout) == pytest.approx(200 / 3)


@pytest.mark.parametrize("kind", ["namedata", "charcorruption"])
def test_dataset_command_prints_examples(kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the handout's two commands: up to four pairs, x before y, y one step ahead."""
    state = random.getstate()
    cmu.dataset.main([kind])
    random.setstate(state)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * (3 if kind == "namedata" else 4)
    for x, y in zip(lines[::2], lines[1::2], strict=False):
        assert (x[:3], y[:3]) == ("x: ", "y: ")
        assert all(b in (a, "□") for a, b in zip(x[4:], y[3:], strict=False))
    assert lines[0].startswith("x: Where was Ada born?⁇London⁇□") == (kind == "namedata")


def test_name_dataset_asks_for_the_place_only(folder: Path) -> None:
    """Protects NameDataset: the layout, y silent inside the question, characters outside ASCII dropped."""
    names = cmu.dataset.NameDataset(cmu.dataset.CharCorruptionDataset(TEXT + "\n" + TSV, 40), TSV)
    assert len(names) == 3
    x, y = names[2]
    decode = ["".join(names.itos[id] for id in tensor.tolist()) for tensor in (x, y)]
    assert decode[0] == "Where was Zo born?⁇London⁇" + "□" * 13
    assert decode[1] == "□" * 17 + "⁇London⁇" + "□" * 14
    assert (x.dtype, y.dtype) == (torch.int64, torch.int64)


@pytest.fixture
def seeded() -> Iterator[None]:
    """Seed `random`, which the dataset draws from, and put its state back."""
    state = random.getstate()
    random.seed(0)
    yield
    random.setstate(state)


def test_corruption_vocabulary() -> None:
    """Protects the ids that the model's loss relies on: padding 0, ⁇ 1, then the sorted characters."""
    dataset = cmu.dataset.CharCorruptionDataset("cab\nab", 16)
    assert [dataset.itos[id] for id in range(dataset.vocab_size)] == ["□", "⁇", "\n", "a", "b", "c"]
    assert dataset.stoi == {char: id for id, char in dataset.itos.items()}
    assert len(dataset) == 2
    with pytest.raises(ValueError, match="⁇"):
        cmu.dataset.CharCorruptionDataset("a⁇", 16)


@pytest.mark.usefixtures("seeded")
def test_corruption_follows_every_step() -> None:
    """Protects part e, steps 0 to 5, on long, short and 4-character documents.

    H0 for the long one: all lengths 4 … 14 are equally likely, and so are all numbers of hidden characters and all
    starts that a length allows. N = 5,500, about 500 for each length, error rate 1e-6: the mean share hidden is within
    0.05 of 1/4 (Hoeffding, 6 even lengths), and what must occur is missed with a chance below 1e-15.
    """
    documents = ["abcdefghijklmnopqrstuvwxyz", "abcdef", "wxyz"]
    dataset = cmu.dataset.CharCorruptionDataset("\n".join(documents), 16)
    spans = []
    for idx in [0] * 5500 + [1, 2] * 100:
        x, y = dataset[idx]
        assert [(t.dtype, tuple(t.shape)) for t in (x, y)] == [(torch.int64, (16,))] * 2
        assert torch.equal(x[1:], y[:-1])
        corrupted = "".join(dataset.itos[id] for id in [*x.tolist(), int(y[-1])])
        prefix, suffix, rest = corrupted.split("⁇")
        content = rest.rstrip("□")
        text = prefix + content + suffix
        assert documents[idx].startswith(text)
        assert min(4, len(documents[idx])) <= len(text) <= 14
        assert content and len(corrupted) == 17
        if idx == 0:
            spans.append((len(text), len(prefix), len(content)))
    assert dataset.data == documents
    assert {n for n, _, _ in spans} == set(range(4, 15))
    for n in range(4, 15, 2):
        shares = [hidden / n for length, _, hidden in spans if length == n]
        assert abs(sum(shares) / len(shares) - 1 / 4) <= 0.05
        assert len(set(shares)) == n // 2 - 1
    assert {start for n, start, _ in spans if n == 14} >= set(range(9))
    assert any(start + hidden == n for n, start, hidden in spans if n == 14)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("document", ["", "a", "ab", "abc"])
def test_corruption_takes_documents_below_four_characters(document: str) -> None:
    """Protects pretraining on a text with an empty or tiny line: it is used whole, and nothing raises."""
    dataset = cmu.dataset.CharCorruptionDataset(f"{document}\nabcdefgh", 16)
    for _ in range(20):
        x, _ = dataset[0]
        prefix, suffix, content = "".join(dataset.itos[id] for id in x.tolist()).rstrip("□").split("⁇")
        assert prefix + content + suffix == document
