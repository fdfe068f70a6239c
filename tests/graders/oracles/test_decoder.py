"""The oracle of decoders, against torch's own layers and against itself where readings must agree."""

import pytest
import torch
from torch import Tensor, nn

from graders.misconceptions.whole_decoder import MISTAKES, OF_HEADS, with_mistakes
from graders.oracles.decoder import hidden_states
from graders.readings import Reading, readings_with_norms, readings_without_norms
from graders.strategies import generator
from graders.strategies.decoder import decoder_weights
from graders.tasks import DecoderSizes

SIZES = DecoderSizes(vocab_size=11, d_model=12, max_tokens=9, n_layers=2, n_heads=3)
WEIGHTS = decoder_weights(SIZES, 20, generator(1))
IDS = torch.randint(11, (2, 7), generator=generator(2))


def of_torch(norm_first: bool) -> Tensor:
    """What torch's encoder layers give with the same weights and a causal mask."""
    x = WEIGHTS["embedding.weight"].double()[IDS] + WEIGHTS["positions.weight"].double()[:7]
    mask = nn.Transformer.generate_square_subsequent_mask(7, dtype=torch.float64)
    for i in range(2):
        w = {role.split(".", 2)[2]: t.double() for role, t in WEIGHTS.items() if role.startswith(f"layers.{i}.")}
        with torch.device("meta"):
            layer = nn.TransformerEncoderLayer(12, 3, 20, 0.0, batch_first=True, norm_first=norm_first)
        state = {
            "self_attn.in_proj_weight": torch.cat([w[f"{role}.weight"] for role in ("query", "key", "value")]),
            "self_attn.in_proj_bias": torch.cat([w[f"{role}.bias"] for role in ("query", "key", "value")]),
        }
        names = {"self_attn.out_proj": "proj", "linear1": "up", "linear2": "down", "norm1": "norm1", "norm2": "norm2"}
        state |= {f"{to}.{part}": w[f"{role}.{part}"] for to, role in names.items() for part in ("weight", "bias")}
        layer.load_state_dict(state, assign=True)
        x = layer.eval()(x, src_mask=mask)
    return x.detach()


@pytest.mark.parametrize(("norm_first", "place"), [(False, "sum"), (True, "before")])
def test_agrees_with_torch(norm_first: bool, place: str) -> None:
    """Protects the two readings that torch has, too: norms behind the sums, and in front of the sublayers."""
    got = hidden_states(WEIGHTS, 3, IDS, Reading(place, place))
    assert (got - of_torch(norm_first)).abs().max() < 1e-10


def test_readings_differ() -> None:
    """Protects the search: no two right readings give the same, and no mistake passes for a right reading."""
    right = readings_without_norms() + readings_with_norms()
    wrong = with_mistakes(readings_without_norms(), n_heads=3)
    values = torch.stack([hidden_states(WEIGHTS, 3, IDS, reading) for reading in [*right, *wrong]])
    apart = torch.cdist(values.flatten(1), values.flatten(1), p=torch.inf) + torch.eye(len(values)) * 9
    pairs = [(i, j) for i, j in (apart < 1e-3).nonzero().tolist() if i < len(right) or j < len(right)]
    assert [(right[i], j) for i, j in pairs if i < len(right)] == []


def test_mistakes_of_heads_need_heads() -> None:
    """Protects question 1: with one head, mistakes with heads are none, and are not looked for."""
    kept = {role: tensor for role, tensor in WEIGHTS.items() if "norm" not in role}
    right = hidden_states(kept, 1, IDS, Reading())
    for mistake in OF_HEADS:
        assert torch.equal(right, hidden_states(kept, 1, IDS, Reading(mistake=mistake)))
    assert set(MISTAKES) - OF_HEADS == {reading.mistake for reading in with_mistakes([Reading()])}


def test_what_is_not_there() -> None:
    """Protects models without biases and gains, and those whose two norms share one pair."""
    bare = {role: t for role, t in WEIGHTS.items() if not role.endswith("bias") and "norm" not in role}
    filled = {
        role: torch.zeros_like(t) if role.endswith("bias") else torch.ones_like(t) if "norm" in role else t
        for role, t in WEIGHTS.items()
    }
    both = Reading("sum", "sum")
    assert torch.equal(hidden_states(bare, 3, IDS, both), hidden_states(filled, 3, IDS, both))
    one = {role: t for role, t in WEIGHTS.items() if "norm2" not in role}
    twice = one | {role.replace("norm1", "norm2"): t for role, t in one.items() if "norm1" in role}
    assert torch.equal(hidden_states(one, 3, IDS, both), hidden_states(twice, 3, IDS, both))
