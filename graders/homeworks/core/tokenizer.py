"""`core`'s tokenizers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graders.signature import require_parameters
from sandbox.client import Remote, Worker

from .given import given


@dataclass(frozen=True)
class CoreTokenizer:
    """`CharTokenizer(text)` and `WordTokenizer(text, max_vocab=None)`."""

    constructors: dict[str, Remote]

    def vocab(self, kind: str, text: str, max_vocab: int | None = None) -> Any:
        return self._make(kind, text, max_vocab).get("vocab")

    def encode(
        self,
        kind: str,
        text: str,
        texts: Sequence[str],
        max_vocab: int | None = None,
        bos: bool = False,
        eos: bool = False,
    ) -> list[Any]:
        specials = [bos, eos] if bos or eos else []
        return self._make(kind, text, max_vocab).call_many([[each, *specials] for each in texts], "encode")

    def decode(self, kind: str, text: str, ids: Sequence[Any], max_vocab: int | None = None) -> list[Any]:
        return self._make(kind, text, max_vocab).call_many([[each] for each in ids], "decode")

    def _make(self, kind: str, text: str, max_vocab: int | None) -> Remote:
        return self.constructors[kind].construct(text, *given(max_vocab))


def open_tokenizer(worker: Worker) -> CoreTokenizer:
    characters, words = (worker.resolve("tokenizer", name) for name in ("CharTokenizer", "WordTokenizer"))
    require_parameters(characters, "tokenizer.py", ("text",), is_class=True)
    require_parameters(words, "tokenizer.py", ("text",), ("max_vocab",), is_class=True)
    return CoreTokenizer({"characters": characters, "words": words})
