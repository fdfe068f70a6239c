"""The reference GPT against transformers' GPT-2, and against a loop written from the formulas."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from reference.gpt import GPT, GPTConfig

examples = settings(derandomize=True, deadline=None, database=None, max_examples=15)
Case = tuple[GPT, GPTConfig, Tensor, Tensor]


def build(config: GPTConfig, generator: torch.Generator) -> GPT:
    """Make a float64 model with weights of order 1/√width and biases, gains and embeddings of order 1, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        model = GPT(config).double().eval()
    for name, parameter in model.named_parameters():
        scale = 1.0 if parameter.dim() == 1 or "embedding" in name else parameter.shape[1] ** -0.5
        parameter.data.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a model, ids, and targets of which some, never all, are ignored."""
    n_heads, d_head, n_layers, V, block_size, B = (draw(st.integers(1, n)) for n in (3, 3, 3, 9, 6, 3))
    config = GPTConfig(
        vocab_size=V,
        block_size=block_size,
        n_layers=n_layers,
        n_heads=n_heads,
        d_model=n_heads * (d_head + 1),
        d_hidden=draw(st.sampled_from([None, 5])),
        tied=draw(st.booleans()),
    )
    T = draw(st.integers(1, block_size))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    model = build(config, generator)
    ids, targets = (torch.randint(V, (B, T), generator=generator) for _ in range(2))
    ignored = torch.rand(B, T, generator=generator) < 0.3
    ignored[0, 0] = False
    return model, config, ids, targets.masked_fill(ignored, -100)


def gpt2_twin(model: GPT, config: GPTConfig) -> GPT2LMHeadModel:
    """Build transformers' GPT-2 with the weights of a model and the exact GELU."""
    options: dict[str, Any] = {"vocab_size": config.vocab_size, "n_positions": config.block_size}
    options |= {"n_embd": config.d_model, "n_layer": config.n_layers, "n_head": config.n_heads}
    options |= {"n_inner": config.d_hidden, "activation_function": "gelu", "attn_implementation": "eager"}
    options |= {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "tie_word_embeddings": config.tied}
    options |= {"bos_token_id": None, "eos_token_id": None}  # their defaults lie outside of a small vocabulary
    with torch.random.fork_rng(devices=[]):
        twin = GPT2LMHeadModel(GPT2Config(**options)).double().eval()
    twin.transformer.wte.weight.data.copy_(model.token_embedding.weight.data)
    twin.transformer.wpe.weight.data.copy_(model.position_embedding.weight.data)
    twin.transformer.ln_f.load_state_dict(model.norm.state_dict())
    if not config.tied:
        twin.lm_head.weight.data.copy_(model.head.weight.data)
    for theirs, ours in zip(twin.transformer.h, model.blocks, strict=True):
        theirs.ln_1.load_state_dict(ours.norm1.state_dict())
        theirs.ln_2.load_state_dict(ours.norm2.state_dict())
        projections = (ours.attn.query, ours.attn.key, ours.attn.value)
        # GPT-2's layers hold their weights as (in, out)
        theirs.attn.c_attn.weight.data.copy_(torch.cat([layer.weight.data for layer in projections]).T)
        theirs.attn.c_attn.bias.data.copy_(torch.cat([layer.bias.data for layer in projections]))
        for their_layer, our_layer in (
            (theirs.attn.c_proj, ours.attn.proj),
            (theirs.mlp.c_fc, ours.mlp.up),
            (theirs.mlp.c_proj, ours.mlp.down),
        ):
            their_layer.weight.data.copy_(our_layer.weight.data.T)
            their_layer.bias.data.copy_(our_layer.bias.data)
    return twin


@examples
@given(case=cases())
@torch.no_grad()
def test_equals_gpt2(case: Case) -> None:
    """Protects logits and loss, tied or not, with the default width of the MLPs or another."""
    model, config, ids, targets = case
    ids_before, targets_before = ids.clone(), targets.clone()
    logits, loss = model(ids, targets)
    expected = gpt2_twin(model, config)(ids).logits
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
    supervised = targets != -100
    surprisal = -expected.log_softmax(-1)[supervised].gather(-1, targets[supervised][:, None])
    torch.testing.assert_close(loss, surprisal.mean(), rtol=0, atol=1e-12)
    alone, nothing = model(ids)
    assert torch.equal(alone, logits)
    assert nothing is None
    assert torch.equal(ids, ids_before) and torch.equal(targets, targets_before)


def slow_linear(weight: Tensor, bias: Tensor | None, token: Tensor) -> Tensor:
    offset = torch.zeros(len(weight)) if bias is None else bias
    return torch.stack([(row * token).sum() + b for row, b in zip(weight, offset, strict=True)])


def slow_norm(layer: nn.LayerNorm, token: Tensor) -> Tensor:
    centred = token - token.sum() / len(token)
    return centred / math.sqrt(float((centred * centred).sum()) / len(token) + 1e-5) * layer.weight + layer.bias


def slow_gpt(model: GPT, config: GPTConfig, ids: Tensor) -> Tensor:
    """Radford et al. 2019, section 2.3, one sequence, token, head and key at a time."""
    d_head = config.d_model // config.n_heads
    result = []
    for sequence in ids.tolist():
        stream = [model.token_embedding.weight[i] + model.position_embedding.weight[t] for t, i in enumerate(sequence)]
        for block in model.blocks:
            normed = [slow_norm(block.norm1, token) for token in stream]
            layers = (block.attn.query, block.attn.key, block.attn.value)
            q, k, v = ([slow_linear(layer.weight, layer.bias, x) for x in normed] for layer in layers)
            for t in range(len(sequence)):
                heads = []
                for h in range(config.n_heads):
                    own = slice(h * d_head, (h + 1) * d_head)
                    e = [math.exp(float((q[t][own] * k[s][own]).sum()) / math.sqrt(d_head)) for s in range(t + 1)]
                    heads.append(torch.stack([e[s] / sum(e) * v[s][own] for s in range(t + 1)]).sum(dim=0))
                stream[t] = stream[t] + slow_linear(block.attn.proj.weight, block.attn.proj.bias, torch.cat(heads))
                z = slow_linear(block.mlp.up.weight, block.mlp.up.bias, slow_norm(block.norm2, stream[t]))
                hidden = torch.stack([0.5 * z_i * (1 + math.erf(z_i / math.sqrt(2))) for z_i in z])
                stream[t] = stream[t] + slow_linear(block.mlp.down.weight, block.mlp.down.bias, hidden)
        result.append(torch.stack([slow_linear(model.head.weight, None, slow_norm(model.norm, x)) for x in stream]))
    return torch.stack(result)


def slow_loss(logits: Tensor, targets: Tensor) -> float:
    """Mean of log Σ exp(logits) − logit of the target, one token at a time, in Python's floats."""
    losses = [
        math.log(math.fsum(map(math.exp, row))) - row[target]
        for row, target in zip(logits.flatten(0, 1).tolist(), targets.flatten().tolist(), strict=True)
        if target != -100
    ]
    return math.fsum(losses) / len(losses)


@settings(examples, max_examples=8)
@given(case=cases())
@torch.no_grad()
def test_equals_a_loop_written_from_the_formulas(case: Case) -> None:
    """Protects every part at once, and the loss: a mean over tokens, not over sequences, of targets already shifted."""
    model, config, ids, targets = case
    logits, loss = model(ids, targets)
    expected = slow_gpt(model, config, ids)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
    assert float(loss) == pytest.approx(slow_loss(expected, targets), rel=0, abs=1e-12)


SMALL = GPTConfig(vocab_size=7, block_size=5, n_layers=2, n_heads=2, d_model=4)


@pytest.mark.parametrize("tied", [False, True])
def test_gradients_pass_gradcheck(tied: bool) -> None:
    """Protects the derivative of the loss with respect to every parameter; a tied weight gets both its parts."""
    generator = torch.Generator().manual_seed(0)
    model = build(
        GPTConfig(vocab_size=5, block_size=3, n_layers=1, n_heads=2, d_model=4, d_hidden=3, tied=tied), generator
    )
    ids, targets = torch.tensor([[0, 3, 3], [4, 1, 2]]), torch.tensor([[3, 3, -100], [1, 2, 0]])
    names = [name for name, _ in model.named_parameters()]

    def loss(*parameters: Tensor) -> Tensor:
        return torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), (ids, targets))[1]

    assert len(names) == 16 + (4 if tied else 5)
    assert torch.autograd.gradcheck(loss, tuple(model.get_parameter(name) for name in names))


@torch.no_grad()
def test_dropout_acts_on_the_embedded_tokens_and_in_the_blocks() -> None:
    """Protects the places of dropout and its silence in eval mode: the same seed gives the same numbers."""
    config = GPTConfig(vocab_size=7, block_size=5, n_layers=2, n_heads=2, d_model=4, dropout=0.4)
    model = build(config, torch.Generator().manual_seed(0))
    ids = torch.randint(7, (2, 5), generator=torch.Generator().manual_seed(1))
    assert {layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)} == {0.4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        trained, _ = model.train()(ids)
        torch.manual_seed(1)
        x = F.dropout(model.token_embedding.weight[ids] + model.position_embedding.weight[:5], 0.4)
        for block in model.blocks:  # whose own dropout tests/reference/test_block.py replays
            x = block(x)
        expected = model.head(F.layer_norm(x, (4,), model.norm.weight, model.norm.bias))
    torch.testing.assert_close(trained, expected, rtol=0, atol=1e-12)
    evaluated, _ = model.eval()(ids)
    torch.testing.assert_close(evaluated, slow_gpt(model, config, ids), rtol=0, atol=1e-12)
    assert not torch.allclose(trained, evaluated)


@pytest.mark.parametrize("n_tokens", [6, 10])
def test_too_many_tokens_are_refused(n_tokens: int) -> None:
    """Protects the message for a sequence that is longer than block_size: it names both numbers."""
    model = build(SMALL, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=rf"block_size=5 tokens, got T={n_tokens}"):
        model(torch.zeros(1, n_tokens, dtype=torch.int64))


@pytest.mark.parametrize("d_hidden, width", [(None, 16), (3, 3)])
def test_state_dict_has_the_frozen_keys(d_hidden: int | None, width: int) -> None:
    """Protects the keys and shapes by which graders load weights (docs/core.md), and the default width of the MLPs."""
    with torch.random.fork_rng(devices=[]):
        state = GPT(
            GPTConfig(vocab_size=7, block_size=5, n_layers=2, n_heads=2, d_model=4, d_hidden=d_hidden)
        ).state_dict()
    expected = {"token_embedding.weight": (7, 4), "position_embedding.weight": (5, 4), "head.weight": (7, 4)}
    layers = {f"attn.{layer}": (4, 4) for layer in ("query", "key", "value", "proj")}
    layers |= {"mlp.up": (width, 4), "mlp.down": (4, width), "norm1": (4,), "norm2": (4,)}
    layers = {f"blocks.{i}.{layer}": shape for i in range(2) for layer, shape in layers.items()} | {"norm": (4,)}
    expected |= {f"{layer}.weight": shape for layer, shape in layers.items()}
    expected |= {f"{layer}.bias": shape[:1] for layer, shape in layers.items()}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected


@pytest.mark.parametrize("tied", [False, True])
def test_tied_weights_are_one(tied: bool) -> None:
    """Protects tying: one parameter, which stays one when weights are loaded or the dtype changes; untied by default."""
    with torch.random.fork_rng(devices=[]):
        model = GPT(GPTConfig(vocab_size=7, block_size=5, n_layers=1, n_heads=2, d_model=4, tied=tied))
    model.load_state_dict({name: tensor + 1 for name, tensor in model.state_dict().items()})
    assert (model.double().head.weight is model.token_embedding.weight) == tied
    assert SMALL.tied is False
