"""What every module offers. Letters as in docs/core.md."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from torch import Tensor


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
