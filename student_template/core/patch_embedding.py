"""Patch embedding of images.

Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (ViT), section 3.1, equation 1, without class token and
positions.
"""

from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    """Cut images in square patches that do not overlap, and project each to a token.

    Args:
        image_size: height and width of the images; one number if they are equal.
        patch_size: side of a patch, P; it divides both.
        n_channels: number of channels, C.
        d_model: width of the tokens.

    Raises:
        ValueError: `patch_size` does not divide the height or the width.
    """

    def __init__(self, image_size: int | tuple[int, int], patch_size: int, n_channels: int, d_model: int) -> None:
        super().__init__()
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        if height % patch_size or width % patch_size:
            raise ValueError(f"patch_size must divide the image's sides, got {patch_size} and {height} x {width}")
        self.height = height
        self.width = width
        self.patch_size = patch_size
        self.n_patches = (height // patch_size) * (width // patch_size)
        self.proj = nn.Linear(n_channels * patch_size**2, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Turn each image into a sequence of tokens.

        Args:
            x: (B, C, height, width) floating point.

        Returns:
            (B, n_patches, d_model), the dtype of `x`. Patches are in reading order: left to right, then top to bottom.
            `proj` reads the pixels of a patch channel by channel, each channel in reading order.

        Raises:
            ValueError: the images do not have the height and width of `image_size`.
        """
        raise NotImplementedError("forward: check the size, cut in patches, flatten each channel by channel, project")
