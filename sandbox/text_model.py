"""A language model and a tokenizer made for testing how a function continues a text with them.

They can be used in every way that students use theirs: the model returns logits that also have an attribute `logits`, or a
tuple; its hidden states are its logits, since its embedding is the identity; the tokenizer is called as those of Hugging
Face are. They know nothing of what is expected: the judge computes the same logits for its own loop.
"""

import contextlib
import io
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .window_model import WindowModel

# no word is part of another or of a word that programs print, so that texts can be read back however they were joined
WORDS = ("alpha", "bravo", "foxtrot", "juliett", "oscar", "quebec", "tango")
END = len(WORDS)  # id of the end-of-text token, which the model never proposes
END_TEXT = "<|endoftext|>"
VOCAB_SIZE = len(WORDS) + 1
SPREAD = 600.0  # logits of a whole text lie so far apart that the largest one always wins
_NEVER = -1e4
_MAX_PRINTED = 60_000


def logits_of(ids: Tensor, rows: Tensor | None, seed: int) -> Tensor:
    """The logits (B, T, VOCAB_SIZE), float32: what follows each token, or each beginning of the text.

    Args:
        ids: (B, T).
        rows: (K, number of words): those after token i are row i mod K. None = a hash of the text so far.
        seed: of the hash.
    """
    if rows is not None:
        words = rows[ids % len(rows)]  # (B, T, number of words)
    else:
        words = WindowModel(len(WORDS), None, seed, spread=SPREAD, with_parameter=False).logits(ids)
    return torch.cat([words, torch.full_like(words[..., :1], _NEVER)], dim=-1)


class TextModel(nn.Module):
    """The language model.

    Args:
        rows, seed: as in `logits_of`.
        max_tokens: a longer text raises, as a model with learned positions does.
        as_tuple: return (logits, None).
    """

    def __init__(self, rows: Tensor | None, seed: int, max_tokens: int, as_tuple: bool) -> None:
        super().__init__()
        self.transformer = _Body(rows, seed, max_tokens)
        self.embedding = self.transformer.embedding
        self.lm_head = self.head = nn.Identity()
        self._as_tuple = as_tuple
        for name in ("context_len", "context_length", "block_size", "max_len", "max_length", "max_seq_len"):
            setattr(self, name, max_tokens)
            setattr(self.transformer, name, max_tokens)
        self.vocab_size = VOCAB_SIZE
        self.config = types.SimpleNamespace(
            vocab_size=VOCAB_SIZE,
            eos_token_id=END,
            **dict.fromkeys(
                ("n_positions", "n_ctx", "max_position_embeddings", "context_len", "block_size"), max_tokens
            ),
        )

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return torch.device("cpu")

    def forward(self, ids: Any = None, *_: Any, **named: Any) -> Any:
        """The logits; further arguments are ignored."""
        if ids is None:
            ids = next(value for value in named.values() if isinstance(value, Tensor))
        elif isinstance(ids, Mapping):
            ids = ids["input_ids"]
        logits = self.transformer(ids)
        return (logits, None) if self._as_tuple else logits


class _Body(nn.Module):
    def __init__(self, rows: Tensor | None, seed: int, max_tokens: int) -> None:
        super().__init__()
        self._rows, self._seed, self._max_tokens = rows, seed, max_tokens
        self.embedding = nn.Embedding.from_pretrained(torch.eye(VOCAB_SIZE), freeze=False)

    def forward(self, ids: Tensor, *_: Any, **__: Any) -> Tensor:
        if ids.shape[-1] > self._max_tokens:
            raise ValueError(f"the model takes at most {self._max_tokens} tokens, got {ids.shape[-1]}")
        if ids.shape[-1] == 0:
            raise ValueError("the model was called with a text of no tokens")
        rows = ids[None] if ids.dim() == 1 else ids
        logits = logits_of(rows, self._rows, self._seed) + 0 * self.embedding.weight.sum()
        result: Tensor = logits[0] if ids.dim() == 1 else logits
        setattr(result, "logits", result.detach())  # noqa: B010
        return result


class Encoding(dict[str, Any]):
    """What a call of the tokenizer returns: keys that are attributes too, and `to`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def to(self, device: Any) -> "Encoding":
        """The same on another device."""
        return Encoding(
            {name: value.to(device) if isinstance(value, Tensor) else value for name, value in self.items()}
        )


class _Ids(list[int]):
    """Ids that have themselves as an attribute, as in the package tokenizers."""

    @property
    def ids(self) -> list[int]:
        """Themselves."""
        return list(self)


class TextTokenizer:
    """One id for each of `WORDS`; unknown words are left out."""

    vocab_size = VOCAB_SIZE
    eos_token_id = pad_token_id = bos_token_id = END
    eos_token = pad_token = bos_token = END_TEXT

    def __init__(self) -> None:
        self.vocabulary = [*WORDS, END_TEXT]

    def __len__(self) -> int:
        return VOCAB_SIZE

    def __call__(self, text: Any, *_: Any, return_tensors: Any = None, **__: Any) -> Encoding:
        """Encode a text, or several of the same number of words."""
        several = [words_in(each) for each in text] if isinstance(text, (list, tuple)) else None
        if return_tensors is not None:
            ids = torch.tensor(several if several is not None else [words_in(text)])
            return Encoding(input_ids=ids, attention_mask=torch.ones_like(ids))
        found: Any = several if several is not None else words_in(text)
        return Encoding(input_ids=found, attention_mask=[1] * len(found))

    def encode(self, text: str, *_: Any, return_tensors: Any = None, **__: Any) -> Any:
        """The ids of a text: a list, or (1, T)."""
        return torch.tensor([words_in(text)]) if return_tensors is not None else _Ids(words_in(text))

    def decode(self, ids: Any, *_: Any, skip_special_tokens: bool = False, **__: Any) -> str:
        """The text of ids: each word follows a space."""
        kept = [i for i in _flat(ids) if not (skip_special_tokens and i == END)]
        return "".join(f" {self.vocabulary[i]}" for i in kept)

    def batch_decode(self, rows: Any, **options: Any) -> list[str]:
        """The text of each row."""
        return [self.decode(row, **options) for row in rows]

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        return [WORDS[i] for i in words_in(text)]

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """The id of a word, or those of several."""
        return self.vocabulary.index(tokens) if isinstance(tokens, str) else [self.vocabulary.index(t) for t in tokens]

    def convert_ids_to_tokens(self, ids: Any) -> Any:
        """The word of an id, or those of several."""
        return self.vocabulary[ids] if isinstance(ids, int) else [self.vocabulary[i] for i in _flat(ids)]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Words joined by spaces."""
        return " ".join(tokens)

    def get_vocab(self) -> dict[str, int]:
        """word → id."""
        return {word: i for i, word in enumerate(self.vocabulary)}


def words_in(text: str) -> list[int]:
    """The ids of all words in a text, in order, whatever stands between them."""
    return [WORDS.index(word) for word in re.findall("|".join(WORDS), text)]


def call_and_read(function: Any, positional: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, str]:
    """Call a function; return its value and what it printed, of that the end."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        value = function(*positional, **named)
    return value, printed.getvalue()[-_MAX_PRINTED:]


def _flat(ids: Any) -> list[int]:
    """Ids of a number, a list or a tensor; of a batch of one its row."""
    if isinstance(ids, Tensor):
        ids = ids.tolist()
    if isinstance(ids, int):
        return [ids]
    found: list[int] = []
    for item in ids if isinstance(ids, Iterable) else [ids]:
        found += _flat(item) if isinstance(item, (list, tuple, Tensor)) else [int(item)]
    return found
