"""Canonical forms of models and of what they are made of. Letters as in docs/core.md."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from .module import Module


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

    @property
    def width(self) -> int:
        """Width of its output: d_model; another one where a mistake that counts elsewhere makes it so."""

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
