"""The number of patches is a property; slices are split and stacked."""

import torch
from torch import nn


class PatchEmbedding(nn.Module):
    def __init__(self, image_size, patch_size, n_channels, d_model):
        super().__init__()
        if isinstance(image_size, int):
            image_size = (image_size, image_size)
        self.rows, rest_y = divmod(image_size[0], patch_size)
        self.columns, rest_x = divmod(image_size[1], patch_size)
        if rest_y or rest_x:
            raise ValueError("patch_size must divide the image")
        self.patch_size = patch_size
        self.proj = nn.Linear(n_channels * patch_size**2, d_model)

    @property
    def n_patches(self):
        return self.rows * self.columns

    def forward(self, x):
        P = self.patch_size
        if x.size(2) != self.rows * P or x.size(3) != self.columns * P:
            raise ValueError("wrong image size")
        patches = [cell.flatten(1) for row in x.split(P, dim=2) for cell in row.split(P, dim=3)]
        return self.proj(torch.stack(patches, dim=1))
