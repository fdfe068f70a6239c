"""The solved notebook of mit_dialoguegpt, class by class against implementations that share no code with it."""

import ast
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import nltk.tokenize
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

SOURCE = Path(__file__).parents[3] / "reference" / "homeworks" / "mit_dialoguegpt" / "source" / "homework3.py"
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.Try)
examples = settings(derandomize=True, deadline=None, database=None, max_examples=30)
seeds = st.integers(0, 2**32)


def code_cells() -> list[ast.Module]:
    cells = SOURCE.read_text(encoding="utf-8").split("\n# %%")
    return [ast.parse(cell) for cell in cells if not cell.lstrip("# %").startswith("[markdown]")]


def without_data(text: str, *, preserve_line: bool = False) -> list[str]:
    """NLTK's word_tokenize as it is on a machine without the data for splitting sentences."""
    if not preserve_line:
        raise LookupError("punkt_tab")
    return nltk.tokenize.NLTKWordTokenizer().tokenize(text)


def definitions() -> dict[str, Any]:
    """Execute the cells that hold only imports, definitions and assignments: nothing that trains, draws or reads."""
    namespace: dict[str, Any] = {"__name__": "homework3"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nltk.tokenize, "word_tokenize", without_data)
        for cell in code_cells():
            statements = cell.body[1:] if ast.get_docstring(cell) else cell.body
            if all(isinstance(statement, DEFINITIONS) for statement in statements):
                exec(compile(cell, str(SOURCE), "exec"), namespace)
    return namespace


mit = SimpleNamespace(**definitions())


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    """Equal up to rounding in float64, NaN nowhere, the dtype kept."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)
    assert actual.isfinite().all()


def normal(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def build(name: str, *args: Any, generator: torch.Generator, **kwargs: Any) -> Any:
    """Make a float64 module with weights of order 1/√width, and biases, gains and embeddings of order 1."""
    with torch.random.fork_rng(devices=[]):
        module = getattr(mit, name)(*args, **kwargs).double()
    for key, parameter in module.named_parameters():
        is_matrix = key.endswith("weight") and parameter.dim() > 1 and "embedding" not in key
        scale = parameter[0].numel() ** -0.5 if is_matrix else 1.0
        parameter.data = scale * normal(*parameter.shape, generator=generator)
    return module


class Case(NamedTuple):
    x: Tensor  # (B, T, dim)
    mask: Tensor | None  # (B, T, T)
    allowed: Tensor  # (B, T, T) bool: the mask in force
    sizes: dict[str, int]
    generator: torch.Generator


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw tokens, and no mask or one of any dtype that differs from example to example and leaves no row empty."""
    B, T, dim, n_hidden, num_heads = (draw(st.integers(1, n)) for n in (3, 6, 7, 5, 4))
    generator = torch.Generator().manual_seed(draw(seeds))
    allowed = (torch.rand(B, T, T, generator=generator) < 0.4) | (torch.arange(T) == draw(st.integers(0, T - 1)))
    kind = draw(st.sampled_from([None, torch.bool, torch.int64, torch.float32]))
    mask, allowed = (None, torch.ones_like(allowed)) if kind is None else (allowed.to(kind), allowed)
    sizes = {"dim": dim, "n_hidden": n_hidden, "num_heads": num_heads}
    return Case(normal(B, T, dim, generator=generator), mask, allowed, sizes, generator)


def pytorchs_head(head: Any, case: Case) -> tuple[Tensor, Tensor]:
    """PyTorch's attention with the weights of a head: its output and, by values that are a unit matrix, its weights."""
    query, key, value = (F.linear(case.x, layer.weight, layer.bias) for layer in (head.W_Q, head.W_K, head.W_V))
    unit = torch.eye(case.x.shape[1], dtype=torch.float64).expand(len(case.x), -1, -1)
    out, alpha = (F.scaled_dot_product_attention(query, key, v, attn_mask=case.allowed) for v in (value, unit))
    return out, alpha


@examples
@given(case=cases())
def test_head_equals_pytorchs_attention(case: Case) -> None:
    """Protects 2(a): output and weights, biases included, with masks of any dtype; forbidden weights are exactly 0."""
    head = build("AttentionHead", case.sizes["dim"], case.sizes["n_hidden"], generator=case.generator)
    before = case.x.clone()
    out, alpha = head(case.x, case.mask)
    expected_out, expected_alpha = pytorchs_head(head, case)
    assert_equal(out, expected_out)
    assert_equal(alpha, expected_alpha)
    assert (alpha[~case.allowed] == 0).all()
    assert torch.equal(case.x, before)


@examples
@given(case=cases())
def test_heads_equal_pytorchs_attention(case: Case) -> None:
    """Protects 2(b) where the heads are not dim / num_heads wide: each head by itself, in order, then W_O."""
    module = build("MultiHeadedAttention", **case.sizes, generator=case.generator)
    out, alphas = module(case.x, case.mask)
    results = [pytorchs_head(head, case) for head in module.heads]
    concatenated = torch.cat([head_out for head_out, _ in results], dim=-1)
    assert_equal(out, F.linear(concatenated, module.W_O.weight, module.W_O.bias))
    assert_equal(alphas, torch.stack([alpha for _, alpha in results], dim=1))
    n_parameters = case.sizes["num_heads"] * 3 * (case.sizes["dim"] + 1) * case.sizes["n_hidden"]
    n_parameters += (case.sizes["num_heads"] * case.sizes["n_hidden"] + 1) * case.sizes["dim"]
    assert sum(parameter.numel() for parameter in module.parameters()) == n_parameters


def packed(module: Any) -> dict[str, Tensor]:
    """The weights of MultiHeadedAttention in the layout of nn.MultiheadAttention, which needs dim = heads · width."""
    layers = [getattr(head, name) for name in ("W_Q", "W_K", "W_V") for head in module.heads]
    return {
        "in_proj_weight": torch.cat([layer.weight for layer in layers]).detach(),
        "in_proj_bias": torch.cat([layer.bias for layer in layers]).detach(),
        "out_proj.weight": module.W_O.weight.detach(),
        "out_proj.bias": module.W_O.bias.detach(),
    }


def pytorchs_layers(transformer: Any, x: Tensor, forbidden: Tensor | None) -> tuple[Tensor, Tensor]:
    """Run nn.TransformerEncoderLayer with the weights of each layer; return the last output and all weights.

    The layers of the homework normalise in the feed-forward network only, so the first LayerNorm is the identity. In
    eval mode PyTorch would want its attributes for a fused kernel; with dropout 0, train mode computes the same.
    """
    weights = []
    for layer in transformer.layers:
        n_heads, dim = len(layer.attn.heads), x.shape[-1]
        norm, up, _, down = layer.ffn.net
        options: dict[str, Any] = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        with torch.random.fork_rng(devices=[]):
            judge = nn.TransformerEncoderLayer(dim, n_heads, up.out_features, dtype=torch.float64, **options)
        judge.self_attn.load_state_dict(packed(layer.attn))
        judge.norm1 = nn.Identity()
        for theirs, ours in ((judge.norm2, norm), (judge.linear1, up), (judge.linear2, down)):
            theirs.load_state_dict(ours.state_dict())
        mask = None if forbidden is None else forbidden.repeat_interleave(n_heads, dim=0)  # (B · heads, T, T)
        weights.append(judge.self_attn(x, x, x, attn_mask=mask, average_attn_weights=False)[1])
        x = judge(x, src_mask=mask)
    return x, torch.stack(weights, dim=1)


@examples
@given(case=cases(), num_layers=st.integers(1, 3), mlp_dim=st.integers(1, 9))
def test_transformer_equals_pytorchs_layers(case: Case, num_layers: int, mlp_dim: int) -> None:
    """Protects 2(c) and what is given with it: residual sums, LayerNorm and exact GELU, the weights of all layers."""
    n_heads, n_hidden = case.sizes["num_heads"], case.sizes["n_hidden"]
    sizes = (n_heads * n_hidden, n_hidden, mlp_dim, n_heads, num_layers)
    module = build("Transformer", *sizes, generator=case.generator)
    x = normal(*case.x.shape[:2], n_heads * n_hidden, generator=case.generator)
    out, alphas = module(x, case.mask, return_attn=True)
    expected_out, expected_alphas = pytorchs_layers(module, x, None if case.mask is None else ~case.allowed)
    assert_equal(out, expected_out)
    assert_equal(alphas, expected_alphas)
    again, nothing = module(x, case.mask)
    assert torch.equal(again, out) and nothing is None


images = {"B": st.integers(1, 3), "side": st.integers(1, 4), "patch_size": st.integers(1, 3), "C": st.integers(1, 3)}


@examples
@given(**images, nout=st.integers(1, 6), seed=seeds)
def test_patches_equal_unfold(B: int, side: int, patch_size: int, C: int, nout: int, seed: int) -> None:
    """Protects 3(a): order of the patches, bias, and the two attributes."""
    generator = torch.Generator().manual_seed(seed)
    module = build("PatchEmbed", side * patch_size, patch_size, C, nout, generator=generator)
    x = normal(B, C, side * patch_size, side * patch_size, generator=generator)
    columns = F.unfold(x, patch_size, stride=patch_size).transpose(1, 2)  # (B, num_patches, C · P · P)
    assert_equal(module(x), F.linear(columns, module.projection.weight.flatten(1), module.projection.bias))
    assert (module.img_size, module.num_patches) == (side * patch_size, side**2)


def test_patches_refuse_other_sizes() -> None:
    """Protects against silent cropping: a size that does not fit raises, and the message names both numbers."""
    with pytest.raises(ValueError, match=r"got 3 and 8"):
        mit.PatchEmbed(8, 3, 3, 5)
    module = build("PatchEmbed", 8, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r"size 8, got \(8, 12\)"):
        module(torch.zeros(1, 3, 8, 12, dtype=torch.float64))


@torch.no_grad()
def test_vision_transformer_equals_pytorchs_layers() -> None:
    """Protects the given model: positions before the class token, which stands in front and is what is classified."""
    generator = torch.Generator().manual_seed(0)
    sizes = {"dim": 12, "attn_dim": 4, "mlp_dim": 7, "num_heads": 3, "num_layers": 2}
    model = build("VisionTransformer", n_channels=2, nout=5, img_size=6, patch_size=2, **sizes, generator=generator)
    img = normal(4, 2, 6, 6, generator=generator)
    projection = model.patch_embed.projection
    patches = F.linear(F.unfold(img, 2, stride=2).mT, projection.weight.flatten(1), projection.bias)
    first = model.class_token.expand(4, 1, 12)
    hidden, weights = pytorchs_layers(model.transformer, torch.cat((first, patches + model.position), dim=1), None)
    norm, head = model.head
    expected = F.linear(F.layer_norm(hidden[:, 0], (12,), norm.weight, norm.bias), head.weight, head.bias)
    out, alphas = model(img, return_attn=True)
    assert_equal(out, expected)
    assert_equal(alphas, weights)
    assert model(img)[1] is None


def test_cifar_is_read(tmp_path: Path) -> None:
    """Protects the loader: label first, then red, green and blue planes in reading order, files one after the other."""
    rng = np.random.default_rng(0)
    labels, pixels = rng.integers(10, size=5), rng.integers(256, size=(5, 3, 32, 32))
    for name, part in (("a.bin", slice(0, 3)), ("b.bin", slice(3, 5))):
        records = [bytes([labels[i]]) + pixels[i].astype(np.uint8).tobytes() for i in range(5)[part]]
        (tmp_path / name).write_bytes(b"".join(records))
    images, read_labels = mit.read_cifar([tmp_path / "a.bin", tmp_path / "b.bin"])[:]
    assert read_labels.tolist() == labels.tolist()
    assert torch.equal(images, torch.tensor(pixels, dtype=torch.float32) / 255)


def test_generated_images_are_like_cifar() -> None:
    """Protects the stand-in for CIFAR-10: same shapes and range, all ten classes, the same ones every time."""
    pixels, labels = mit.generated_images(200, seed=3)[:]
    assert (pixels.shape, pixels.dtype, labels.dtype) == ((200, 3, 32, 32), torch.float32, torch.int64)
    assert 0 <= pixels.min() < pixels.max() <= 1 and set(labels.tolist()) == set(range(10))
    assert torch.equal(pixels, mit.generated_images(200, seed=3)[:][0])


def test_generated_dialogues_are_like_the_real_text() -> None:
    """Protects the stand-in for input.txt: blocks that start with a speaker; who speaks decides what is missed."""
    text = mit.generated_dialogues(100, seed=3)
    assert text == mit.generated_dialogues(100, seed=3)
    blocks = [block.strip().split("\n") for block in text.split("\n\n")]
    assert len(blocks) == 100 and all(speaker.endswith(":") and len(lines) == 4 for speaker, *lines in blocks)
    missed = {(speaker, lines[1].split(" in the ")[0]) for speaker, *lines in blocks}
    assert len(missed) == len({speaker for speaker, _ in missed}) == 5


TEXT = "Nurse:\nDon't weep, child! Who's there?\n\nFool:\nAn owl; a \"wise\" owl. It weeps.\nFarewell."


@examples
@given(text=st.lists(st.sampled_from([*TEXT.split(), "bear", "unheard-of"]), max_size=8).map(" ".join))
def test_tokenizer_equals_tokenizers(text: str) -> None:
    """Protects 4(a): ids and the way back are those of Hugging Face's word-level model on NLTK's words."""
    tokenizer = mit.MyTokenizer(TEXT)
    words = [word for line in TEXT.split("\n") for word in nltk.tokenize.NLTKWordTokenizer().tokenize(line)]
    vocabulary = {token: id for id, token in enumerate(["<START>", "<PAD>", "<UNK>", *sorted(set(words))])}
    judge = Tokenizer(models.WordLevel(vocabulary, unk_token="<UNK>"))
    judge.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    expected = judge.encode(" ".join(["<START>", *nltk.tokenize.NLTKWordTokenizer().tokenize(text)]))
    ids = tokenizer.encode(text)
    assert ids == expected.ids and len(tokenizer) == len(vocabulary)
    decoded = judge.decode(expected.ids, skip_special_tokens=False)
    for form in (ids, np.array(ids), torch.tensor(ids)):
        assert tokenizer.decode(form) == decoded


def test_tokenizer_without_nltks_data_knows_every_word() -> None:
    """Protects the fallback: a dialogue's words are the same in the text and by themselves, so none is unknown."""
    dialogues = TEXT.split("\n\n")
    assert mit.word_tokenize(TEXT) == [word for dialogue in dialogues for word in mit.word_tokenize(dialogue)]
    tokenizer = mit.MyTokenizer(TEXT)
    assert all(tokenizer.unk_id not in tokenizer.encode(dialogue) for dialogue in dialogues)


def test_batches_are_padded_to_the_right() -> None:
    """Protects 4(b): ids, padding id 1, mask 1 = token, and the cut to max_N tokens."""
    dataset = mit.DialogueDataset(["a b c d e", "a b", ""], mit.MyTokenizer("a b c d"), max_N=5)
    batch = dataset.collate([dataset[i] for i in range(len(dataset))])
    assert batch["input_ids"].tolist() == [[0, 3, 4, 5, 6], [0, 3, 4, 1, 1], [0, 1, 1, 1, 1]]
    assert batch["input_mask"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def build_gpt() -> Any:
    sizes = {"max_N": 9, "dim": 12, "attn_dim": 4, "mlp_dim": 7, "num_heads": 3, "num_layers": 2}
    return build("DialogueGPT", vocab_size=11, **sizes, generator=torch.Generator().manual_seed(0))


def gpt2_twin(model: Any) -> GPT2LMHeadModel:
    """Build transformers' GPT-2 with the same weights; its first LayerNorm of each block is the identity."""
    options: dict[str, Any] = {
        "vocab_size": 11,
        "n_positions": 9,
        "n_embd": 12,
        "n_layer": 2,
        "n_head": 3,
        "n_inner": 7,
    }
    options |= {"activation_function": "gelu", "tie_word_embeddings": False, "attn_implementation": "eager"}
    options |= {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "bos_token_id": None, "eos_token_id": None}
    with torch.random.fork_rng(devices=[]):
        twin = GPT2LMHeadModel(GPT2Config(**options)).double().eval()
    norm, twin.lm_head = model.head
    twin.transformer.ln_f.load_state_dict(norm.state_dict())
    twin.transformer.wte.weight.data = model.token_embedding.weight.data
    twin.transformer.wpe.weight.data = model.position_embedding.weight.data
    for theirs, ours in zip(twin.transformer.h, model.transformer.layers, strict=True):
        attention, (norm, up, _, down) = packed(ours.attn), ours.ffn.net
        theirs.ln_1 = nn.Identity()
        theirs.ln_2.load_state_dict(norm.state_dict())
        for layer, weight, bias in (
            (theirs.attn.c_attn, attention["in_proj_weight"], attention["in_proj_bias"]),
            (theirs.attn.c_proj, attention["out_proj.weight"], attention["out_proj.bias"]),
            (theirs.mlp.c_fc, up.weight, up.bias),
            (theirs.mlp.c_proj, down.weight, down.bias),
        ):
            layer.load_state_dict({"weight": weight.T, "bias": bias})  # GPT-2's layers hold (in, out)
    return twin


@pytest.mark.parametrize("T", [1, 6, 9])
@torch.no_grad()
def test_gpt_equals_gpt2(T: int) -> None:
    """Protects 4(c): embeddings of tokens and positions, the causal mask, head; logits and weights of every layer."""
    model = build_gpt()
    ids = torch.randint(11, (4, T), generator=torch.Generator().manual_seed(1))
    logits, alphas = model(ids, return_attn=True)
    expected = gpt2_twin(model)(ids, output_attentions=True)
    assert_equal(logits, expected.logits)
    assert_equal(alphas, torch.stack(expected.attentions, dim=1))
    assert (alphas.triu(diagonal=1) == 0).all()
    assert model(ids)[1] is None


def test_gpt_refuses_more_than_max_n() -> None:
    """Protects the message for a sequence that is too long: it names both numbers."""
    with pytest.raises(ValueError, match=r"max_N = 9 tokens, got 10"):
        build_gpt()(torch.zeros(1, 10, dtype=torch.long))


@torch.no_grad()
def test_generate_equals_gpt2s_greedy_search() -> None:
    """Protects `generate`: the most likely token each time, for each text of a batch by itself."""
    model, start = build_gpt(), torch.tensor([[1, 2, 3], [4, 5, 6]])
    options = {"attention_mask": torch.ones_like(start), "do_sample": False, "pad_token_id": 0}
    assert torch.equal(model.generate(start, 6), gpt2_twin(model).generate(start, max_new_tokens=6, **options))
    assert torch.equal(model.generate(start, 0), start)


def test_generate_sees_the_last_max_n_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects texts longer than max_N: with logits that hash the whole window, any other window shows."""

    def most_likely(window: list[int]) -> int:
        return sum((position + 2) * token for position, token in enumerate(window)) % 11

    def forward(windows: Tensor) -> tuple[Tensor, None]:
        prefixes = [[window[: t + 1] for t in range(len(window))] for window in windows.tolist()]
        return F.one_hot(torch.tensor([[most_likely(prefix) for prefix in row] for row in prefixes]), 11), None

    model, ids = build_gpt(), [3, 1, 4]
    monkeypatch.setattr(model, "forward", forward)
    for _ in range(15):
        ids.append(most_likely(ids[-9:]))
    assert model.generate(torch.tensor([[3, 1, 4]]), 15).tolist() == [ids]
    assert len(set(ids)) > 5


@examples
@given(
    B=st.integers(1, 4), T=st.integers(2, 6), V=st.integers(2, 7), seed=seeds, kind=st.sampled_from(["long", "bool"])
)
def test_loss_equals_sum_over_tokens(B: int, T: int, V: int, seed: int, kind: str) -> None:
    """Protects 4(d): the shift, the padding left out, one mean over the batch; twice, by a loop and by F.cross_entropy.

    What stands at the last position or where nothing is predicted, NaN included, has no effect.
    """
    generator = torch.Generator().manual_seed(seed)
    lengths = [T, *torch.randint(1, T + 1, (B - 1,), generator=generator).tolist()]
    mask = torch.tensor([[1] * n + [0] * (T - n) for n in lengths])
    logits = normal(B, T, V, generator=generator).requires_grad_()
    ids = torch.randint(V, (B, T), generator=generator)
    loss = mit.DialogueLoss()(logits, ids, mask.to(getattr(torch, kind)))
    costs = []
    for b, n in enumerate(lengths):
        for t in range(1, n):
            scores = logits[b, t - 1].tolist()
            costs.append(math.log(sum(map(math.exp, scores))) - scores[ids[b, t]])
    assert float(loss.detach()) == pytest.approx(sum(costs) / len(costs), abs=1e-10)
    targets = ids.masked_fill(mask == 0, -100)[:, 1:]
    expected = F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, ignore_index=-100)
    assert_equal(loss, expected)
    gradient, expected_gradient = (torch.autograd.grad(value, logits)[0] for value in (loss, expected))
    assert_equal(gradient, expected_gradient)
    silent = torch.cat((mask[:, 1:] == 0, torch.ones(B, 1, dtype=torch.bool)), dim=1)[..., None]
    assert_equal(mit.DialogueLoss()(logits.masked_fill(silent, math.nan), ids, mask), loss)


@pytest.mark.slow
@pytest.mark.timeout(320)
def test_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """Protects the handout: in an empty folder, with default sizes, every cell runs and both models learn."""
    names = ["vit_losses", "vit_accuracies", "gpt_losses", "held_out_losses"]
    command = f"import json, runpy; g = runpy.run_path({str(SOURCE)!r}); print(json.dumps([g[n] for n in {names!r}]))"
    # one thread: on a busy machine, threads that wait for each other take many times as long
    chosen = {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "default", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    environment = os.environ | chosen
    result = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300
    )
    assert result.returncode == 0, result.stderr
    vit_losses, vit_accuracies, gpt_losses, held_out_losses = json.loads(result.stdout.splitlines()[-1])
    assert vit_losses[-1] < 0.5 * vit_losses[0] and vit_accuracies[-1] > 0.5
    assert gpt_losses[-1] < 0.5 * gpt_losses[0] and held_out_losses[-1] < 0.7 * held_out_losses[0]
    assert not list(tmp_path.iterdir())
