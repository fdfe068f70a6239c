"""Patches are read pixel by pixel, and the columns of the weight are put in that order on loading."""

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
        self.projection = nn.Linear(n_channels * patch_size * patch_size, d_model)

    def load_state_dict(self, state_dict, strict=True, assign=False):
        P = self.patch_size
        weight = state_dict["proj.weight"].unflatten(1, (-1, P, P))  # (d_model, C, P, P)
        packed = {"projection.weight": weight.permute(0, 2, 3, 1).flatten(1), "projection.bias": state_dict["proj.bias"]}
        return super().load_state_dict(packed, strict, assign)

    def forward(self, x):
        if tuple(x.shape[2:]) != self.size:
            raise ValueError(f"images must be {self.size}, not {tuple(x.shape[2:])}")
        B, C, H, W = x.shape
        P = self.patch_size
        grid = x.permute(0, 2, 3, 1).reshape(B, H // P, P, W // P, P, C)
        return self.projection(grid.transpose(2, 3).reshape(B, -1, P * P * C))
