"""The parts that stand in for attention obey their mask, and are called as the homework's own parts are."""

import pytest
import torch

from sandbox.masked_part import MASKED_PARTS, attend


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_mask_is_obeyed() -> None:
    """Protects what the stand-ins are for: a token depends on those that its mask shows, and on no other."""
    x, weight = normal(1, 4, 3), normal(3, 2, seed=1)
    mask = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 1]])
    before, weights = attend(weight, x, mask, False)
    assert torch.equal(weights[0] != 0, mask != 0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 4))
    for place in range(4):
        changed = x.clone()
        changed[:, place] += 1
        moved = (attend(weight, changed, mask, False)[0] - before).abs().amax(-1)[0] > 1e-6
        assert moved.tolist() == (mask[:, place] != 0).tolist()


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32])
@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4), (2, 4, 4), (2, 1, 4, 4)])
def test_masks_of_every_form(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Protects students: the dtype of a mask and the axes in its front are their own."""
    x, weight = normal(2, 4, 3), normal(3, 2, seed=1)
    expected = attend(weight, x, torch.ones(4, 4, dtype=torch.bool).tril(), False)[1]
    mask = torch.ones(4, 4).tril().to(dtype).expand(shape)
    torch.testing.assert_close(attend(weight, x, mask, False)[1], expected)


def test_they_take_what_the_parts_take() -> None:
    """Protects the exchange: arguments by position or by name, and the axes of the returned weights."""
    x, mask = normal(2, 4, 3), torch.ones(2, 4, 4).tril()
    with torch.random.fork_rng(devices=[]):
        head = MASKED_PARTS["head"](3, n_hidden=5)
        layer = MASKED_PARTS["layer"](dim=3, attn_dim=2, mlp_dim=7, num_heads=4)
        layers = MASKED_PARTS["layers"](3, 2, 7, 4, num_layers=6)
    shapes = [  # of the outputs and of the weights
        [tuple(value.shape) for value in values]
        for values in (
            head(x, mask),
            layer(x=x, attn_mask=mask),
            layers(x, attn_mask=mask, return_attn=True),
            head(x, None),
        )
    ]
    assert shapes == [
        [(2, 4, 5), (2, 4, 4)],
        [(2, 4, 3), (2, 4, 4, 4)],
        [(2, 4, 3), (2, 6, 4, 4, 4)],
        [(2, 4, 5), (2, 4, 4)],
    ]
