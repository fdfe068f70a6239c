"""A loop over rows and columns cuts one patch after the other."""

import torch
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
        P = self.patch_size
        tokens = []
        for top in range(0, self.size[0], P):
            for left in range(0, self.size[1], P):
                patch = x[:, :, top : top + P, left : left + P]
                tokens.append(self.proj(patch.flatten(1)))
        return torch.stack(tokens, dim=1)
