"""A patch is every n-th pixel of the image.

rejected by: patch_embedding.patches_are_local
misconception: strided_patches
"""

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
        grid = x.reshape(B, C, P, H // P, P, W // P)
        patches = grid.permute(0, 3, 5, 1, 2, 4).reshape(B, -1, C * P * P)
        return self.proj(patches)
