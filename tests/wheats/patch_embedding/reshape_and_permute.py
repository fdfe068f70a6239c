"""Two axes become four, which are put in order; the projection is applied by function."""

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
        B, C, H, W = x.shape
        P = self.patch_size
        grid = x.reshape(B, C, H // P, P, W // P, P).permute(0, 2, 4, 1, 3, 5)
        return F.linear(grid.reshape(B, self.n_patches, C * P * P), self.proj.weight, self.proj.bias)
