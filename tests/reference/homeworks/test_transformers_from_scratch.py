"""The reference notebook of transformers_from_scratch: each of its parts against an independent implementation."""

import ast
import hashlib
import inspect
import json
import math
import os
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.generation.logits_process import TopPLogitsWarper

from reference.templates import cut

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "reference" / "homeworks" / "transformers_from_scratch" / "source" / "hw2_transformers.py"
MARK = "# transformers.py: copy this cell into that file"
CPU = torch.device("cpu")
examples = settings(derandomize=True, deadline=None, database=None, max_examples=30)
seeds = st.integers(0, 2**32)


def class_cell(source: str) -> str:
    """Find the one code cell of a percent-format source that students copy into transformers.py."""
    parts = re.split(r"^# %%(.*)\n", source, flags=re.MULTILINE)[1:]
    (cell,) = [code for kind, code in zip(parts[::2], parts[1::2], strict=True) if not kind and code.startswith(MARK)]
    return cell


def definitions(source: str) -> SimpleNamespace:
    """Run a source's imports, functions, classes and constants: what calls nothing, so neither loads nor trains."""
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
        or (isinstance(node, ast.Assign) and not any(isinstance(part, ast.Call) for part in ast.walk(node)))
    ]
    namespace: dict[str, Any] = {"__name__": "hw2_transformers"}
    exec(compile(tree, SOURCE.name, "exec"), namespace)
    return SimpleNamespace(**namespace)


SOLUTION = SOURCE.read_text(encoding="utf-8")
notebook = definitions(SOLUTION)
template = definitions(cut(SOLUTION))


def build(cls: type[nn.Module], *sizes: int, seed: int, **options: int) -> Any:
    """Build a float64 model in which no parameter, biases and gains included, has a value near its default."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        model = cls(*sizes, **options).double()
    for parameter in model.parameters():
        parameter.data = 0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model


def random_ids(vocab_size: int, *shape: int, seed: int) -> Tensor:
    return torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(seed))


def encoder_layers(model: Any, n_heads: int, layer_norm: bool) -> list[nn.TransformerEncoderLayer]:
    """Re-pack a model's layers into PyTorch's own, which normalise after each residual sum by default."""
    layers, d = [], model.hidden_dim
    for i in range(model.num_layers):
        with torch.random.fork_rng(devices=[]):
            layer = nn.TransformerEncoderLayer(d, n_heads, 4 * d, dropout=0.0, batch_first=True).double()
        projections = torch.cat((model.W_q[i].weight, model.W_k[i].weight, model.W_v[i].weight))
        layer.self_attn.load_state_dict(
            {
                "in_proj_weight": projections,
                "in_proj_bias": torch.zeros(3 * d),
                "out_proj.weight": model.W_o[i].weight,
                "out_proj.bias": torch.zeros(d),
            }
        )
        layer.linear1.load_state_dict(model.mlp_up[i].state_dict())
        layer.linear2.load_state_dict(model.mlp_down[i].state_dict())
        layer.norm1.load_state_dict({"weight": model.attention_gamma[i], "bias": model.attention_beta[i]})
        layer.norm2.load_state_dict({"weight": model.mlp_gamma[i], "bias": model.mlp_beta[i]})
        if not layer_norm:
            layer.norm1, layer.norm2 = nn.Identity(), nn.Identity()
        layers.append(layer)
    return layers


def expected_hidden_states(model: Any, ids: Tensor, n_heads: int, layer_norm: bool = True) -> Tensor:
    T = ids.shape[1]
    later = torch.ones(T, T, dtype=torch.bool).triu(1)  # True = must not attend
    x = F.embedding(ids, model.embedding.weight) + model.pos_embedding.weight[:T]
    for layer in encoder_layers(model, n_heads, layer_norm):
        x = layer(x, src_mask=later)
    return x


shapes = {"B": st.integers(1, 3), "T": st.integers(1, 9), "num_layers": st.integers(1, 3), "seed": seeds}


@examples
@given(**shapes, hidden_dim=st.integers(2, 12))
def test_transformer_equals_encoder_layers(B: int, T: int, num_layers: int, seed: int, hidden_dim: int) -> None:
    """Protects Q1 and Q2: with weights re-packed, Transformer is PyTorch's stack of layers with a causal mask."""
    model = build(notebook.Transformer, 11, hidden_dim, 9, seed=seed, num_layers=num_layers)
    ids = random_ids(11, B, T, seed=seed)
    torch.testing.assert_close(model(ids), expected_hidden_states(model, ids, n_heads=1), rtol=0, atol=1e-10)


@examples
@given(**shapes, num_heads=st.integers(1, 4), head_dim=st.integers(1, 5))
def test_multi_head_equals_encoder_layers(
    B: int, T: int, num_layers: int, seed: int, num_heads: int, head_dim: int
) -> None:
    """Protects Q3: each head attends on its own and the heads keep their order, as in nn.MultiheadAttention."""
    d = num_heads * head_dim
    model = build(notebook.MultiHeadTransformer, 11, d, 9, seed=seed, num_heads=num_heads, num_layers=num_layers)
    ids = random_ids(11, B, T, seed=seed)
    torch.testing.assert_close(model(ids), expected_hidden_states(model, ids, num_heads), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name, n_heads", [("Transformer", 1), ("MultiHeadTransformer", 4)])
def test_question_1_without_question_2(name: str, n_heads: int) -> None:
    """Protects Q1 apart from Q2: with the template's layer_norm the solution is the same stack without any norm."""
    cls = type(name, (getattr(notebook, name),), {"layer_norm": template.Transformer.layer_norm})
    model, ids = build(cls, 11, 12, 9, seed=1), random_ids(11, 2, 7, seed=1)
    expected = expected_hidden_states(model, ids, n_heads, layer_norm=False)
    torch.testing.assert_close(model(ids), expected, rtol=1e-10, atol=1e-10)
    if name == "Transformer":
        without = build(notebook.WithoutLayerNorm, 11, 12, 9, seed=1)
        assert torch.equal(without(ids), model(ids))


@examples
@given(seed=seeds, scale=st.sampled_from([1e-3, 1.0, 1e3]), d=st.integers(2, 9))
def test_layer_norm_equals_pytorch(seed: int, scale: float, d: int) -> None:
    """Protects Q2: biased variance over the last axis, ε = 1e-5 under the root, gain and shift for each element."""
    x, gamma, beta = torch.randn(9, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).split(
        (7, 1, 1)
    )
    x = scale * x[None] + 3  # (1, 7, d)
    model = build(notebook.Transformer, 11, d, 9, seed=0)
    expected = F.layer_norm(x, (d,), gamma[0], beta[0], eps=1e-5)
    torch.testing.assert_close(model.layer_norm(x, gamma[0], beta[0]), expected, rtol=0, atol=1e-10)


def test_interface() -> None:
    """Protects what the binding relies on: signatures, defaults, parts, no biases in the attention."""
    single, several = notebook.Transformer, notebook.MultiHeadTransformer
    assert issubclass(several, single)
    assert (
        str(inspect.signature(single))
        == "(vocab_size: int, hidden_dim: int, context_len: int, num_layers: int = 2) -> None"
    )
    assert list(inspect.signature(several).parameters)[3:] == ["num_heads", "num_layers"]
    model = build(several, 11, 12, 9, seed=0)
    assert (model.num_heads, model.head_dim, model.num_layers) == (4, 3, 2)
    assert (model.embedding.weight.shape, model.pos_embedding.weight.shape) == ((11, 12), (9, 12))
    assert [linear.bias for group in (model.W_q, model.W_k, model.W_v, model.W_o) for linear in group] == [None] * 8
    assert model.mlp_up[0].weight.shape == (48, 12) and model.mlp_down[0].bias.shape == (12,)
    with pytest.raises(ValueError, match="multiple of num_heads"):
        build(several, 11, 10, 9, seed=0)
    with pytest.raises(ValueError, match="10 tokens, but context_len is 9"):
        model(random_ids(11, 1, 10, seed=0))


def test_class_cell_stands_alone() -> None:
    """Protects transformers.py: the cell runs by itself, defines both classes and imports nothing but torch and math."""
    for source in (SOLUTION, cut(SOLUTION)):
        cell = class_cell(source)
        imports = [node for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Import | ast.ImportFrom)]
        roots = {
            (node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
            for node in imports
        }
        assert roots == {"math", "torch"}
        namespace: dict[str, Any] = {"__name__": "transformers"}
        exec(cell, namespace)
        assert {"Transformer", "MultiHeadTransformer"} <= set(namespace)


def test_template_says_what_is_missing() -> None:
    """Protects the hand-out: every question's code is cut out, and a run stops at it with the question's number."""
    ids, arguments = torch.zeros(1, 2, dtype=torch.int64), ("a", 3, CPU)
    with torch.random.fork_rng(devices=[]):
        single, several = template.Transformer(11, 12, 9), template.MultiHeadTransformer(11, 12, 9)
    x = torch.arange(24.0).view(1, 2, 12)
    assert single.layer_norm(x, 2 * torch.ones(12), torch.ones(12)) is x
    tokenizer = template.WordTokenizer(["a b"])
    for question, call in {
        "Q1: finish": lambda: single(ids),
        "Q1: write": lambda: single.attention(x, 0),
        "Q3": lambda: several.attention(x, 0),
        "Q4": lambda: template.generate(None, tokenizer, *arguments),
        "E1": lambda: template.nucleus_sampling_generate(None, tokenizer, *arguments),
    }.items():
        with pytest.raises(NotImplementedError, match=question):
            call()


def test_language_model_ties_its_output_to_the_embedding() -> None:
    """Protects TransformerLM: logits are h Eᵀ with the input's own matrix, and no parameter is added."""
    transformer = build(notebook.MultiHeadTransformer, 11, 12, 9, seed=3)
    model, ids = notebook.TransformerLM(transformer), random_ids(11, 2, 7, seed=3)
    expected = F.linear(expected_hidden_states(transformer, ids, 4), transformer.embedding.weight)
    torch.testing.assert_close(model(ids), expected, rtol=0, atol=1e-10)
    assert len(list(model.parameters())) == len(list(transformer.parameters()))


DOCUMENTS = ["the cat sat on the mat", "on and on", "the dog, the cat", "a 5 + 5 = 10"]


@examples
@given(context_len=st.integers(1, 9), batch_size=st.integers(1, 5), n_documents=st.integers(1, 4))
def test_perplexity_is_the_mean_over_all_tokens(context_len: int, batch_size: int, n_documents: int) -> None:
    """Protects windows and evaluate: token by token with its window's past, padding and batches change nothing."""
    tokenizer = notebook.WordTokenizer(DOCUMENTS)
    windows = notebook.make_windows(DOCUMENTS[:n_documents], tokenizer, context_len)
    model = notebook.TransformerLM(build(notebook.Transformer, len(tokenizer), 6, context_len, seed=4)).train()
    stream = [token for document in DOCUMENTS[:n_documents] for token in [*tokenizer.encode(document), 1]]
    total = 0.0
    for i in range(1, len(stream)):
        start = (i - 1) // context_len * context_len
        logits = model(torch.tensor([stream[start:i]]))[0, -1]
        total += (logits.logsumexp(0) - logits[stream[i]]).item()
    expected = math.exp(total / (len(stream) - 1))
    assert notebook.evaluate(model, windows, CPU, batch_size) == pytest.approx(expected, rel=1e-10)
    assert model.training  # the mode is left alone


def test_training_learns_and_saving_keeps_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects train, save and load: a cycle of words is learned, and the file brings the same perplexity back."""
    tokenizer = notebook.WordTokenizer(["one two three four five"])
    windows = notebook.make_windows(["one two three four five"] * 40, tokenizer, 8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = notebook.TransformerLM(notebook.Transformer(len(tokenizer), 16, 8))
        other = notebook.TransformerLM(notebook.Transformer(len(tokenizer), 16, 8))
    losses = notebook.train(model, windows, windows, CPU, epochs=20, learning_rate=1e-2, batch_size=8)
    assert len(losses) == 20 * 4 and not model.training
    perplexity = notebook.evaluate(model, windows, CPU)
    assert losses[0] > 1.5 and perplexity < 1.2
    assert f"dev perplexity {perplexity:.2f}" in capsys.readouterr().out
    notebook.save(model, str(tmp_path / "model.pt"))
    assert notebook.evaluate(notebook.load(other, str(tmp_path / "model.pt"), CPU), windows, CPU) == perplexity


class DigitTokenizer:
    """Texts are ids in words: "3 0 2"."""

    eos_token_id = 1

    def encode(self, text: str) -> list[int]:
        return [int(word) for word in text.split()]

    def decode(self, ids: list[int]) -> str:
        return " ".join(map(str, ids))


V = 6


def hashed_logits(window: tuple[int, ...]) -> list[float]:
    """V numbers in [0, 4) that any change of the window, its length or its order changes."""
    digest = hashlib.sha256(repr(window).encode()).digest()
    return [int.from_bytes(digest[4 * v : 4 * v + 4], "big") / 2**30 for v in range(V)]


class HashModel:
    """Logits at each position are a hash of the window so far; refuses a window that is too long."""

    def __init__(self, context_len: int) -> None:
        self.context_len = context_len

    def __call__(self, ids: Tensor) -> Tensor:
        B, T = ids.shape
        assert B == 1 and 0 < T <= self.context_len
        return torch.tensor([[hashed_logits(tuple(ids[0, : t + 1].tolist())) for t in range(T)]])  # (1, T, V)


@pytest.mark.parametrize("start", ["", "4", "3 0 2 2 5"])
@pytest.mark.parametrize("n_tokens, context_len", [(0, 4), (7, 4), (7, 1), (3, 20)])
def test_generation_continues_with_the_last_context_len_tokens(start: str, n_tokens: int, context_len: int) -> None:
    """Protects the loops of Q4 and E1, past the context length too: nearly greedy, they follow the argmax by hand."""
    expected = [int(word) for word in start.split()] or [1]
    for _ in range(n_tokens):
        logits = hashed_logits(tuple(expected[-context_len:]))
        expected.append(logits.index(max(logits)))
    arguments = (HashModel(context_len), DigitTokenizer(), start, n_tokens, CPU)
    text = DigitTokenizer().decode(expected)
    with torch.random.fork_rng(devices=[]):
        assert notebook.generate(*arguments, temperature=1e-5) == text
        assert notebook.nucleus_sampling_generate(*arguments, p=1e-6) == text
        assert notebook.nucleus_sampling_generate(*arguments, p=1.0, temperature=1e-5) == text


class FixedModel:
    """The same logits, whatever the text."""

    context_len = 1

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    def __call__(self, ids: Tensor) -> Tensor:
        return self.logits.view(1, 1, -1)


LOGITS = torch.tensor([0.3, -1.9, 1.4, 0.9, -0.5, -1.2, 0.0])
N = 20_000


def draws(function: Any, seed: int = 0, **options: float) -> Tensor:
    """Count what N draws gave: (V,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text = function(FixedModel(LOGITS), DigitTokenizer(), "0", N, CPU, **options)
    return torch.tensor([int(word) for word in text.split()[1:]]).bincount(minlength=len(LOGITS)).double()


def p_value(observed: Tensor, probabilities: Tensor) -> float:
    """Pearson's chi-square test over the possible tokens; 0 if an impossible one occurred."""
    possible = probabilities > 0
    if observed[~possible].any():
        return 0.0
    expected = N * probabilities[possible]
    assert expected.min() >= 100
    statistic = ((observed[possible] - expected) ** 2 / expected).sum()
    return float(torch.special.gammaincc(torch.tensor((len(expected) - 1) / 2).double(), statistic / 2))


@pytest.mark.parametrize("temperature", [0.8, 1.0, 2.0])
def test_generate_draws_from_the_tempered_softmax(temperature: float) -> None:
    """Protects equation 10. Null hypothesis: N = 20,000 draws follow softmax(e / τ); α = 1e-6."""
    observed = draws(notebook.generate, temperature=temperature)
    assert p_value(observed, (LOGITS.double() / temperature).softmax(0)) > 1e-6
    if temperature != 1:
        assert p_value(observed, LOGITS.double().softmax(0)) < 1e-6


@pytest.mark.parametrize("p, temperature, kept", [(0.9, 1.0, 5), (0.9, 2.0, 6), (0.5, 1.0, 2), (1.0, 1.0, 7)])
def test_nucleus_sampling_draws_from_the_nucleus(p: float, temperature: float, kept: int) -> None:
    """Protects E1 against transformers' filter. Null hypothesis: N = 20,000 draws follow what it leaves; α = 1e-6."""
    logits = LOGITS.double()[None] / temperature
    nucleus = TopPLogitsWarper(p)(None, logits) if p < 1 else logits
    probabilities = nucleus[0].softmax(0)
    assert int((probabilities > 0).sum()) == kept
    observed = draws(notebook.nucleus_sampling_generate, p=p, temperature=temperature)
    assert p_value(observed, probabilities) > 1e-6
    if p == 0.9 and temperature == 1:  # the defaults
        assert torch.equal(draws(notebook.nucleus_sampling_generate), observed)


def test_sampling_refuses_what_makes_no_sense() -> None:
    """Protects the given lines: temperatures and p out of their range are named before anything is drawn."""
    arguments = (FixedModel(LOGITS), DigitTokenizer(), "0", 1, CPU)
    for function in (notebook.generate, notebook.nucleus_sampling_generate):
        with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
            function(*arguments, temperature=0)
    for p in (0, 1.5):
        with pytest.raises(ValueError, match=f"p must be above 0 and at most 1, got {p}"):
            notebook.nucleus_sampling_generate(*arguments, p=p)


@examples
@given(text=st.text(st.sampled_from("ab_1é .,?\n"), max_size=30))
def test_word_tokenizer_equals_tokenizers(text: str) -> None:
    """Protects the tokenizer: Hugging Face's word-level model with the same vocabulary gives the same ids."""
    ours = notebook.WordTokenizer(["a b, a. ab ab ab", "é ?"], max_vocabulary=8)
    assert ours.vocabulary[:4] == ["<unk>", "<eos>", "ab", "a"] and len(ours) == ours.vocab_size == 8
    vocabulary = {word: i for i, word in enumerate(ours.vocabulary)}
    theirs = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    theirs.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|[^\w\s]"), "removed", invert=True)
    assert ours.encode(text) == ours(text)["input_ids"] == theirs.encode(text).ids
    assert ours.decode(ours.encode("a b, ?")) == "a b , <unk>"


def invent(rng: random.Random) -> str:
    return f"number {rng.random()}"


def load(name: str) -> dict[str, list[str]]:
    return notebook.load_corpus(name, invent)


def test_corpora_are_read_from_all_their_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the loader: folder, archive with macOS's additions, single file; a missing split is named."""
    monkeypatch.chdir(tmp_path)
    expected = {"train": ["a b", "c"], "dev": ["d"], "test": ["e"]}
    with zipfile.ZipFile("zipped.zip", "w") as archive:
        archive.writestr("__MACOSX/inner/._train.txt", b"\xff\xfe")
        for stem, split in {"train": "train", "validation": "dev", "test": "test"}.items():
            archive.writestr(f"inner/{stem}.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in expected[split]))
    assert load("zipped") == expected
    Path("folder").mkdir()
    for split, documents in expected.items():
        Path("folder", f"{split}.txt").write_text("\n\n".join(documents) + "\n", encoding="utf-8")
    assert load("folder") == expected
    Path("folder", "dev.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"folder has no .* 'dev\|val'"):
        load("folder")
    Path("single.txt").write_text("\n \n".join(f"{i}:\nline  {i}" for i in range(20)), encoding="utf-8")
    single = load("single")
    assert [len(documents) for documents in single.values()] == [16, 2, 2]
    assert single["dev"] == ["16: line 16", "17: line 17"]


def test_missing_corpora_are_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the run without data: said in words, the same each time, with all words of the prompts in it."""
    monkeypatch.chdir(tmp_path)
    assert load("absent") == load("absent")
    assert "so the text is generated" in capsys.readouterr().out
    web = notebook.load_corpus("absent", notebook.invent_web_text)
    tokenizer = notebook.WordTokenizer(web["train"])
    assert [prompt for prompt in notebook.PROMPTS if 0 in tokenizer.encode(prompt)] == []


def run_notebook(folder: Path) -> str:
    """Run the solution top to bottom in a folder; return what it printed."""
    (folder / SOURCE.name).write_text(SOLUTION, encoding="utf-8")
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": "default", "OMP_NUM_THREADS": "1"}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [sys.executable, SOURCE.name], cwd=folder, env=environment, capture_output=True, text=True, timeout=290
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def check_training(printed: str, n_trainings: int) -> None:
    losses = [float(loss) for loss in re.findall(r"^epoch \d+: loss ([\d.]+)", printed, re.MULTILINE)]
    assert len(losses) == 3 * n_trainings
    assert all(losses[3 * i] > 1.2 * losses[3 * i + 2] for i in range(n_trainings)), losses


@pytest.mark.slow
def test_notebook_runs_without_any_data(tmp_path: Path) -> None:
    """Protects the notebook as a whole: on a CPU, from nothing, every model learns, and fine-tuning pays."""
    printed = run_notebook(tmp_path)
    check_training(printed, n_trainings=5)
    as_it_is, scratch, fine_tuned = map(
        float, re.findall(r"^Shakespeare dev.*perplexity ([\d.]+)", printed, re.MULTILINE)
    )
    before, after = map(float, re.findall(r"^Pile dev.*perplexity ([\d.]+)", printed, re.MULTILINE))
    assert fine_tuned < as_it_is and scratch < as_it_is and before < after
    assert printed.count("\n- ") == 4 + 4 + 8
    assert "Q7 is skipped" in printed


@pytest.mark.slow
def test_notebook_runs_with_files_and_gpt2(tmp_path: Path) -> None:
    """Protects the real thing: corpora from files, and GPT-2 from a folder although a transformers.py lies beside."""
    rng = random.Random(1)
    for name, invent_document in {
        "pile": notebook.invent_web_text,
        "tiny_shakespeare": notebook.invent_dialogue,
    }.items():
        (tmp_path / name).mkdir()
        for split, n_documents in {"train": 600, "dev": 40, "test": 20}.items():
            documents = [invent_document(rng) for _ in range(n_documents)]
            (tmp_path / name / f"{split}.txt").write_text("\n".join(documents), encoding="utf-8")
    (tmp_path / "transformers.py").write_text(class_cell(SOLUTION), encoding="utf-8")
    words = notebook.WordTokenizer([notebook.invent_dialogue(rng) for _ in range(200)]).vocabulary
    fast = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    fast.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|[^\w\s]"), "removed", invert=True)
    PreTrainedTokenizerFast(tokenizer_object=fast, unk_token="<unk>", eos_token="<eos>").save_pretrained(
        tmp_path / "gpt2"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = GPT2Config(vocab_size=len(words), n_positions=16, n_embd=16, n_layer=1, n_head=2)
        GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    printed = run_notebook(tmp_path)
    assert "generated" not in printed and "pile: 600 train, 40 dev, 20 test documents" in printed
    as_it_is, fine_tuned = map(float, re.findall(r"^GPT-2.*: perplexity ([\d.]+)", printed, re.MULTILINE))
    assert fine_tuned < as_it_is
    assert printed.count("\n- GPT-2:") == printed.count("\n- fine-tuned:") == 8
    assert (tmp_path / "gpt2-shakespeare" / "model.safetensors").is_file()
