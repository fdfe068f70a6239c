"""The canonical form of each task: what checks call, and what a homework's binding must provide.

Values that come back are untrusted: checks compare them with `compare`, which looks at type, shape and dtype first.
Letters as in docs/core.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor


class Attention(Protocol):
    """Task attention."""

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Any, Any]:
        """The output (…, T, d_v) and the weights (…, T, S)."""

    def inputs_after(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> list[Any]:
        """The arguments as they are after a call."""

    def gradients(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, grad_output: Tensor
    ) -> list[Any]:
        """Gradients of Σ output · grad_output with respect to query, key and value."""


class Mask(Protocol):
    """Task mask."""

    def causal(self, n_tokens: int) -> Any:
        """(T, T) bool."""

    def padded(self, ids: Tensor, pad_id: int) -> Any:
        """(B, 1, T, T) bool."""

    def ids_after(self, ids: Tensor, pad_id: int) -> Any:
        """The ids as they are after a call."""


MASK, PAD = "\u2047", "\u25a1"  # ⁇ and □ of span corruption


def character_ids(text: str) -> dict[str, int]:
    """The ids of a text's characters in span corruption: □ is 0, ⁇ is 1, then the sorted characters."""
    return {character: i for i, character in enumerate([PAD, MASK, *sorted(set(text))])}


@dataclass(frozen=True)
class HeadSizes:
    """What a self-attention module is built with.

    Attributes:
        d_model, n_heads, dropout: as in docs/core.md.
        max_tokens: the longest sequence that it will see (`block_size` where the homework has one).
        d_head: width of a head; None = d_model / n_heads.
    """

    d_model: int
    n_heads: int
    dropout: float = 0.0
    max_tokens: int = 32
    d_head: int | None = None

    @property
    def width(self) -> int:
        """Width of a head."""
        return self.d_model // self.n_heads if self.d_head is None else self.d_head


class Module(Protocol):
    """A module of the student's that maps a tensor to a tensor; in train mode when it is new.

    Roles are the names of `core`'s parameters (docs/core.md).
    """

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Load weights by role; weights are [out, in]. Roles that the module lacks are passed over."""

    def loaded(self) -> dict[str, Tensor]:
        """What of the weights has arrived, by role: without the roles that the module lacks, such as optional biases."""

    def __call__(self, x: Tensor) -> Any:
        """The output."""

    def expected(self, x: Tensor) -> Iterator[Tensor]:
        """Every output in float64, without dropout, that counts as right; the likely one first.

        More than one where the handout leaves a choice, or where the module is made of parts that are graded on their own:
        then what is right for the parts as they are comes last, so that a mistake costs once.
        """

    def train(self, mode: bool) -> None:
        """Switch between train and eval mode."""

    def to_dtype(self, dtype: str) -> None:
        """Convert the parameters: `double`, `float`."""

    def inputs_after(self, x: Tensor) -> list[Any]:
        """The arguments as they are after a call."""

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        """Gradients of Σ output · grad_output: with respect to x, and by role those of the parameters.

        The second is empty where roles are not known.
        """


class MultiHeadModule(Module, Protocol):
    """A self-attention module with one head or several."""

    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Any:
        """(B, T, d_model); causal without a mask. Capability `mask_argument` for masks, `mask_per_head` for (…, H, T, S)."""

    def expected(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        """As in `Module`."""

    def unmasked(self, x: Tensor) -> Any:
        """The output when no mask is given at all. Capability `no_mask`, where that means that every token is seen."""

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Any:
        """The attention weights (B, n_heads, T, T). Capability `returned_weights`."""

    def expected_weights(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        """As in `expected`."""


class MultiHead(Protocol):
    """Tasks multi_head, and attention with the capability `module` (one head, no projection)."""

    def build(self, sizes: HeadSizes) -> MultiHeadModule:
        """A new module."""


class SeparateHeads(Protocol):
    """Task multi_head with the capability `own_parameters`: the module is made of heads."""

    def shared_heads(self, sizes: HeadSizes) -> list[str]:
        """The names of the heads of a new module that have no parameters of their own."""


class Rope(Protocol):
    """Task rope, interleaved pairs."""

    def cache(self, dim: int, n_positions: int, base: float = 10000.0) -> Any:
        """(n_positions, dim/2, 2): cosine and sine. Capability `base` for other bases."""

    def apply(self, x: Tensor, cache: Tensor, positions: Tensor | None = None) -> Any:
        """x (B, H, T, dim) rotated. Capability `positions` for positions, `any_axes` for other leading axes."""

    def inputs_after(self, x: Tensor, cache: Tensor) -> list[Any]:
        """The arguments as they are after a call."""

    def gradient(self, x: Tensor, cache: Tensor, grad_output: Tensor) -> Any:
        """Gradient of Σ output · grad_output with respect to x."""

    def attend(
        self, sizes: HeadSizes, weights: Mapping[str, Tensor], x: Tensor, rope: bool = True
    ) -> tuple[Any, dict[str, Tensor]]:
        """Causal self-attention in eval mode, with rotated queries and keys or without, and the weights that it has.

        Capability `inside_attention`.
        """


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


class LayerNorm(Protocol):
    """Task layer_norm."""

    def __call__(self, x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Any:
        """x (…, d) normalised over its last axis. Capability `eps` for other values of eps."""

    def expected(self, x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Iterator[Tensor]:
        """Every result in float64 that counts as right: handouts differ in eps and in the variance's divisor."""

    def inputs_after(self, x: Tensor, gain: Tensor, bias: Tensor) -> list[Any]:
        """The arguments as they are after a call."""

    def gradients(self, x: Tensor, gain: Tensor, bias: Tensor, grad_output: Tensor) -> list[Any]:
        """Gradients of Σ output · grad_output with respect to x, gain and bias."""

    def not_applied(self) -> str:
        """What the model fails to do with it, in a sentence; empty if nothing. Capability `in_model`."""


@dataclass(frozen=True)
class MlpSizes:
    """What an MLP is built with; as in docs/core.md."""

    d_model: int
    d_hidden: int
    dropout: float = 0.0


class Mlp(Protocol):
    """Task mlp. Roles: up.weight, up.bias, down.weight, down.bias."""

    def build(self, sizes: MlpSizes) -> Module:
        """A new module; maps (…, d_model) to (…, d_model). Capability `free_width` if d_hidden need not be 4 · d_model."""


@dataclass(frozen=True)
class BlockSizes:
    """What a Transformer block is built with; as in docs/core.md.

    Attributes:
        max_tokens: the longest sequence that it will see.
    """

    d_model: int
    n_heads: int
    d_hidden: int
    dropout: float = 0.0
    max_tokens: int = 32


class Block(Protocol):
    """Task block. Roles: norm1.weight, norm1.bias, attn.query.weight, …, attn.proj.bias, norm2.…, mlp.up.…, mlp.down.…."""

    def build(self, sizes: BlockSizes) -> Module:
        """A new module; maps (B, T, d_model) to (B, T, d_model), causal."""


@dataclass(frozen=True)
class StackSizes:
    """What a stack of layers is built with.

    Attributes:
        d_model, n_heads, d_hidden, n_layers: as in docs/core.md.
        d_head: width of a head.
    """

    d_model: int
    n_heads: int
    d_head: int
    d_hidden: int
    n_layers: int


class StackModule(Protocol):
    """A stack of layers, in eval mode, with weights of O(1). The layers are graded elsewhere: as they are, they are right.

    Masks are (B, T, T), True = may attend; None = every token is seen.
    """

    def __call__(self, x: Tensor, mask: Tensor | None) -> Any:
        """The output (B, T, d_model), when the attention weights are not asked for."""

    def weights(self, x: Tensor, mask: Tensor | None) -> Any:
        """The attention weights (B, n_layers, n_heads, T, T)."""

    def beside_the_output(self, x: Tensor) -> Any:
        """What comes with the output when the attention weights are not asked for."""

    def expected(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Output and attention weights in float64: what the module's own layers give, one behind the other."""

    def shared_layers(self) -> list[str]:
        """The names of layers that have no parameters of their own."""

    def input_after(self, x: Tensor) -> Any:
        """x as it is after a call."""

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, list[str]]:
        """The gradient of Σ output · grad_output with respect to x, and the names of layers that none reaches."""


class Stack(Protocol):
    """Task stack."""

    def build(self, sizes: StackSizes, seed: int) -> StackModule:
        """A new module whose weights follow from the seed."""


@dataclass(frozen=True)
class GptSizes:
    """What a language model is built with; as in docs/core.md."""

    vocab_size: int
    block_size: int
    n_layers: int
    n_heads: int
    d_model: int
    d_hidden: int
    dropout: float = 0.0
    tied: bool = False


class GptModule(Protocol):
    """A language model of the student's; in train mode when it is new.

    Roles: token_embedding.weight, position_embedding.weight, blocks.0.norm1.weight, … as in `Block`, norm.weight, norm.bias,
    head.weight.
    """

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Load weights by role. Roles that the module lacks are passed over."""

    def loaded(self) -> dict[str, Tensor]:
        """What of the weights has arrived, by role."""

    def __call__(self, ids: Tensor) -> Any:
        """The logits (B, T, V) without targets."""

    def expected(self, ids: Tensor) -> Iterator[Tensor]:
        """Every value of the logits in float64 that counts as right; see `Module.expected`."""

    def with_targets(self, ids: Tensor, targets: Tensor) -> tuple[Any, Any]:
        """The logits (B, T, V), brought into this shape where the handout leaves it open, and the loss.

        Capability `loss`.
        """

    def train(self, mode: bool) -> None:
        """Switch between train and eval mode."""

    def ids_after(self, ids: Tensor) -> Any:
        """The ids as they are after a call."""

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the trainable parameters, each shared one once."""

    def gradients(self, ids: Tensor, grad_logits: Tensor) -> dict[str, Any]:
        """Gradients of Σ logits · grad_logits with respect to the parameters, by the module's own names."""


class Gpt(Protocol):
    """Task gpt."""

    def build(self, sizes: GptSizes) -> GptModule:
        """A new model. Capability `tied_option` for sizes.tied."""


class MaskingGpt(Protocol):
    """Task gpt with the capability `obedient_parts`: the model passes a mask to layers that are graded elsewhere."""

    def with_obedient_parts(self) -> Gpt:
        """The same, but with layers in it that obey their mask whatever the student's own do."""


@dataclass(frozen=True)
class DecoderSizes:
    """What a decoder without a head for the vocabulary is built with. Its MLPs are as wide as it likes."""

    vocab_size: int
    d_model: int
    max_tokens: int
    n_layers: int = 2
    n_heads: int = 1


class DecoderModule(Protocol):
    """A decoder of the student's that maps ids to hidden states.

    Roles: embedding.weight, positions.weight, and for each layer layers.0.query.weight, key, value, proj, up, down, with
    biases where it has them, and gain and bias of its norms: layers.0.norm1.weight, norm1.bias, norm2.weight, norm2.bias.
    """

    @property
    def d_hidden(self) -> int:
        """Width of its MLPs."""

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Load weights by role. Roles that the module lacks are passed over."""

    def __call__(self, ids: Tensor) -> Any:
        """The hidden states (B, T, d_model)."""

    def expected(self, ids: Tensor) -> Iterator[Tensor]:
        """Every value of the hidden states in float64 that counts as right; see `Module.expected`."""

    def supposed(self, ids: Tensor) -> tuple[str, Tensor] | None:
        """A mistake that the module seems to make, in words, and what then comes out; None if none is known."""

    def shared(self) -> list[str]:
        """The weight matrices that several layers share, by the module's own names."""

    def ids_after(self, ids: Tensor) -> Any:
        """The ids as they are after a call."""

    def gradients(self, ids: Tensor, grad_output: Tensor) -> list[tuple[str, Any, Tensor]]:
        """Of each parameter: its own name, the gradient of Σ output · grad_output, and the expected one in float64."""


class Decoder(Protocol):
    """Tasks decoder (one head) and multi_head_decoder."""

    @property
    def any_depth(self) -> bool:
        """Whether the number of layers can be chosen; if not, there is one layer, whatever the sizes say."""

    def build(self, sizes: DecoderSizes) -> DecoderModule:
        """A new module."""

    def build_default(self, sizes: DecoderSizes) -> DecoderModule:
        """A new module, with numbers of layers and heads left to the constructor; `sizes` says what they should be."""

    def extends_single(self) -> bool:
        """Whether a class with several heads is derived from that with one."""


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


@dataclass(frozen=True)
class PatchSizes:
    """What a patch embedding is built with; as in docs/core.md."""

    height: int
    width: int
    patch_size: int
    n_channels: int
    d_model: int


class PatchModule(Module, Protocol):
    """A patch embedding. Roles: proj.weight (d_model, n_channels · patch_size²) channel by channel, proj.bias."""

    def n_patches(self) -> Any:
        """The number of patches that it states."""


class PatchEmbedding(Protocol):
    """Task patch_embedding."""

    def build(self, sizes: PatchSizes) -> PatchModule:
        """A new module. Capability `rectangular` for height ≠ width, `refuses` if images of another size must raise."""
