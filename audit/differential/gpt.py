"""Drives `GPT` and `GPTConfig`."""

from typing import Any

import torch
from torch import Tensor

from . import states
from .drawing import Draw
from .observing import Journal, Load

N = 8000  # draws of a dropout


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Sizes, lengths up to the block's, losses, tied weights, gradients, dropout."""
    module = load("gpt")
    draw = Draw(seed)
    for n_layers, n_heads, d_hidden, tied in ((1, 2, None, False), (3, 1, 5, False), (2, 2, draw.integer(2, 9), True)):
        V, block_size, d = draw.integer(11, 14), draw.integer(5, 9), 2 * draw.integer(1, 3)
        label = f"{n_layers} layers, {n_heads} heads, d_hidden {d_hidden}, tied {tied}"
        journal.step(f"{label}: building")
        options = {} if d_hidden is None else {"d_hidden": d_hidden}
        options |= {"tied": True} if tied else {}
        model = module.GPT(module.GPTConfig(V, block_size, n_layers, n_heads, d, **options)).double()
        shapes = states.gpt(V, block_size, n_layers, d, 4 * d if d_hidden is None else d_hidden)
        state = draw.state(shapes)
        if tied:
            state["head.weight"] = state["token_embedding.weight"]
        model.load_state_dict(state)
        journal.note(f"{label}: one weight for two", model.head.weight is model.token_embedding.weight)
        journal.note(f"{label}: number of blocks", len(model.blocks))
        for T in (3, block_size, 2, 1, 4):
            _run(model, list(shapes), draw.integers(0, V - 1, 3, T), V, f"{label}, {T} tokens", draw, journal)
        for excess in (1, 3):
            ids = draw.integers(0, V - 1, 2, block_size + excess)
            _refuse(model, ids, block_size, f"{label}, {excess} tokens too many", journal)
        _eps(model, state, V, draw, journal)
    _square(module, draw, journal)
    _other_modes(module, draw, journal)
    _dropout(module, draw, journal)


def _run(model: Any, names: list[str], ids: Tensor, V: int, label: str, draw: Draw, journal: Journal) -> None:
    """Logits, losses with and without ignored targets, gradients of the weights."""
    result = journal.untouched(label, [ids], lambda: model(ids))
    journal.note(label, result)
    targets = draw.integers(0, V - 1, *ids.shape)
    some = torch.where(draw.booleans(*ids.shape, share=0.3), -100, targets)
    some[0, 0] = targets[0, 0]
    weights = list({id(weight): weight for weight in map(model.get_parameter, names)}.values())
    for name, wanted in (("all targets", targets), ("some targets", some)):
        logits, loss = journal.untouched(f"{label}, {name}", [ids, wanted], lambda: model(ids, wanted))  # noqa: B023
        journal.note(f"{label}, {name}", (logits, loss))
        journal.gradients(f"{label}, {name}", [loss], weights, [torch.tensor(1.0)])
    journal.gradients(label, [result[0]], weights, [draw.normal(*result[0].shape)])


def _refuse(model: Any, ids: Tensor, block_size: int, label: str, journal: Journal) -> None:
    """The error for a text that is too long names both lengths."""
    journal.attempt(label, model, ids)
    try:
        model(ids)
    except ValueError as error:
        journal.note(f"{label}: both numbers", [str(n) in str(error) for n in (block_size, ids.shape[1])])


def _eps(model: Any, state: dict[str, Tensor], V: int, draw: Draw, journal: Journal) -> None:
    """Small embeddings and sublayers that add little: then the eps of the last normalisation counts."""
    small = {
        name: 2e-3 * w if "embedding" in name or ".proj." in name or ".down." in name else w
        for name, w in state.items()
    }
    model.load_state_dict(small)
    journal.call("small embeddings", model, draw.integers(0, V - 1, 2, 4))
    model.load_state_dict(state)


def _square(module: Any, draw: Draw, journal: Journal) -> None:
    """As many tokens as ids, rows and features."""
    journal.step("all sizes alike: building")
    model = module.GPT(
        module.GPTConfig(vocab_size=4, block_size=4, n_layers=1, n_heads=2, d_model=4, d_hidden=4)
    ).double()
    model.load_state_dict(draw.state(states.gpt(4, 4, 1, 4, 4)))
    journal.call("all sizes alike", model, draw.integers(0, 3, 4, 4), draw.integers(0, 3, 4, 4))
    journal.call("targets by their name", model, draw.integers(0, 3, 2, 3), targets=draw.integers(0, 3, 2, 3))


def _other_modes(module: Any, draw: Draw, journal: Journal) -> None:
    """Train mode without dropout, eval mode with it, float32, two models side by side."""
    journal.step("modes: building")
    first, second = (module.GPT(module.GPTConfig(7, 6, 2, 2, 4, dropout=p)) for p in (0.0, 0.5))
    third = module.GPT(module.GPTConfig(7, 6, 2, 2, 4))
    for model in (first, second, third):
        model.load_state_dict(draw.state(states.gpt(7, 6, 2, 4, 16), torch.float32))
    ids, targets = draw.integers(0, 6, 2, 5), draw.integers(0, 6, 2, 5)
    journal.call("float32, train mode", first.train(), ids, targets)
    journal.call("float32, eval mode, dropout 0.5", second.eval(), ids, targets)
    journal.call("float32, train mode, dropout by default", third.train(), ids, targets)
    journal.call("the first model again", first, ids)


def _dropout(module: Any, draw: Draw, journal: Journal) -> None:
    """Models whose few possible logits show what was dropped."""
    for p in (0.25, 0.5):
        journal.step(f"dropout {p}: building")
        model = module.GPT(module.GPTConfig(4, 2, 1, 1, 4, d_hidden=3, dropout=p)).double()
        state = draw.state(states.gpt(4, 2, 1, 4, 3))
        quiet = [name for name in state if name.startswith(("blocks.0.attn.proj", "blocks.0.mlp.down"))]
        state |= {name: torch.zeros_like(state[name]) for name in [*quiet, "norm.bias"]}
        state["norm.weight"] = torch.ones(4, dtype=torch.float64)
        state["head.weight"] = torch.eye(4, dtype=torch.float64)
        # the blocks add nothing: of the sum of both embeddings any subset of the features may be left
        state["token_embedding.weight"] = torch.tensor([1.0, 2, 4, 8], dtype=torch.float64).expand(4, 4)
        state["position_embedding.weight"] = torch.tensor([3.0, 9, 27, 81], dtype=torch.float64).expand(2, 4)
        _show(model, state, f"dropout {p} of the embeddings", draw, journal)
        # nothing is embedded; attention adds 1, the MLP 10, to each feature by another factor
        state |= {
            name: torch.zeros_like(state[name]) for name in ("token_embedding.weight", "position_embedding.weight")
        }
        factors = torch.tensor([1.0, 2, 3, 5], dtype=torch.float64)
        state["blocks.0.attn.proj.bias"], state["blocks.0.mlp.down.bias"] = factors, 10 * factors
        _show(model, state, f"dropout {p} in the block", draw, journal)
        model.eval()
        journal.call(f"dropout {p}, back in eval mode", model, draw.integers(0, 3, 2, 2))


def _show(model: Any, state: dict[str, Tensor], label: str, draw: Draw, journal: Journal) -> None:
    model.load_state_dict(state)
    model.train()
    journal.step(label)
    logits = model(draw.integers(0, 3, N, 1))[0][:, 0]
    journal.support(f"{label}: logits", logits)
    journal.share(f"{label}: everything dropped", logits.abs().amax(dim=-1) < 1e-6)
    whole = model.eval()(draw.integers(0, 3, 1, 1))[0][0, 0]
    journal.share(f"{label}: nothing dropped", ((logits - whole).abs() < 1e-4).all(dim=-1))
