"""The convolution's maps are viewed as tokens without a transposition.

rejected by: patch_embedding.black_image_gives_the_bias
misconception: maps_not_transposed
"""

import torch.nn.functional as F
from torch import nn


class PatchEmbedding(nn.Module):
    def __init__(self, image_size, patch_size, n_channels, d_model):
        super().__init__()
        self.height, self.width = (image_size, image_size) if isinstance(image_size, int) else image_size
        if self.height % patch_size or self.width % patch_size:
            raise ValueError("the patches do not fit into the image")
        self.patch_size = patch_size
        self.n_patches = (self.height // patch_size) * (self.width // patch_size)
        self.proj = nn.Linear(n_channels * patch_size**2, d_model)

    def forward(self, x):
        B, C, H, W = x.shape
        if (H, W) != (self.height, self.width):
            raise ValueError(f"images must be {self.height} x {self.width}, not {H} x {W}")
        P = self.patch_size
        maps = F.conv2d(x, self.proj.weight.view(-1, C, P, P), self.proj.bias, stride=P)
        return maps.flatten(2).view(B, -1, self.proj.out_features)
