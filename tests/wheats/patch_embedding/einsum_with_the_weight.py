"""The weight gets its three axes back, and one sum runs over the pixels of every patch."""

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
        B, C, H, W = x.shape
        P = self.patch_size
        grid = x.reshape(B, C, H // P, P, W // P, P)
        weight = self.proj.weight.view(-1, C, P, P)
        tokens = torch.einsum("bcrpsq,ecpq->brse", grid, weight) + self.proj.bias
        return tokens.flatten(1, 2)
