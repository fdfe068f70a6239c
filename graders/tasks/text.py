"""Canonical forms around text: data, tokenizers, losses, sampling. Letters as in docs/core.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

MASK, PAD = "\u2047", "\u25a1"  # ⁇ and □ of span corruption


def character_ids(text: str) -> dict[str, int]:
    """The ids of a text's characters in span corruption: □ is 0, ⁇ is 1, then the sorted characters."""
    return {character: i for i, character in enumerate([PAD, MASK, *sorted(set(text))])}


class SpanCorruption(Protocol):
    """Task span_corruption."""

    def ids_of(self, documents: Sequence[str]) -> dict[str, int]:
        """The id of each character, ⁇ and □ among them, that `draw` uses when it is given none."""

    def draw(
        self,
        documents: Sequence[str],
        index: int,
        block_size: int,
        count: int,
        seed: int,
        ids: Mapping[str, int] | None = None,
    ) -> list[Any]:
        """`count` corruptions of one document, in a row, after setting the random state from `seed`; each is (x, y).

        Capability `encoder` for ids.
        """


class Loss(Protocol):
    """Task loss."""

    def __call__(self, logits: Tensor, ids: Tensor, mask: Tensor | None = None) -> Any:
        """A scalar; logits (B, T, V), ids (B, T), mask (B, T) bool, True = counts as a target. `no_mask`: None too."""

    def inputs_after(self, logits: Tensor, ids: Tensor, mask: Tensor | None) -> list[Any]:
        """The arguments as they are after a call."""

    def gradient(self, logits: Tensor, ids: Tensor, mask: Tensor | None) -> Any:
        """The gradient of the loss with respect to the logits."""


class Perplexity(Protocol):
    """Task perplexity."""

    def __call__(
        self,
        logits_batches: Sequence[Tensor],
        ids_batches: Sequence[Tensor],
        masks: Sequence[Tensor | None] | None = None,
    ) -> Any:
        """A number; arguments as in docs/core.md."""


class Samplers(Protocol):
    """Task samplers."""

    def temperature(self, logits: Tensor, tau: float) -> Any:
        """logits / tau."""

    def top_k(self, logits: Tensor, k: int) -> Any:
        """All but the k largest of each row are −inf."""

    def top_p(self, logits: Tensor, p: float) -> Any:
        """All outside of the nucleus of each row are −inf."""

    def sample(
        self,
        logits: Tensor,
        tau: float = 1.0,
        k: int | None = None,
        p: float | None = None,
        seed: int = 0,
        calls: int = 1,
    ) -> list[Any]:
        """`calls` draws in a row from one generator in the state that a seed gives; each is (B,) int64."""

    def sample_beside_global(self, logits: Tensor, seed: int, global_seed: int) -> Any:
        """One draw with a generator after the global random state was set from another seed."""

    def inputs_after(self, function: str, logits: Tensor, option: float) -> Any:
        """The logits after a call of temperature, top_k, top_p or sample (whose option is tau)."""


@dataclass(frozen=True)
class ModelSpec:
    """The language model that text is generated with (`sandbox/window_model.py`); the judge computes its logits too."""

    vocab_size: int
    block_size: int | None
    seed: int
    as_tuple: bool = False
    spread: float = 4.0


class Generate(Protocol):
    """Task generate."""

    def __call__(
        self,
        model: ModelSpec,
        ids: Tensor,
        n_new_tokens: int,
        tau: float = 1.0,
        k: int | None = None,
        p: float | None = None,
        seed: int = 0,
    ) -> Any:
        """(B, T + n_new_tokens) int64. Capabilities: `top_k` and `top_p` for k and p, `batch` for B > 1.

        Greedy, for homeworks without top_k: a tau so small that the largest logit always wins.
        """

    def ids_after(self, model: ModelSpec, ids: Tensor, n_new_tokens: int) -> Any:
        """The ids as they are after a call. Capability `ids_argument`."""

    def mode_after(self, model: ModelSpec, ids: Tensor, training: bool) -> Any:
        """The model's `training` after a call that found it in this mode. Capability `keeps_mode`."""

    def requires_grad(self, model: ModelSpec, ids: Tensor) -> Any:
        """Whether any logits that the model was asked for were made with a graph. Capability `no_graph`."""


@dataclass(frozen=True)
class TextModelSpec:
    """The language model that a text is continued with (`sandbox/text_model.py`); the judge computes its logits too.

    Attributes:
        rows: (K, V) logits; those after token i are row i mod K. None = they depend on the whole text, and lie far apart.
        seed: of logits that depend on the whole text.
        max_tokens: the longest text that the model takes.
    """

    rows: Tensor | None = None
    seed: int = 0
    max_tokens: int = 100_000


class TextSampling(Protocol):
    """Tasks temperature_sampling and nucleus_sampling: a function continues a text by means of a model and a tokenizer."""

    @property
    def takes_tau(self) -> bool:
        """Whether the temperature can be chosen: an argument, or a name of the notebook's."""

    @property
    def takes_p(self) -> bool:
        """Whether the mass of the nucleus can be chosen."""

    def __call__(
        self, model: TextModelSpec, start: Sequence[int], n_new_tokens: int, tau: float = 1.0, p: float = 0.9
    ) -> list[int]:
        """The ids of the new tokens, from whatever is returned or printed. tau and p are passed if they can be."""


class Tokenizer(Protocol):
    """Task tokenizer. Capabilities `characters` and `words` for the two kinds; what a method gives is untrusted."""

    def vocab(self, kind: str, text: str, max_vocab: int | None = None) -> Any:
        """The vocabulary of a tokenizer made of a text; kind is `characters` or `words`."""

    def encode(
        self,
        kind: str,
        text: str,
        texts: Sequence[str],
        max_vocab: int | None = None,
        bos: bool = False,
        eos: bool = False,
    ) -> list[Any]:
        """The ids of each of several texts, in order, by one tokenizer made of `text`."""

    def decode(self, kind: str, text: str, ids: Sequence[Any], max_vocab: int | None = None) -> list[Any]:
        """The text of each of several lists or tensors of ids, in order, by one tokenizer made of `text`."""


class DialogueTokenizer(Protocol):
    """Task dialogue_tokenizer: words of a text by NLTK's word_tokenize, and three special tokens before them.

    Ids: 0 starts every text, 1 is padding, 2 stands for unknown words, then come the sorted words.
    """

    def encode(self, raw_text: str, texts: Sequence[str]) -> list[Any]:
        """The ids of each of several texts, in order, by one tokenizer made of `raw_text`."""

    def decode(self, raw_text: str, ids: Sequence[Any]) -> list[Any]:
        """The text of each of several lists, arrays or tensors of ids, by one tokenizer made of `raw_text`."""

    def as_it_likes(self, ids: Sequence[int]) -> Any:
        """The ids as a list, an array or a tensor: the first of them that `decode` takes without an error."""
