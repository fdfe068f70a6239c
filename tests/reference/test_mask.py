"""The reference masks against PyTorch's own, and against loops written from the definition."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.mask import attention_mask, causal_mask

examples = settings(derandomize=True, deadline=None, database=None, max_examples=50)


@pytest.mark.parametrize("n_tokens", [1, 2, 3, 8, 33])
def test_causal_mask_equals_pytorch(n_tokens: int) -> None:
    """Protects the causal mask: True where PyTorch's additive mask is 0, False where it is −inf."""
    expected = nn.Transformer.generate_square_subsequent_mask(n_tokens) == 0
    assert torch.equal(causal_mask(n_tokens), expected)
    assert torch.equal(causal_mask(n_tokens), torch.ones(n_tokens, n_tokens).tril().bool())


@pytest.mark.parametrize("n_tokens", [1, 2, 3, 8, 33])
def test_causal_mask_equals_a_loop(n_tokens: int) -> None:
    """Protects row = query and column = key: each query sees itself and what stands before it."""
    expected = [[key <= query for key in range(n_tokens)] for query in range(n_tokens)]
    mask = causal_mask(n_tokens)
    assert mask.dtype == torch.bool
    assert mask.tolist() == expected


@examples
@given(data=st.data(), B=st.integers(1, 4), T=st.integers(1, 9), pad_id=st.integers(-3, 60_000))
def test_attention_mask_equals_a_loop(data: st.DataObject, B: int, T: int, pad_id: int) -> None:
    """Protects the combined mask for padding anywhere in a row and for any padding id, and the bytes of `ids`."""
    token = st.sampled_from([pad_id, pad_id, 0, 1, 2])
    rows = data.draw(st.lists(st.lists(token, min_size=T, max_size=T), min_size=B, max_size=B))
    ids = torch.tensor(rows)
    mask = attention_mask(ids, pad_id)
    expected = [[[[key <= query and row[key] != pad_id for key in range(T)] for query in range(T)]] for row in rows]
    assert (mask.dtype, mask.shape) == (torch.bool, (B, 1, T, T))
    assert mask.tolist() == expected
    assert ids.tolist() == rows


@examples
@given(B=st.integers(1, 4), T=st.integers(1, 9), seed=st.integers(0, 2**32))
def test_attention_mask_equals_pytorchs_two_masks(B: int, T: int, seed: int) -> None:
    """Protects what the mask means: nn.MultiheadAttention gives the same with its causal and its padding mask apart.

    The first token is never padding, as a query without any key has no defined result.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, (B, T), generator=generator)
    ids[:, 0] = 1
    x = torch.randn(B, T, 6, generator=generator, dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        judge = nn.MultiheadAttention(6, 2, batch_first=True, dtype=torch.float64)
    not_after = torch.ones(T, T, dtype=torch.bool).triu(1)  # PyTorch's polarity here: True = may not attend
    expected, _ = judge(x, x, x, attn_mask=not_after, key_padding_mask=ids == 0, need_weights=False)
    ours = ~attention_mask(ids, 0).expand(B, 2, T, T).reshape(B * 2, T, T)
    actual, _ = judge(x, x, x, attn_mask=ours, need_weights=False)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
