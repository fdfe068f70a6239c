"""F.unfold gives the patches, and a matrix product the tokens."""

import torch.nn.functional as F
from torch import nn


class PatchEmbedding(nn.Module):
    def __init__(self, image_size, patch_size, n_channels, d_model):
        super().__init__()
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        if height % patch_size or width % patch_size:
            raise ValueError(f"patches of {patch_size} do not fit into {height} x {width}")
        self.size = (height, width)
        self.patch_size = patch_size
        self.n_patches = (height // patch_size) * (width // patch_size)
        self.proj = nn.Linear(n_channels * patch_size * patch_size, d_model)

    def forward(self, x):
        if tuple(x.shape[2:]) != self.size:
            raise ValueError(f"images must be {self.size}, not {tuple(x.shape[2:])}")
        patches = F.unfold(x, self.patch_size, stride=self.patch_size).transpose(1, 2)  # (B, n_patches, C·P·P)
        return patches @ self.proj.weight.T + self.proj.bias
