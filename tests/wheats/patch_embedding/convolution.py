"""A strided convolution does all; its kernel is a view of the weights that are loaded."""

from torch import nn


class PatchEmbedding(nn.Module):
    def __init__(self, image_size, patch_size, n_channels, d_model):
        super().__init__()
        self.height, self.width = (image_size, image_size) if isinstance(image_size, int) else image_size
        assert self.height % patch_size == 0 and self.width % patch_size == 0, "patches must fit"
        self.n_patches = self.height * self.width // patch_size**2
        self.proj = nn.Conv2d(n_channels, d_model, kernel_size=patch_size, stride=patch_size)

    def load_state_dict(self, state_dict, strict=True, assign=False):
        packed = dict(state_dict)
        packed["proj.weight"] = packed["proj.weight"].view(self.proj.weight.shape)
        return super().load_state_dict(packed, strict, assign)

    def forward(self, x):
        if x.shape[-2:] != (self.height, self.width):
            raise ValueError("wrong image size")
        return self.proj(x).flatten(2).transpose(1, 2)
