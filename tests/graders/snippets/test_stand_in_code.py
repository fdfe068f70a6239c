"""What the sandbox makes for a call, made again by code: the same numbers come out."""

import random
import types
from typing import Any

import pytest
import torch

from graders.snippets.stand_in_code import Code, code_of
from sandbox.window_model import WindowModel


def made(code: Code | None) -> Any:
    """What the code makes, with torch alone."""
    assert code is not None
    modules = {"random": random, "types": types}
    space: dict[str, Any] = {"torch": torch, **{name: modules[name] for name in code.imports}}
    exec(code.definition, space)
    return eval(code.expression, space)


def test_random_states() -> None:
    """Protects repetition: the same seeds draw the same numbers."""
    assert made(code_of("random", {"seed": 5})).random() == random.Random(5).random()
    drawn = torch.rand(3, generator=made(code_of("generator", {"seed": 5})))
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(5)))


def test_encoder_device_and_namespace() -> None:
    """Protects the small ones."""
    assert made(code_of("encoder", {"ids": {"□": 0, "'": 1}}))("'□'") == [1, 0, 1]
    assert made(code_of("device", {})) == torch.device("cpu")
    assert made(code_of("namespace", {"n_layers": 2, "name": "x"})) == types.SimpleNamespace(n_layers=2, name="x")


@pytest.mark.parametrize("options", [{}, {"as_tuple": True}, {"spread": 20_000.0}, {"with_parameter": False}], ids=str)
@pytest.mark.parametrize("block_size", [None, 3])
def test_the_language_model_is_the_sandboxs(options: dict[str, Any], block_size: int | None) -> None:
    """Protects the snippets of generation: the model that is written out gives the logits of the one that was used."""
    arguments = {"vocab_size": 5, "block_size": block_size, "seed": 7, **options}
    model, original = made(code_of("model", arguments)), WindowModel(**arguments)
    ids = torch.tensor([[0, 3, 1], [4, 4, 2]])
    got, expected = model(ids), original(ids)
    assert type(got) is type(expected)
    logits = got[0] if isinstance(got, tuple) else got
    assert torch.equal(logits, expected[0] if isinstance(expected, tuple) else expected)
    assert getattr(model, "block_size", None) == block_size
    assert model.saw_graph == original.saw_graph is True
    if block_size is not None:
        with pytest.raises(ValueError, match="at most block_size=3"):
            model(torch.zeros(1, 4, dtype=torch.int64))


@pytest.mark.parametrize("kind", ["part", "masked_part", "text_model", "text_tokenizer", "call_and_read", "identity"])
def test_what_cannot_be_written(kind: str) -> None:
    """Protects from wrong code: stand-ins for parts of a model are not written at all."""
    assert code_of(kind, {}) is None


def test_a_namespace_of_objects_is_not_written() -> None:
    """Protects from handles in a configuration."""
    assert code_of("namespace", {"device": object()}) is None
