"""`core`'s patch embedding."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graders.oracles.patch_embedding import patch_embedding
from graders.signature import require_parameters
from graders.tasks import PatchSizes
from sandbox.client import Remote, Worker

from .state_dict import StateDictModule


@dataclass
class CorePatchModule(StateDictModule):
    """One `PatchEmbedding`."""

    patch_size: int = 1

    def expected(self, x: Tensor) -> Iterator[Tensor]:
        yield patch_embedding(self.loaded(), self.patch_size, x)

    def gradients(self, x: Tensor, grad_output: Tensor) -> tuple[Any, dict[str, Any]]:
        grad_x, by_role = super().gradients(x, grad_output)
        shapes = {role: tensor.shape for role, tensor in self.loaded().items()}
        # a convolution's weight has four axes: it is not compared
        other = {role for role, g in by_role.items() if isinstance(g, Tensor) and g.shape != shapes[role]}
        return grad_x, {role: g for role, g in by_role.items() if role not in other}

    def n_patches(self) -> Any:
        return self.module.get("n_patches")


@dataclass(frozen=True)
class CorePatchEmbedding:
    """`PatchEmbedding(image_size, patch_size, n_channels, d_model)`."""

    constructor: Remote

    def build(self, sizes: PatchSizes) -> CorePatchModule:
        image_size = sizes.height if sizes.height == sizes.width else (sizes.height, sizes.width)
        module = self.constructor.construct(image_size, sizes.patch_size, sizes.n_channels, sizes.d_model)
        return CorePatchModule(module, patch_size=sizes.patch_size)


def open_patch_embedding(worker: Worker) -> CorePatchEmbedding:
    constructor = worker.resolve("patch_embedding", "PatchEmbedding")
    needed = ("image_size", "patch_size", "n_channels", "d_model")
    require_parameters(constructor, "patch_embedding.py", needed, is_class=True)
    return CorePatchEmbedding(constructor)
