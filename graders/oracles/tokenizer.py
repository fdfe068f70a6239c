"""Expected values of the tokenizers."""

from collections.abc import Sequence

from reference.tokenizer import CharTokenizer, WordTokenizer

from ..recorded import oracle

__all__ = ["decode", "encode", "vocab"]


@oracle()
def vocab(kind: str, text: str, max_vocab: int | None = None) -> list[str]:
    """The vocabulary of a tokenizer made of a text; kind is `characters` or `words`."""
    return _make(kind, text, max_vocab).vocab


@oracle()
def encode(
    kind: str, text: str, other: str, max_vocab: int | None = None, bos: bool = False, eos: bool = False
) -> list[int]:
    """The ids of another text by a tokenizer made of a text."""
    tokenizer = _make(kind, text, max_vocab)
    return tokenizer.encode(other, bos, eos) if isinstance(tokenizer, WordTokenizer) else tokenizer.encode(other)


@oracle()
def decode(kind: str, text: str, ids: Sequence[int], max_vocab: int | None = None) -> str:
    """The text of ids by a tokenizer made of a text."""
    return _make(kind, text, max_vocab).decode(ids)


def _make(kind: str, text: str, max_vocab: int | None) -> CharTokenizer | WordTokenizer:
    return CharTokenizer(text) if kind == "characters" else WordTokenizer(text, max_vocab)
