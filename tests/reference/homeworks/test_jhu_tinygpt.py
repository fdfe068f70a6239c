"""The reference notebook of jhu_tinygpt: its model against independent implementations, and the whole notebook run."""

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
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from reference.templates import cut
from reference.training.homework_code import notebook_definitions as load

SOURCE = Path(__file__).parents[3] / "reference" / "homeworks" / "jhu_tinygpt" / "source" / "Homework7.py"
TODO = ["Head.forward", "MultiHeadAttention.forward", "Block.forward", "TinyGPT.forward"]
SIZES: dict[str, Any] = {"n_embd": 12, "n_head": 3, "n_layer": 2, "block_size": 7, "dropout": 0.0, "vocab_size": 11}
KINDS = ("weight", "bias")
LARGEST_ERROR = 1e-10  # float64, values of order 1


jhu = load(SOURCE.read_text(encoding="utf-8"), **SIZES)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def build(make: Callable[[], nn.Module]) -> Any:
    """Make a module in float64 and eval mode; weights, biases and gains are far from their defaults."""
    with torch.random.fork_rng(devices=[]):
        module = make().double().eval()
    for i, parameter in enumerate(module.parameters()):
        parameter.data = 0.7 * normal(*parameter.shape, seed=i)
    return module


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype == torch.float64
    torch.testing.assert_close(actual, expected, rtol=0, atol=LARGEST_ERROR)


@pytest.mark.parametrize("T", [1, 4, 7])
@pytest.mark.parametrize("head_size", [1, 5])
def test_head_equals_torch(head_size: int, T: int) -> None:
    """Protects 1.i: the head is PyTorch's causal attention of its three projections, for any T up to block_size."""
    head, x = build(lambda: jhu.Head(head_size)), normal(2, T, 12, seed=50)
    q, k, v = (x @ layer.weight.T for layer in (head.query, head.key, head.value))
    assert_equal(head(x), F.scaled_dot_product_attention(q, k, v, is_causal=True))


def torch_attention(module: Any) -> nn.MultiheadAttention:
    """Build PyTorch's multi-head attention with the weights of ours, whose heads hold three layers each."""
    twin = build(lambda: nn.MultiheadAttention(12, len(module.heads), batch_first=True))
    layers = [getattr(head, name) for name in ("query", "key", "value") for head in module.heads]
    twin.in_proj_weight.data = torch.cat([layer.weight.data for layer in layers])
    twin.in_proj_bias.data.zero_()
    twin.out_proj.load_state_dict(module.proj.state_dict())
    return twin


def no_peeking(T: int) -> Tensor:
    """PyTorch's polarity: True = may not attend."""
    return torch.ones(T, T, dtype=torch.bool).triu(1)


@pytest.mark.parametrize("T", [1, 5, 7])
@pytest.mark.parametrize("n_head", [1, 3, 6])
def test_multi_head_attention_equals_torch(n_head: int, T: int) -> None:
    """Protects 1.ii: heads in their order along the features, then the projection."""
    module, x = build(lambda: jhu.MultiHeadAttention(n_head, 12 // n_head)), normal(2, T, 12, seed=50)
    expected, _ = torch_attention(module)(x, x, x, attn_mask=no_peeking(T), need_weights=False)
    assert_equal(module(x), expected)


def test_heads_may_be_of_any_width() -> None:
    """Protects the projection: the width of all heads together need not be that of a token."""
    module, x = build(lambda: jhu.MultiHeadAttention(2, 5)), normal(2, 4, 12, seed=50)
    left, right = (head(x) @ module.proj.weight[:, i : i + 5].T for head, i in zip(module.heads, (0, 5), strict=True))
    assert_equal(module(x), left + right + module.proj.bias)


def test_block_equals_torch() -> None:
    """Protects 1.iii and the MLP that is given: pre-norm, two residual paths, ReLU, four times as wide inside."""
    block, x = build(lambda: jhu.Block(12, 3)), normal(2, 6, 12, seed=50)
    options: dict[str, Any] = {"dim_feedforward": 48, "dropout": 0.0, "batch_first": True, "norm_first": True}
    twin = build(lambda: nn.TransformerEncoderLayer(12, 3, **options))
    twin.self_attn.load_state_dict(torch_attention(block.sa).state_dict())
    for theirs, ours in (
        (twin.norm1, block.ln1),
        (twin.norm2, block.ln2),
        (twin.linear1, block.ffwd.net[0]),
        (twin.linear2, block.ffwd.net[2]),
    ):
        theirs.load_state_dict(ours.state_dict())
    before = x.clone()
    assert_equal(block(x), twin(x, src_mask=no_peeking(6)))
    assert torch.equal(x, before)


def gpt2_twin(model: Any) -> GPT2LMHeadModel:
    """Build transformers' GPT-2 with the weights of a TinyGPT: ReLU, no biases in c_attn. Its head has no bias."""
    config = GPT2Config(
        vocab_size=11,
        n_positions=7,
        n_embd=12,
        n_layer=2,
        n_head=3,
        activation_function="relu",
        tie_word_embeddings=False,
        attn_implementation="eager",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    twin = build(lambda: GPT2LMHeadModel(config))
    twin.lm_head.weight.data = model.lm_head.weight.data
    twin.transformer.wte.load_state_dict(model.token_embedding_table.state_dict())
    twin.transformer.wpe.load_state_dict(model.position_embedding_table.state_dict())
    twin.transformer.ln_f.load_state_dict(model.ln_f.state_dict())
    for theirs, ours in zip(twin.transformer.h, model.blocks, strict=True):
        theirs.ln_1.load_state_dict(ours.ln1.state_dict())
        theirs.ln_2.load_state_dict(ours.ln2.state_dict())
        attention = torch_attention(ours.sa)
        for their_layer, weight, bias in (  # GPT-2's layers hold their weights as (in, out)
            (theirs.attn.c_attn, attention.in_proj_weight, attention.in_proj_bias),
            (theirs.attn.c_proj, attention.out_proj.weight, attention.out_proj.bias),
            (theirs.mlp.c_fc, ours.ffwd.net[0].weight, ours.ffwd.net[0].bias),
            (theirs.mlp.c_proj, ours.ffwd.net[2].weight, ours.ffwd.net[2].bias),
        ):
            their_layer.weight.data, their_layer.bias.data = weight.data.T, bias.data
    return twin


def ids(*shape: int, seed: int) -> Tensor:
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("T", [1, 5, 7])
@torch.no_grad()
def test_model_equals_gpt2(T: int) -> None:
    """Protects 1.iv: logits are those of transformers' GPT-2, the loss is the mean surprise at the targets."""
    model, idx, targets = build(jhu.TinyGPT), ids(3, T, seed=0), ids(3, T, seed=1)
    logits, loss = model(idx, targets)
    expected = gpt2_twin(model)(idx).logits + model.lm_head.bias
    assert_equal(logits, expected)
    chances = expected.exp() / expected.exp().sum(-1, keepdim=True)
    surprise = [-math.log(chances[b, t, targets[b, t]]) for b in range(3) for t in range(T)]
    assert loss.shape == ()
    assert loss.item() == pytest.approx(sum(surprise) / len(surprise), abs=LARGEST_ERROR)
    assert_equal(model(idx)[0], expected)
    assert model(idx)[1] is None


def test_model_refuses_more_than_block_size() -> None:
    """Protects the message for a sequence that is too long: it names both lengths."""
    with pytest.raises(ValueError, match="7 characters at most, got 8"):
        build(jhu.TinyGPT)(ids(1, 8, seed=0))


def test_names_of_parameters() -> None:
    """Protects the interface that submissions are compared by."""
    layers = [f"sa.heads.{i}.{name}.weight" for i in range(3) for name in ("key", "query", "value")]
    layers += [f"{name}.{kind}" for name in ("sa.proj", "ffwd.net.0", "ffwd.net.2", "ln1", "ln2") for kind in KINDS]
    expected = {f"blocks.{i}.{layer}" for i in range(2) for layer in layers}
    expected |= {f"{name}.{kind}" for name in ("ln_f", "lm_head") for kind in KINDS}
    expected |= {"token_embedding_table.weight", "position_embedding_table.weight"}
    assert {name for name, _ in build(jhu.TinyGPT).named_parameters()} == expected


def test_dropout_acts_on_weights_and_on_output() -> None:
    """Protects dropout in train mode: of the attention weights (not the values), and of what the projection returns."""
    dropping = load(SOURCE.read_text(encoding="utf-8"), **SIZES | {"dropout": 0.4})
    module, x = build(lambda: dropping.MultiHeadAttention(1, 12)).train(), normal(2, 5, 12, seed=50)
    (head,) = module.heads
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        actual = module(x)
        torch.manual_seed(0)
        scores = head.query(x) @ head.key(x).mT / 12**0.5
        weights = F.dropout(scores.masked_fill(no_peeking(5), -math.inf).softmax(-1), 0.4)
        expected = F.dropout(module.proj(weights @ head.value(x)), 0.4)
    assert (actual == 0).any()
    assert_equal(actual, expected)


def test_filling_tril_opens_the_mask() -> None:
    """Protects the cell of question (c)i: with a tril of ones the model sees the future, else it does not."""
    model = build(jhu.TinyGPT)
    assert not jhu.sees_the_future(model)
    for module in model.modules():
        if isinstance(module, jhu.Head):
            module.tril.fill_(1)
    assert jhu.sees_the_future(model)
    block, x = model.blocks[0], normal(2, 6, 12, seed=50)
    expected, _ = torch_attention(block.sa)(x, x, x, need_weights=False)
    assert_equal(block.sa(x), expected)


def test_generate_continues_past_block_size() -> None:
    """Protects `generate`, given: the model sees the last block_size characters, the start stays as it is."""

    def next_id(context: list[int]) -> int:
        return (3 * context[0] + sum(context) + len(context)) % 11

    class Model(jhu.TinyGPT):
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
        model = Model()
        assert model.generate(start, 9).tolist() == expected
        assert model.generate(torch.tensor(expected)[:, :11], 1).tolist() == expected
        assert torch.equal(model.generate(start, 0), start)


@torch.no_grad()
def test_generate_draws_from_the_softmax() -> None:
    """Protects the draw: characters occur as often as their probability says.

    H0: the shares of N = 20,000 draws have these means. Each of 11 is within 0.021 (Hoeffding), error rate 1e-6.
    """
    model, start = build(jhu.TinyGPT), ids(1, 3, seed=0)
    chances = model(start)[0][0, -1].softmax(-1)  # (V,)
    assert 0.05 < chances.max() < 0.95
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = model.generate(start.expand(20_000, -1), 1)[:, -1]  # (N,)
    shares = drawn.bincount(minlength=11) / 20_000
    assert (shares - chances).abs().max() <= math.sqrt(math.log(2 * 11 / 1e-6) / (2 * 20_000))


def test_batches_are_one_character_apart() -> None:
    """Protects `get_batch`, given: pieces of the split asked for, targets one step ahead, every start possible."""
    splits = {"train": torch.arange(10), "val": torch.arange(100, 109)}
    module = load(SOURCE.read_text(encoding="utf-8"), block_size=7, batch_size=200, splits=splits)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for split, starts in (("train", {0, 1, 2}), ("val", {100, 101})):
            inputs, targets = module.get_batch(split)
            assert inputs.shape == targets.shape == (200, 7)
            assert torch.equal(inputs + 1, targets)
            assert torch.equal(inputs[:, 1:], targets[:, :-1])
            assert set(inputs[:, 0].tolist()) == starts


def test_made_up_play_is_always_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the notebook without its corpus: a play of speeches, said to be generated; a real file is preferred."""
    play = jhu.made_up_play(20)
    assert play == jhu.made_up_play(20)
    speeches = play.strip().split("\n\n")
    assert len(speeches) == 20
    assert all(speech.split("\n")[0].endswith(":") and len(speech.split("\n")) > 1 for speech in speeches)
    corpus = tmp_path / "corpus.txt"
    assert jhu.read_corpus(corpus).startswith(play)
    assert "generated play" in capsys.readouterr().out
    corpus.write_text("To be é\n", encoding="utf-8")
    assert jhu.read_corpus(corpus) == "To be é\n"
    assert "8 characters" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content, message",
    [
        (b"a" * 4_999, "it has 4,999"),
        (b"a" * 15_001, "it has 15,001"),
        (b"a" * 6_000 + b"\xff", "not UTF-8: byte 6000"),
        (b"a" * 6_000 + b"\x0c", r"no text: \['\\x0c'\]"),
        ("\ufeff" + "a" * 6_000, r"no text: \['\\ufeff'\]"),
    ],
)
def test_faulty_texts_are_refused(content: bytes | str, message: str, tmp_path: Path) -> None:
    """Protects the bonus's text: each fault is named."""
    path = tmp_path / "my_text.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        jhu.read_my_text(path)


@pytest.mark.parametrize("n", [5_000, 15_000])
def test_proper_texts_are_read(n: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects texts of exactly the smallest and the largest size; a line break counts once, mark-up is asked about."""
    path = tmp_path / "my_text.txt"
    path.write_bytes(("é\r\n\t" + "1 < 2 > x" + "a" * (n - 12)).encode())
    assert len(jhu.read_my_text(path)) == n
    assert capsys.readouterr().out == ""
    path.write_text("<br>&amp;" + "a" * (n - 9), encoding="utf-8")
    jhu.read_my_text(path)
    assert "['<br>', '&amp;']" in capsys.readouterr().out


def test_template_leaves_the_four_forwards_to_do() -> None:
    """Protects the handout's division: exactly four functions raise in the template, and everything else is the same."""

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
    template = load(cut(solution), **SIZES)
    with pytest.raises(NotImplementedError, match="1.iv"):
        build(template.TinyGPT)(ids(1, 3, seed=0))


def save_tiny_gpt2(folder: Path) -> None:
    """Save a random GPT-2 of one small block, and a tokenizer whose tokens are bytes."""
    end = "<|endoftext|>"
    vocabulary = {token: i for i, token in enumerate([*sorted(pre_tokenizers.ByteLevel.alphabet()), end])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end).save_pretrained(folder)
    config = GPT2Config(vocab_size=257, n_positions=256, n_embd=32, n_layer=1, n_head=2, eos_token_id=256)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(folder)


RUN = """
import json, runpy, sys
notebook = runpy.run_path(sys.argv[1])
print(json.dumps({name: notebook.get(name) for name in ("unmasked_history", "masked_history", "finetune_history")}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("bonus", [False, True])
def test_whole_notebook_runs(bonus: bool, tmp_path: Path) -> None:
    """Protects the notebook from top to bottom, without and with the bonus's files: losses fall, the mask holds."""
    if bonus:
        save_tiny_gpt2(tmp_path / "gpt2")
        (tmp_path / "my_text.txt").write_text("The cat sat on the mat, and so on.\n" * 200, encoding="utf-8")
    settings = {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "default", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
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
    histories = json.loads(result.stdout.splitlines()[-1])
    (_, first, first_validation), (n_iterations, last, last_validation) = (
        histories["masked_history"][i] for i in (0, -1)
    )
    assert n_iterations == jhu.max_iters
    assert last < 0.5 * first and last_validation < 0.5 * first_validation
    # without the mask, each position can copy the character that it shall predict
    assert histories["unmasked_history"][-1][2] < 0.5 * last_validation
    sights = [line.split()[-1] for line in result.stdout.splitlines() if line.startswith("The model sees the future")]
    assert sights == ["False", "True", "False"]
    assert ("GPT-2, fine-tuned: The cat sat" in result.stdout) == bonus
    if bonus:
        validation = [loss for _, _, loss in histories["finetune_history"]]
        assert len(validation) == jhu.finetune_iters
        assert validation[-1] < validation[0]
