"""The model and the tokenizer that functions continue texts with: every way in which students use theirs."""

import pytest
import torch

from sandbox.text_model import END, VOCAB_SIZE, WORDS, TextModel, TextTokenizer, call_and_read, logits_of, words_in

IDS = torch.tensor([[0, 3, 2]])


def test_ways_to_the_logits() -> None:
    """Protects solutions: a tensor, its attribute `logits`, hidden states times the embedding, keywords, one row."""
    model = TextModel(None, 5, 10, as_tuple=False)
    wanted = logits_of(IDS, None, 5)
    assert tuple(wanted.shape) == (1, 3, VOCAB_SIZE)
    hidden = model.transformer(IDS)
    for got in (
        model(IDS),
        model(IDS).logits,
        model(input_ids=IDS),
        model(IDS[0])[None],
        model(IDS) @ model.embedding.weight.T,
        hidden @ model.transformer.embedding.weight.T,
        model.lm_head(hidden),
        TextModel(None, 5, 10, as_tuple=True)(IDS)[0],
    ):
        assert torch.equal(wanted, got)


def test_what_follows_a_token_or_a_text() -> None:
    """Protects the judge's numbers: rows go by the last token alone, a hash by the whole text; the end never comes."""
    rows = torch.tensor([[0.0, 1, 2, 3, 4, 5, 6], [6.0, 5, 4, 3, 2, 1, 0]])
    got = logits_of(IDS, rows, 0)
    assert [rows[0].tolist(), rows[1].tolist(), rows[0].tolist()] == got[0, :, :END].tolist()
    first, other = (logits_of(torch.tensor([[start, 3, 2]]), None, 0) for start in (0, 1))
    assert not torch.equal(first[0, -1], other[0, -1])
    assert bool((got[..., END] < -1000).all() and (first[..., END] < -1000).all())


def test_too_long_a_text_raises() -> None:
    """Protects the check of the context length: as a model with learned positions does."""
    with pytest.raises(ValueError, match="at most 2 tokens, got 3"):
        TextModel(None, 0, 2, as_tuple=False)(IDS)


def test_ways_to_call_the_tokenizer() -> None:
    """Protects solutions: lists and tensors, keys and attributes, one id or many."""
    tokenizer = TextTokenizer()
    text = " ".join(WORDS[i] for i in (0, 3, 2))
    assert [0, 3, 2] == tokenizer.encode(text) == tokenizer(text)["input_ids"] == tokenizer(text).input_ids
    assert tokenizer.encode(text).ids == [0, 3, 2]
    for ids in (tokenizer(text, return_tensors="pt").to("cpu").input_ids, tokenizer.encode(text, return_tensors="pt")):
        assert torch.equal(IDS, ids)
    for given in ([0, 3, 2], IDS, IDS[0], [torch.tensor(0), torch.tensor(3), 2]):
        assert f" {text}" == tokenizer.decode(given)
    assert f" {WORDS[3]}" == tokenizer.decode(3) == tokenizer.decode(torch.tensor(3))
    assert tokenizer.decode([END], skip_special_tokens=True) == ""
    assert [f" {text}"] == tokenizer.batch_decode(IDS)
    assert len(tokenizer) == tokenizer.vocab_size == VOCAB_SIZE == len(tokenizer.get_vocab())


def test_words_are_found_however_they_are_joined() -> None:
    """Protects reading texts back: no word is part of another, so that a missing space does not matter."""
    assert list(range(len(WORDS))) == words_in("".join(WORDS)) == words_in("Output: " + ", ".join(WORDS) + ".")
    assert not any(one in other for one in WORDS for other in WORDS if one != other)


def test_what_is_printed_is_read() -> None:
    """Protects functions that print and return nothing."""
    assert call_and_read(print, ["alpha"], {}) == (None, "alpha\n")
