# %% [markdown]
# # Homework 3: transformers for images and for words
#
# Problems 2, 3 and 4 of the handout are done in this notebook; problem 1 is done on paper.
#
# - Run the cells from top to bottom. Where work is yours, a cell raises `NotImplementedError` and says what to do; put
#   your code in the place of that line. Everything else is complete: read it, but leave it as it is.
# - Test cells follow most parts. They check sizes and little more: passing them is necessary, not sufficient.
# - Names of classes, their arguments, and what they return are fixed. How you compute it is up to you, with one
#   exception: write attention yourself instead of calling a function of PyTorch that computes it.
# - Questions marked **written** are answered in your PDF, not here.
#
# Letters in comments about shapes: `B` examples of a batch, `T` tokens of an example, `V` words of the vocabulary.

# %%
"""A transformer from scratch, for images and for dialogues: what this notebook needs from elsewhere."""

import math
import random
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

# %%
SEED = 0
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# %% [markdown]
# ## Problem 2: a transformer from scratch
#
# ### 2(a) One attention head (4 points)
#
# Each token asks a question (its *query*), offers a label (its *key*) and carries a content (its *value*); all three
# are linear functions of the token. With the rows of $\mathbf{Q}, \mathbf{K}, \mathbf{V}$ being those of the $T$
# tokens,
#
# $$\mathbf{A} = \mathrm{softmax}\left(\frac{\mathbf{Q}\mathbf{K}^\top}{\sqrt{d_k}}\right), \qquad
#   \mathrm{Out} = \mathbf{A}\mathbf{V},$$
#
# where the softmax makes each *row* of $\mathbf{A}$ sum to 1: row $i$ says how token $i$ divides its attention.
#
# A mask may forbid pairs: if `attn_mask[i, j]` is 0, then $\mathbf{A}_{ij}$ must be exactly 0, and the other weights
# of row $i$ must still sum to 1.


# %%
class AttentionHead(nn.Module):
    """Scaled dot-product attention with one head.

    Args:
        dim: width of the tokens, d.
        n_hidden: width of queries, keys and values, d_k.
    """

    def __init__(self, dim: int, n_hidden: int) -> None:
        super().__init__()
        self.W_K = nn.Linear(dim, n_hidden)
        self.W_Q = nn.Linear(dim, n_hidden)
        self.W_V = nn.Linear(dim, n_hidden)
        self.n_hidden = n_hidden

    def forward(self, x: Tensor, attn_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Let each token gather values from the tokens that it may attend to.

        Args:
            x: (B, T, dim) floating point.
            attn_mask: (B, T, T) of 0 and 1, or None. 1 at [b, i, j]: token i may attend to token j. Each token may
                attend to at least one. None: all pairs are allowed.

        Returns:
            out: (B, T, n_hidden).
            alpha: (B, T, T), the attention weights; [b, i, j] is the weight of token j for token i.
        """
        # <solution> 2(a): queries, keys and values; scores; mask; softmax; weighted sum
        queries, keys, values = self.W_Q(x), self.W_K(x), self.W_V(x)  # each (B, T, n_hidden)
        scores = queries @ keys.transpose(-2, -1) / math.sqrt(self.n_hidden)  # (B, T, T)
        if attn_mask is not None:
            scores = scores.masked_fill(attn_mask == 0, -math.inf)
        alpha = torch.softmax(scores, dim=-1)  # (B, T, T), over the keys
        return alpha @ values, alpha  # (B, T, n_hidden), (B, T, T)
        # </solution>
        # <template>
        # | # 1. Queries, keys and values of all tokens: (B, T, n_hidden) each.
        # | # 2. The scaled scores of all pairs: (B, T, T), queries along the second axis, keys along the last.
        # | # 3. If there is a mask: which number must stand in the softmax's input for its output to be exactly 0?
        # | #    The mask may hold booleans, integers or floats; `attn_mask == 0` is right for all of them.
        # | # 4. The weights, and with them the output. Return both, the output first.
        # | raise NotImplementedError("2(a): compute out and alpha in AttentionHead.forward")
        # </template>


# %% [markdown]
# Test case 1: sizes.

# %%
out, alpha = AttentionHead(dim=10, n_hidden=7)(torch.randn(3, 5, 10), None)
assert out.shape == (3, 5, 7), out.shape
assert alpha.shape == (3, 5, 5), alpha.shape
print("test case 1 passed")

# %% [markdown]
# ### 2(b) Several heads (3 points)
#
# $$\mathrm{MultiHead}(\mathbf{x}) = \mathrm{Concat}(\mathrm{head}_1(\mathbf{x}), \dots, \mathrm{head}_n(\mathbf{x}))\,
#   \mathbf{W}_O$$
#
# Each head has weights of its own, so each can look for something else. A loop over the heads is fine here. Note that
# `n_hidden` is the width of *one* head and need not have anything to do with `dim`: which size must $\mathbf{W}_O$
# have?


# %%
class MultiHeadedAttention(nn.Module):
    """Attention with several heads side by side, projected back to the width of the tokens.

    Args:
        dim: width of the tokens.
        n_hidden: width of each head.
        num_heads: number of heads.
    """

    def __init__(self, dim: int, n_hidden: int, num_heads: int) -> None:
        super().__init__()
        # <solution> 2(b): the heads and W_O
        self.heads = nn.ModuleList(AttentionHead(dim, n_hidden) for _ in range(num_heads))
        self.W_O = nn.Linear(num_heads * n_hidden, dim)
        # </solution>
        # <template>
        # | # Make num_heads separate heads, and W_O as an nn.Linear. PyTorch finds the parameters of modules in an
        # | # nn.ModuleList; it does not look into plain lists.
        # | raise NotImplementedError("2(b): create the heads and W_O in MultiHeadedAttention.__init__")
        # </template>

    def forward(self, x: Tensor, attn_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Run all heads on the same tokens with the same mask.

        Args:
            x: (B, T, dim) floating point.
            attn_mask: as for `AttentionHead`.

        Returns:
            out: (B, T, dim).
            alphas: (B, num_heads, T, T), the attention weights of each head.
        """
        # <solution> 2(b): run each head, concatenate, project
        outs, alphas = zip(*(head(x, attn_mask) for head in self.heads), strict=True)
        concatenated = torch.cat(outs, dim=-1)  # (B, T, num_heads * n_hidden)
        return self.W_O(concatenated), torch.stack(alphas, dim=1)  # (B, T, dim), (B, num_heads, T, T)
        # </solution>
        # <template>
        # | # Concatenate the outputs of the heads along the last axis, in the order of the heads, and project them.
        # | # The weights get a new axis for the heads, after that of the batch.
        # | raise NotImplementedError("2(b): compute out and alphas in MultiHeadedAttention.forward")
        # </template>


# %% [markdown]
# Test case 2: sizes.

# %%
out, alphas = MultiHeadedAttention(dim=10, n_hidden=7, num_heads=4)(torch.randn(3, 5, 10), None)
assert out.shape == (3, 5, 10), out.shape
assert alphas.shape == (3, 4, 5, 5), alphas.shape
print("test case 2 passed")

# %% [markdown]
# ### 2(c) Layer upon layer (3 points)
#
# `FFN` works on each token by itself. `AttentionResidual` is one layer of the transformer: first attention, then the
# feed-forward network, and each of them *adds* to what came in. Both are given.


# %%
class FFN(nn.Module):
    """Normalise each token and send it through two linear layers with a GELU between them.

    Args:
        dim: width of the tokens.
        n_hidden: width between the two layers.
    """

    def __init__(self, dim: int, n_hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, n_hidden), nn.GELU(), nn.Linear(n_hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, dim) to (B, T, dim)."""
        return self.net(x)


class AttentionResidual(nn.Module):
    """One layer: attention, then the feed-forward network, each with a residual connection around it.

    Args:
        dim: width of the tokens.
        attn_dim: width of each attention head.
        mlp_dim: width inside the feed-forward network.
        num_heads: number of attention heads.
    """

    def __init__(self, dim: int, attn_dim: int, mlp_dim: int, num_heads: int) -> None:
        super().__init__()
        self.attn = MultiHeadedAttention(dim, attn_dim, num_heads)
        self.ffn = FFN(dim, mlp_dim)

    def forward(self, x: Tensor, attn_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map (B, T, dim) to (B, T, dim); also return the attention weights, (B, num_heads, T, T)."""
        mixed, alphas = self.attn(x=x, attn_mask=attn_mask)  # (B, T, dim), (B, num_heads, T, T)
        x = mixed + x
        x = self.ffn(x) + x
        return x, alphas


# %% [markdown]
# `Transformer` sends the tokens through `num_layers` such layers, one after the other. The mask is the same for all.


# %%
class Transformer(nn.Module):
    """A stack of `AttentionResidual` layers.

    Args:
        dim, attn_dim, mlp_dim, num_heads: as for `AttentionResidual`.
        num_layers: number of layers.
    """

    def __init__(self, dim: int, attn_dim: int, mlp_dim: int, num_heads: int, num_layers: int) -> None:
        super().__init__()
        # <solution> 2(c): the layers
        self.layers = nn.ModuleList(AttentionResidual(dim, attn_dim, mlp_dim, num_heads) for _ in range(num_layers))
        # </solution>
        # <template>
        # | raise NotImplementedError("2(c): create num_layers AttentionResidual layers in Transformer.__init__")
        # </template>

    def forward(self, x: Tensor, attn_mask: Tensor | None, return_attn: bool = False) -> tuple[Tensor, Tensor | None]:
        """Send the tokens through all layers.

        Args:
            x: (B, T, dim) floating point.
            attn_mask: as for `AttentionHead`.
            return_attn: whether the attention weights are wanted.

        Returns:
            out: (B, T, dim).
            alphas: (B, num_layers, num_heads, T, T) if `return_attn`, otherwise None.
        """
        # <solution> 2(c): apply the layers in turn, collect their attention weights
        of_layers = []
        for layer in self.layers:
            x, weights = layer(x, attn_mask)  # (B, T, dim), (B, num_heads, T, T)
            of_layers.append(weights)
        return x, torch.stack(of_layers, dim=1) if return_attn else None
        # </solution>
        # <template>
        # | # What one layer returns is what the next one takes. If return_attn, stack the weights of the layers along
        # | # a new axis after that of the batch, the first layer first.
        # | raise NotImplementedError("2(c): compute out and alphas in Transformer.forward")
        # </template>


# %% [markdown]
# Test case 3: sizes, and a mask that lets each token attend to itself and to the token before it. All other weights
# must be 0, in every head of every layer.

# %%
T = 5
attn_mask = torch.zeros(3, T, T)
for i in range(T):
    attn_mask[:, i, max(i - 1, 0) : i + 1] = 1
transformer = Transformer(dim=10, attn_dim=7, mlp_dim=11, num_heads=4, num_layers=2)
out, alphas = transformer(torch.randn(3, T, 10), attn_mask, return_attn=True)
assert out.shape == (3, T, 10), out.shape
assert alphas.shape == (3, 2, 4, T, T), alphas.shape
assert (alphas[:, :, :, attn_mask[0] == 0] == 0).all(), "a forbidden weight is not 0"
assert torch.allclose(alphas.sum(dim=-1), torch.ones(())), "the weights of a token do not sum to 1"
assert transformer(torch.randn(3, T, 10), None)[1] is None
print("test case 3 passed; the weights of one head:")
print(alphas[0, 0, 0].detach())

# %% [markdown]
# ### 2(d) **written** (1 point): a transformer for continuous inputs
#
# ## Problem 3: vision transformers
#
# ### 3(a) From an image to tokens (2 points)
#
# The image is cut into square patches that do not overlap, each patch is flattened, and the *same* linear map turns
# each into a token. Of an image of size (3, 32, 32), patches of 4 × 4 make 64 tokens; each comes from 3 · 4 · 4 = 48
# numbers.


# %%
class PatchEmbed(nn.Module):
    """Cut square images into square patches and project each patch to a token.

    Args:
        img_size: height and width of the images.
        patch_size: height and width of a patch; divides `img_size`.
        nin: number of channels of the images.
        nout: width of the tokens.

    Attributes:
        img_size: as above.
        num_patches: number of tokens that an image becomes.
    """

    def __init__(self, img_size: int, patch_size: int, nin: int, nout: int) -> None:
        super().__init__()
        if img_size % patch_size:
            raise ValueError(f"patch_size must divide img_size, got {patch_size} and {img_size}")
        self.img_size = img_size
        self.num_patches = (img_size // patch_size) ** 2
        # <solution> 3(a): the projection of a patch
        self.projection = nn.Conv2d(nin, nout, kernel_size=patch_size, stride=patch_size)
        # </solution>
        # <template>
        # | # nn.Conv2d computes, at each place that it visits, a linear function of the numbers under its kernel. How
        # | # large must the kernel be, and how far must it move, to visit each patch exactly once?
        # | raise NotImplementedError("3(a): create the projection in PatchEmbed.__init__")
        # </template>

    def forward(self, x: Tensor) -> Tensor:
        """Turn each image into a sequence of tokens.

        Args:
            x: (B, nin, img_size, img_size) floating point.

        Returns:
            (B, num_patches, nout); the patches in reading order: left to right, then top to bottom.

        Raises:
            ValueError: the images have another size.
        """
        if x.shape[-2:] != (self.img_size, self.img_size):
            raise ValueError(f"images must have the size {self.img_size}, got {tuple(x.shape[-2:])}")
        # <solution> 3(a): project the patches and put them in a sequence
        grid = self.projection(x)  # (B, nout, rows, columns)
        return grid.flatten(2).transpose(1, 2)  # (B, num_patches, nout)
        # </solution>
        # <template>
        # | # A convolution leaves the patches in a grid, with the channels before it. What is wanted is a sequence,
        # | # with the channels last.
        # | raise NotImplementedError("3(a): compute the tokens in PatchEmbed.forward")
        # </template>


# %% [markdown]
# Test case: the example from above.

# %%
patch_embed = PatchEmbed(img_size=32, patch_size=4, nin=3, nout=128)
assert patch_embed.num_patches == 64
assert patch_embed(torch.randn(2, 3, 32, 32)).shape == (2, 64, 128)
print("test case of PatchEmbed passed")

# %% [markdown]
# The vision transformer is given. To each token it adds what it has learned about the token's position, puts a learned
# *class token* in front, runs your transformer, and reads the scores of the classes off the class token.
#
# ### 3(b) **written** (1 point): positions without a maximum
#
# Read how the positions enter below.


# %%
class VisionTransformer(nn.Module):
    """Classify images with a transformer.

    Args:
        n_channels: number of channels of the images.
        nout: number of classes.
        img_size, patch_size: as for `PatchEmbed`.
        dim, attn_dim, mlp_dim, num_heads, num_layers: as for `Transformer`.
    """

    def __init__(
        self,
        n_channels: int,
        nout: int,
        img_size: int,
        patch_size: int,
        dim: int,
        attn_dim: int,
        mlp_dim: int,
        num_heads: int,
        num_layers: int,
    ) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(img_size, patch_size, n_channels, dim)
        self.position = nn.Parameter(0.02 * torch.randn(self.patch_embed.num_patches, dim))
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.transformer = Transformer(dim, attn_dim, mlp_dim, num_heads, num_layers)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, nout))

    def forward(self, img: Tensor, return_attn: bool = False) -> tuple[Tensor, Tensor | None]:
        """Score the classes of each image.

        Args:
            img: (B, n_channels, img_size, img_size) floating point.
            return_attn: whether the attention weights are wanted.

        Returns:
            out: (B, nout), the logits of the classes.
            alphas: (B, num_layers, num_heads, 1 + num_patches, 1 + num_patches) if `return_attn`, otherwise None.
                Token 0 is the class token.
        """
        tokens = self.patch_embed(img) + self.position  # (B, num_patches, dim)
        tokens = torch.cat((self.class_token.expand(len(img), -1, -1), tokens), dim=1)  # (B, 1 + num_patches, dim)
        tokens, alphas = self.transformer(tokens, attn_mask=None, return_attn=return_attn)
        return self.head(tokens[:, 0]), alphas  # (B, nout), the weights


# %% [markdown]
# ### 3(c) Training on CIFAR-10 (1 point)
#
# Download the *binary version* of CIFAR-10 and unpack it next to this notebook: the folder `cifar-10-batches-bin`
# holds `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`. Where the folder is missing, the cell below
# draws coloured patterns of the same shape instead, so that you can try your code anywhere; what you report must come
# from CIFAR-10.


# %%
CIFAR_FOLDER = Path("cifar-10-batches-bin")
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
N_GENERATED_TRAINING = 2000
N_GENERATED_VALIDATION = 400


# %%
def read_cifar(paths: list[Path]) -> TensorDataset:
    """Read files of CIFAR-10's binary version: one byte for the label, then 3 · 32 · 32 bytes, channel by channel.

    Returns:
        Pairs of an image, (3, 32, 32) float32 from 0 to 1, and its label, int64.
    """
    records = np.concatenate([np.fromfile(path, dtype=np.uint8).reshape(-1, 1 + 3 * 32 * 32) for path in paths])
    images = torch.from_numpy(records[:, 1:]).reshape(-1, 3, 32, 32).float() / 255  # (N, 3, 32, 32)
    return TensorDataset(images, torch.from_numpy(records[:, 0]).long())


def generated_images(n: int, seed: int) -> TensorDataset:
    """Draw noisy patterns, of the shapes that `read_cifar` returns: five patterns on two colours make ten classes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (n,), generator=generator)
    shift, period = (torch.rand(2, n, 1, 1, generator=generator) * 4 + 8).unbind()  # each (n, 1, 1)
    rows, columns = torch.arange(32.0)[:, None] + shift, torch.arange(32.0) + 2 * shift  # (n, 32, 1), (n, 1, 32)
    across, down = (2 * math.pi / period * axis for axis in (columns, rows))  # angles
    waves = (across.sin() + 0 * down, 0 * across + down.sin(), (across + down).sin(), (across - down).sin())
    patterns = torch.stack((*waves, across.sin() * down.sin()), dim=1)  # (n, 5, 32, 32)
    pattern = patterns[torch.arange(n), labels % 5, None]  # (n, 1, 32, 32)
    colours = torch.tensor([[0.6, 0.5, 0.4], [0.4, 0.5, 0.6]])[labels // 5, :, None, None]  # (n, 3, 1, 1)
    images = colours + 0.2 * pattern + 0.1 * torch.randn(n, 3, 32, 32, generator=generator)
    return TensorDataset(images.clamp(0, 1), labels)


# %%
if CIFAR_FOLDER.is_dir():
    training_images = read_cifar(sorted(CIFAR_FOLDER.glob("data_batch_*.bin")))
    validation_images = read_cifar([CIFAR_FOLDER / "test_batch.bin"])
    class_names = CIFAR_CLASSES
else:
    training_images = generated_images(N_GENERATED_TRAINING, seed=1)
    validation_images = generated_images(N_GENERATED_VALIDATION, seed=2)
    class_names = tuple(f"pattern {label % 5}, {'blue' if label >= 5 else 'red'}" for label in range(10))
    print(f"{CIFAR_FOLDER} is not here: training on generated patterns instead of CIFAR-10.")
print(f"{len(training_images)} training images, {len(validation_images)} validation images")

# %% [markdown]
# The sizes below are for a quick run on a CPU with the generated patterns. The comments say what to start from on a GPU
# with CIFAR-10; there, the validation accuracy should get **above 50 %** within some minutes. Report it.

# %%
PATCH_SIZE = 4
VIT_DIM = 64  # GPU: 128
VIT_ATTN_DIM = 16  # of each head; GPU: 64
VIT_MLP_DIM = 128  # GPU: 256
VIT_NUM_HEADS = 4
VIT_NUM_LAYERS = 2  # GPU: 6
VIT_BATCH_SIZE = 50  # GPU: 128
VIT_LEARNING_RATE = 1e-3  # GPU: 5e-4
VIT_EPOCHS = 3  # GPU: 15


# %%
def vit_epoch(model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer | None) -> tuple[float, float]:
    """Go once through the images, and train if there is an optimizer.

    Returns:
        The mean loss in nats, and the accuracy from 0 to 1.
    """
    model.train(optimizer is not None)
    total_loss, n_correct, n_images = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for images, labels in loader:
            images, labels = images.to(DEVICE), labels.to(DEVICE)
            logits, _ = model(2 * images - 1)  # (B, 10); pixels from −1 to 1
            loss = F.cross_entropy(logits, labels)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total_loss += loss.item() * len(labels)
            n_correct += int((logits.argmax(dim=-1) == labels).sum())
            n_images += len(labels)
    return total_loss / n_images, n_correct / n_images


# %%
torch.manual_seed(SEED)
vit = VisionTransformer(
    n_channels=3,
    nout=10,
    img_size=32,
    patch_size=PATCH_SIZE,
    dim=VIT_DIM,
    attn_dim=VIT_ATTN_DIM,
    mlp_dim=VIT_MLP_DIM,
    num_heads=VIT_NUM_HEADS,
    num_layers=VIT_NUM_LAYERS,
).to(DEVICE)
vit_optimizer = torch.optim.Adam(vit.parameters(), lr=VIT_LEARNING_RATE)
training_loader = DataLoader(training_images, batch_size=VIT_BATCH_SIZE, shuffle=True)
validation_loader = DataLoader(validation_images, batch_size=VIT_BATCH_SIZE)
vit_losses, vit_accuracies = [], []
for epoch in range(VIT_EPOCHS):
    vit_losses.append(vit_epoch(vit, training_loader, vit_optimizer)[0])
    vit_accuracies.append(vit_epoch(vit, validation_loader, None)[1])
    print(f"epoch {epoch + 1}: training loss {vit_losses[-1]:.3f}, validation accuracy {vit_accuracies[-1]:.1%}")


# %%
def plot_curves(curves: dict[str, list[float]], ylabel: str) -> None:
    """Plot one value per epoch for each name."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5, 3))
    for name, values in curves.items():
        axis.plot(range(1, len(values) + 1), values, marker="o", label=name)
    axis.set(xlabel="epoch", ylabel=ylabel)
    axis.legend()
    figure.tight_layout()
    plt.show()


# %%
plot_curves({"training": vit_losses}, "loss per image (nats)")
plot_curves({"validation": [100 * accuracy for accuracy in vit_accuracies]}, "accuracy (%)")

# %% [markdown]
# ### 3(d) **written** (1 point): what the class token looks at
#
# For 10 validation images: the attention that the class token pays to each patch, averaged over heads and layers.
# Bright is much. Put the figure in your PDF and say what you observe.


# %%
def plot_heatmaps(images: Tensor, titles: list[str], heatmaps: Tensor) -> None:
    """Show images, (N, 3, 32, 32), and under each its heatmap, (N, rows, columns), laid over it."""
    import matplotlib.pyplot as plt

    pictures = images.permute(0, 2, 3, 1).numpy()  # (N, 32, 32, 3)
    figure, axes = plt.subplots(2, len(images), figsize=(1.5 * len(images), 3.4), sharex=True, sharey=True)
    for (upper, lower), picture, title, heatmap in zip(axes.T, pictures, titles, heatmaps.numpy(), strict=True):
        upper.imshow(picture)
        upper.set_title(title, fontsize=8)
        lower.imshow(picture)
        lower.imshow(heatmap, extent=(-0.5, 31.5, 31.5, -0.5), interpolation="bilinear", alpha=0.6)
        lower.set(xlabel="x (pixels)")
    for axis in axes[:, 0]:
        axis.set(ylabel="y (pixels)")
    figure.tight_layout()
    plt.show()


# %%
shown_images, shown_labels = validation_images[:10]  # (10, 3, 32, 32), (10,)
vit.eval()
with torch.no_grad():
    _, alphas = vit(2 * shown_images.to(DEVICE) - 1, return_attn=True)  # (10, layers, heads, 1 + patches, 1 + patches)
side = 32 // PATCH_SIZE
class_token_weights = alphas.mean(dim=(1, 2))[:, 0, 1:].reshape(-1, side, side)  # (10, rows, columns) of patches
plot_heatmaps(shown_images, [class_names[label] for label in shown_labels], class_token_weights.cpu())

# %% [markdown]
# ### 3(e) **written** (1 point): convolutional networks and vision transformers
#
# ## Problem 4: DialogueGPT
#
# Put `input.txt`, the Shakespeare text of the course, next to this notebook. It consists of speeches with empty lines
# between them; each speech is one example. Where the file is missing, the cell below makes up speeches of the same form
# out of a few words. They are quickly learned; your report must be about the real ones.

# %%
INPUT_PATH = Path("input.txt")
N_GENERATED_DIALOGUES = 400


# %%
def generated_dialogues(n: int, seed: int) -> str:
    """Make up speeches: a speaker's name, lines of words, an empty line.

    There is something to learn: who speaks decides what is missed, and names and places are taken up again.
    """
    rng = random.Random(seed)
    belongings = {"Queen": "crown", "Soldier": "sword", "Nurse": "child", "Clown": "song", "Captain": "ship"}
    places = ["garden", "tower", "forest", "harbour", "street"]
    speeches = []
    for _ in range(n):
        speaker, friend = rng.sample(list(belongings), 2)
        place, thing, hour = rng.choice(places), belongings[speaker], rng.choice(["morning", "evening"])
        lines = [
            f"{speaker}:",
            f"Good {hour}, gentle {friend}!",
            f"I left my {thing} in the {place} this {hour},",
            f"and who but {friend} walks in the {place}?",
            rng.choice([f"Give me my {thing}, {friend}!", f"{friend}, have you seen my {thing}?"]),
        ]
        speeches.append("\n".join(lines))
    return "\n\n".join(speeches) + "\n"


# %%
if INPUT_PATH.is_file():
    raw_text = INPUT_PATH.read_text(encoding="utf-8")
else:
    raw_text = generated_dialogues(N_GENERATED_DIALOGUES, SEED)
    print(f"{INPUT_PATH} is not here: training on generated speeches instead of Shakespeare.")
all_dialogues = [dialogue.strip() for dialogue in raw_text.split("\n\n") if dialogue.strip()]
print(f"{len(all_dialogues)} dialogues; the first one:\n\n{all_dialogues[0]}")

# %% [markdown]
# ### 4(a) From text to ids and back (2 points)
#
# NLTK's `word_tokenize` splits text into words and punctuation marks. It needs data that `nltk.download("punkt_tab")`
# fetches once. Where they are missing, the cell below does without: full stops inside a line then stay with their word.

# %%
try:
    from nltk.tokenize import word_tokenize

    word_tokenize("Are the data here?")
except LookupError:
    words_of_line = partial(word_tokenize, preserve_line=True)

    def word_tokenize(text: str) -> list[str]:
        """Split each line into words and punctuation marks."""
        return [word for line in text.splitlines() for word in words_of_line(line)]

# %% [markdown]
# `MyTokenizer` knows three special tokens and the words of a text. Write `encode` and `decode`.


# %%
class MyTokenizer:
    """Words as numbers.

    Args:
        raw_text: the text whose words are known.

    Attributes:
        start_id, pad_id, unk_id: ids of the special tokens: 0 starts every example, 1 pads examples to the same length,
            2 stands for unknown words.
        tokens: the token of each id: the three special ones, then the words of the text in sorted order.
        token_to_id: the id of each token.
    """

    START = "<START>"
    PAD = "<PAD>"
    UNK = "<UNK>"

    def __init__(self, raw_text: str) -> None:
        self.tokens = [self.START, self.PAD, self.UNK, *np.unique(word_tokenize(raw_text)).tolist()]
        self.token_to_id = {token: id for id, token in enumerate(self.tokens)}
        self.start_id, self.pad_id, self.unk_id = (self.token_to_id[token] for token in self.tokens[:3])

    def __len__(self) -> int:
        """Number of ids, the special ones included."""
        return len(self.tokens)

    def encode(self, s: str) -> list[int]:
        """Turn a text into ids: the start token's, then one for each token of `word_tokenize`."""
        # <solution> 4(a): split the string, look up each word, prepend the start token
        return [self.start_id, *(self.token_to_id.get(word, self.unk_id) for word in word_tokenize(s))]
        # </solution>
        # <template>
        # | # Words that the vocabulary lacks become the unknown token.
        # | raise NotImplementedError("4(a): turn the string into a list of ids in MyTokenizer.encode")
        # </template>

    def decode(self, ids: list[int] | np.ndarray | Tensor) -> str:
        """Turn ids back into tokens, the special ones too, with a space between them."""
        # <solution> 4(a): look up the token of each id, join with spaces
        return " ".join(self.tokens[int(id)] for id in ids)
        # </solution>
        # <template>
        # | # The ids may come as a list, an array or a tensor of one axis. Special tokens are decoded like any others.
        # | raise NotImplementedError("4(a): turn the ids into a string in MyTokenizer.decode")
        # </template>


# %% [markdown]
# Test case: there and back again.

# %%
test_tokenizer = MyTokenizer("To be, or not to be: that is the question")
test_ids = test_tokenizer.encode("that is not the answer: be")
assert list(test_ids) == [0, 11, 7, 8, 12, 2, 4, 6], test_ids
assert test_tokenizer.decode(np.array(test_ids)) == "<START> that is not the <UNK> : be"
print("test case of MyTokenizer passed")

# %% [markdown]
# ### 4(b) Batches
#
# Nothing to write here. Read how a batch is made: all examples get the length of the longest one, and `input_mask` says
# which ids are tokens of the example (1) and which are padding (0).


# %%
class DialogueDataset(Dataset[Tensor]):
    """Dialogues as ids.

    Args:
        dialogues: the texts.
        tokenizer: encodes them.
        max_N: longer examples are cut to this number of tokens.
    """

    def __init__(self, dialogues: list[str], tokenizer: MyTokenizer, max_N: int) -> None:
        self.examples = [torch.tensor(tokenizer.encode(dialogue)[:max_N]) for dialogue in dialogues]
        self.pad_id = tokenizer.pad_id

    def __len__(self) -> int:
        """Number of dialogues."""
        return len(self.examples)

    def __getitem__(self, index: int) -> Tensor:
        """Give the ids of a dialogue, int64 of shape (tokens,)."""
        return self.examples[index]

    def collate(self, examples: list[Tensor]) -> dict[str, Tensor]:
        """Make a batch of examples.

        Returns:
            input_ids: (B, T) int64, padded to the right.
            input_mask: (B, T) int64, 1 = token, 0 = padding.
        """
        pad = nn.utils.rnn.pad_sequence
        input_ids = pad(examples, batch_first=True, padding_value=self.pad_id)  # (B, T)
        input_mask = pad([torch.ones_like(ids) for ids in examples], batch_first=True)  # (B, T)
        return {"input_ids": input_ids, "input_mask": input_mask}


# %% [markdown]
# ### 4(c) The language model (2 points)
#
# The model turns ids into embeddings, adds a learned embedding of each position, and runs your transformer with a
# causal mask: no token may see a later one. The head then scores all words of the vocabulary as the next token, at
# each position.
#
# ### 4(e) **written** (1 point): why is generating slow?
#
# Read `generate`, which is given.


# %%
class DialogueGPT(nn.Module):
    """A language model: at each position, score the words that may come next.

    Args:
        vocab_size: number of ids, V.
        max_N: number of positions; no example may have more tokens.
        dim, attn_dim, mlp_dim, num_heads, num_layers: as for `Transformer`.
    """

    def __init__(
        self, vocab_size: int, max_N: int, dim: int, attn_dim: int, mlp_dim: int, num_heads: int, num_layers: int
    ) -> None:
        super().__init__()
        self.max_N = max_N
        self.transformer = Transformer(dim, attn_dim, mlp_dim, num_heads, num_layers)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, vocab_size))
        # <solution> 4(c): the embeddings of tokens and of positions
        self.token_embedding = nn.Embedding(vocab_size, dim)
        self.position_embedding = nn.Embedding(max_N, dim)
        # </solution>
        # <template>
        # | # One vector of dim learned numbers for each id, and one for each of the max_N positions (nn.Embedding).
        # | raise NotImplementedError("4(c): create the two embeddings in DialogueGPT.__init__")
        # </template>

    def forward(self, input_ids: Tensor, return_attn: bool = False) -> tuple[Tensor, Tensor | None]:
        """Score the next token at each position, from the tokens up to there.

        Args:
            input_ids: (B, T) int64, T at most max_N.
            return_attn: whether the attention weights are wanted.

        Returns:
            logits: (B, T, V); those at [b, t] are for the token at t + 1.
            alphas: (B, num_layers, num_heads, T, T) if `return_attn`, otherwise None.

        Raises:
            ValueError: there are more than max_N tokens.
        """
        if input_ids.shape[1] > self.max_N:
            raise ValueError(f"at most max_N = {self.max_N} tokens, got {input_ids.shape[1]}")
        # <solution> 4(c): embed tokens and positions, make the causal mask
        B, T = input_ids.shape
        positions = torch.arange(T, device=input_ids.device)
        embeddings = self.token_embedding(input_ids) + self.position_embedding(positions)  # (B, T, dim)
        attn_mask = torch.ones(T, T, device=input_ids.device).tril().expand(B, T, T)  # 1 on and below the diagonal
        # </solution>
        # <template>
        # | # Two things are needed below:
        # | # - embeddings, (B, T, dim): those of the tokens plus those of the positions 0, 1, …, T − 1;
        # | # - attn_mask, (B, T, T): 1 where token i may attend to token j, otherwise 0 (torch.tril may help).
        # | # What you create must be on the device of input_ids.
        # | raise NotImplementedError("4(c): compute embeddings and attn_mask in DialogueGPT.forward")
        # </template>
        hidden, alphas = self.transformer(embeddings, attn_mask=attn_mask, return_attn=return_attn)
        return self.head(hidden), alphas  # (B, T, V), the weights

    @torch.no_grad()
    def generate(self, input_ids: Tensor, num_tokens: int) -> Tensor:
        """Append tokens one by one, each time the most likely next one. The model sees the last max_N tokens.

        Args:
            input_ids: (B, T) int64, how the texts begin.
            num_tokens: number of tokens to append.

        Returns:
            (B, T + num_tokens) int64.
        """
        for _ in range(num_tokens):
            logits, _ = self(input_ids[:, -self.max_N :])
            next_ids = logits[:, -1].argmax(dim=-1, keepdim=True)  # (B, 1)
            input_ids = torch.cat((input_ids, next_ids), dim=1)
        return input_ids


# %% [markdown]
# ### 4(d) The loss (2 points)
#
# The logits at position $i$ predict the token at $i + 1$. So $T$ tokens make $T - 1$ classification losses: nothing
# predicts the start token, and the last logits predict nothing. Padding is no target either: count the loss of a
# target only where `inp_mask` is 1.
#
# The handout leaves open how the losses become one number. Here it is the mean over all counted targets **of the whole
# batch**, so that each token has the same weight, in a long example as in a short one:
#
# $$\frac{\sum_{b,\,t \ge 1} m_{bt}\,\ell_{bt}}{\sum_{b,\,t \ge 1} m_{bt}}, \qquad
#   \ell_{bt} = -\log \mathrm{softmax}(\mathbf{O}_{b,\,t-1})[\mathrm{id}_{bt}].$$


# %%
class DialogueLoss(nn.Module):
    """Mean loss, in nats, of predicting each token from those before it."""

    def forward(self, logits: Tensor, input_ids: Tensor, inp_mask: Tensor) -> Tensor:
        """Compare the logits at each position with the next token.

        Args:
            logits: (B, T, V) floating point, what the model returns for `input_ids`.
            input_ids: (B, T) int64.
            inp_mask: (B, T), 1 = token, 0 = padding.

        Returns:
            A scalar: the sum of the losses of all tokens that count, divided by their number in the batch.
        """
        # <solution> 4(d): shift by one, leave out padding, average cross entropy over the batch's tokens
        counts = inp_mask[:, 1:] == 1  # (B, T − 1), one for each target
        return F.cross_entropy(logits[:, :-1][counts], input_ids[:, 1:][counts])  # of (N, V) and (N,)
        # </solution>
        # <template>
        # | # Which logits and which ids belong together? Of each, T − 1 positions are left after the shift.
        # | # F.cross_entropy wants the axis of the classes in second place; with reduction="none" it gives each
        # | # target's own loss.
        # | raise NotImplementedError("4(d): compute the mean loss in DialogueLoss.forward")
        # </template>


# %% [markdown]
# Test case: sizes, and a loss that can be worked out by hand: if all logits are equal, each token costs $\ln V$.

# %%
test_gpt = DialogueGPT(vocab_size=20, max_N=8, dim=10, attn_dim=7, mlp_dim=11, num_heads=4, num_layers=2)
test_batch_ids = torch.randint(20, (3, 6))
logits, alphas = test_gpt(test_batch_ids, return_attn=True)
assert logits.shape == (3, 6, 20), logits.shape
assert alphas.shape == (3, 2, 4, 6, 6), alphas.shape
assert (alphas.triu(diagonal=1) == 0).all(), "a token attends to a later one"
assert test_gpt.generate(test_batch_ids, 5).shape == (3, 11)
test_loss = DialogueLoss()(torch.zeros(3, 6, 20), test_batch_ids, torch.ones(3, 6, dtype=torch.long))
assert torch.allclose(test_loss, torch.tensor(20.0).log()), test_loss
print("test cases of DialogueGPT and DialogueLoss passed")

# %% [markdown]
# ### 4(f) Training (1 point, **written**)
#
# Again the sizes are for a quick run on a CPU with the generated speeches; with the real text on a GPU, start from
# those in the comments and plan for about half an hour. If the loss does not fall, set `N_DIALOGUES` to about 10: a
# model without mistakes learns so few examples by heart. How do the generated texts change from epoch to epoch?

# %%
N_DIALOGUES = None  # how many of the training dialogues are used; None: all
MAX_N = 64  # GPU: 256
GPT_DIM = 64  # GPU: 256
GPT_ATTN_DIM = 16  # of each head; GPU: 64
GPT_MLP_DIM = 128  # GPU: 512
GPT_NUM_HEADS = 4
GPT_NUM_LAYERS = 2  # GPU: 4
GPT_BATCH_SIZE = 16  # GPU: 32
GPT_LEARNING_RATE = 2e-3  # GPU: 3e-4
GPT_EPOCHS = 5  # GPU: 20


# %%
def gpt_epoch(model: DialogueGPT, loader: DataLoader, optimizer: torch.optim.Optimizer | None) -> float:
    """Go once through the dialogues, and train if there is an optimizer. Return the mean loss of a token in nats."""
    model.train(optimizer is not None)
    total_loss, n_tokens = 0.0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for batch in loader:
            input_ids, input_mask = batch["input_ids"].to(DEVICE), batch["input_mask"].to(DEVICE)  # each (B, T)
            logits, _ = model(input_ids)  # (B, T, V)
            loss = DialogueLoss()(logits, input_ids, input_mask)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            n = int(input_mask[:, 1:].sum())
            total_loss += loss.item() * n
            n_tokens += n
    return total_loss / n_tokens


def continue_text(model: DialogueGPT, tokenizer: MyTokenizer, text: str, num_tokens: int) -> str:
    """Let the model continue a text greedily."""
    input_ids = torch.tensor([tokenizer.encode(text)], device=DEVICE)  # (1, T)
    return tokenizer.decode(model.eval().generate(input_ids, num_tokens)[0])


# %%
torch.manual_seed(SEED)
tokenizer = MyTokenizer(raw_text)
n_validation = len(all_dialogues) // 10
training_dialogues = DialogueDataset(all_dialogues[n_validation:][:N_DIALOGUES], tokenizer, MAX_N)
validation_dialogues = DialogueDataset(all_dialogues[:n_validation], tokenizer, MAX_N)
collate = training_dialogues.collate
dialogue_loader = DataLoader(training_dialogues, batch_size=GPT_BATCH_SIZE, shuffle=True, collate_fn=collate)
held_out_loader = DataLoader(validation_dialogues, batch_size=GPT_BATCH_SIZE, collate_fn=collate)
gpt = DialogueGPT(
    vocab_size=len(tokenizer),
    max_N=MAX_N,
    dim=GPT_DIM,
    attn_dim=GPT_ATTN_DIM,
    mlp_dim=GPT_MLP_DIM,
    num_heads=GPT_NUM_HEADS,
    num_layers=GPT_NUM_LAYERS,
).to(DEVICE)
gpt_optimizer = torch.optim.Adam(gpt.parameters(), lr=GPT_LEARNING_RATE)
prompt = all_dialogues[0].split("\n")[0]  # who speaks
gpt_losses, held_out_losses = [], []
for epoch in range(GPT_EPOCHS):
    gpt_losses.append(gpt_epoch(gpt, dialogue_loader, gpt_optimizer))
    held_out_losses.append(gpt_epoch(gpt, held_out_loader, None))
    print(f"epoch {epoch + 1}: loss {gpt_losses[-1]:.3f} in training, {held_out_losses[-1]:.3f} in validation")
    print("   ", continue_text(gpt, tokenizer, prompt, 30))

# %%
plot_curves({"training": gpt_losses, "validation": held_out_losses}, "loss per token (nats)")

# %% [markdown]
# ### 4(g) Fifty tokens (1 point, **written**)
#
# Paste the output in your PDF.

# %%
print(continue_text(gpt, tokenizer, prompt, 50))

# %% [markdown]
# ### 4(h) and 4(i) **written** (0.5 points each): nucleus sampling; caching of keys and values
