# %% [markdown]
# # Assignment 3: Autoregressive Language Modeling with Transformers
#
# You write the parts of a GPT that models text character by character, train it, and let it write.
#
# | task | points | in this notebook |
# | --- | --- | --- |
# | a | 1 | look at the data (given) |
# | b | 8 | **TODO** `CausalSelfAttention` |
# | c | 2 | **TODO** `MLP` |
# | d | 3 | **TODO** `GPT.forward` |
# | e | 2 | train the baseline, plot its losses |
# | f | 4 | **TODO** `GPT.sample` |
# | g | 2 | samples at six temperatures and from several prompts |
# | h | 3 | **TODO** at least five architectures |
#
# In `CausalSelfAttention`, `MLP` and `GPT`, add code to the sections marked `TODO` only, and keep all signatures. Use
# PyTorch's primitives: nothing that computes attention for you, such as `F.scaled_dot_product_attention` or
# `nn.MultiheadAttention`.
#
# **Hand in** exactly two files, not zipped and in no folder: this notebook and your report (PDF), whose first page is
# the cover letter. Exactly one member of a group uploads them.
#
# Letters in the comments on shapes: `B` sequences in a batch, `T` tokens in a sequence, `C` = `n_embd` features of a
# token, `hs` = `n_embd / n_head` features of a head, `V` = `vocab_size`.

# %%
"""A character-level GPT: everything that this notebook needs from elsewhere."""

import math
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

# %% [markdown]
# ## Hyperparameters of the baseline
#
# As they stand, the whole notebook takes a minute or two on a CPU: enough to see whether your code works. The numbers
# behind "GPU" are a starting point for training on a whole book.

# %%
block_size = 32  # largest number of characters that the model looks at; GPU: 256
n_layer = 2  # blocks; GPU: 6
n_head = 4  # heads in each block; GPU: 6
n_embd = 64  # features of a token, a multiple of n_head; GPU: 384
dropout = 0.1  # probability of dropping a value in training; GPU: 0.2
bias = True  # whether linear layers and LayerNorms have a bias
batch_size = 16  # sequences in a batch; GPU: 64
learning_rate = 3e-3  # GPU: 1e-3
max_iters = 300  # optimiser steps; GPU: 5000
eval_interval = 50  # steps between two measurements of the losses; GPU: 250
eval_batches = 8  # batches in a measurement; GPU: 100
architecture_iters = 100  # optimiser steps for each architecture of task h; GPU: 5000
seed = 2025
device = "cuda" if torch.cuda.is_available() else "cpu"

# %% [markdown]
# ## a) Data
#
# Put a text file named `tiny_shakespeare.txt` next to this notebook. Without it, a generated text is used: fine for
# testing, too simple for your report.

# %%
CORPUS = Path("tiny_shakespeare.txt")


def made_up_diary(n_days: int = 1200) -> str:
    """Write a diary from short lists of words, the same one each time.

    Args:
        n_days: number of entries, each with a headline and two to four sentences, and an empty line below.

    Returns:
        about 120 characters a day.
    """
    rng = random.Random(3)
    days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
    times = ["in the morning", "at noon", "after dinner", "late at night"]
    people = ["the postman", "aunt Rosa", "our neighbour", "a stranger", "the doctor"]
    verbs = ["brought", "lost", "repaired", "asked for", "talked about"]
    things = ["the bicycle", "a basket of plums", "the old piano", "two letters", "the garden gate"]
    entries = []
    for day in range(n_days):
        lines = [f"{days[day % 7]}."]
        for _ in range(rng.randint(2, 4)):
            when, who, verb, what = (rng.choice(words) for words in (times, people, verbs, things))
            lines.append(f"{when.capitalize()}, {who} {verb} {what}.")
        entries.append("\n".join(lines))
    return "\n\n".join(entries) + "\n"


def read_corpus(path: Path) -> str:
    """Read the corpus, or make one up where there is none, and say which."""
    if path.is_file():
        corpus = path.read_text(encoding="utf-8")
        print(f"{path}: {len(corpus):,} characters")
    else:
        corpus = made_up_diary()
        print(f"{path} is not here: using a generated diary of {len(corpus):,} characters instead")
    return corpus


class CharDataset(Dataset):
    """All pieces of `block_size` characters of a text, each with the characters that follow.

    Args:
        ids: (number of characters,) int64, the text.
        block_size: T, length of a piece.
    """

    def __init__(self, ids: Tensor, block_size: int) -> None:
        self.ids = ids
        self.block_size = block_size

    def __len__(self) -> int:
        return len(self.ids) - self.block_size

    def __getitem__(self, start: int) -> tuple[Tensor, Tensor]:
        """Return the piece at `start` and the same piece one character further on, each (T,) int64."""
        piece = self.ids[start : start + self.block_size + 1]  # (T + 1,)
        return piece[:-1], piece[1:]


text = read_corpus(CORPUS)
chars = sorted(set(text))
vocab_size = len(chars)
char_to_id = {char: i for i, char in enumerate(chars)}


def encode(string: str) -> list[int]:
    """Turn a text into ids; it may only have characters of the corpus."""
    return [char_to_id[char] for char in string]


def decode(ids: list[int]) -> str:
    """Turn ids into a text."""
    return "".join(chars[i] for i in ids)


corpus_ids = torch.tensor(encode(text))  # (number of characters,)
n_train = int(0.9 * len(corpus_ids))
train_ids, val_ids = corpus_ids[:n_train], corpus_ids[n_train:]


# %%
def random_batches(ids: Tensor, block_size: int, batch_size: int, n_batches: int) -> DataLoader:
    """Make a DataLoader of `n_batches` batches of random pieces of a text."""
    dataset = CharDataset(ids, block_size)
    sampler = RandomSampler(dataset, replacement=True, num_samples=n_batches * batch_size)
    return DataLoader(dataset, batch_size=batch_size, sampler=sampler)


print(text[:300])
print(f"{vocab_size} different characters, the most frequent ones: {Counter(text).most_common(5)}")
example_x, example_y = next(iter(random_batches(train_ids, block_size, batch_size, 1)))
print(f"a batch: x {tuple(example_x.shape)} {example_x.dtype}, y {tuple(example_y.shape)} {example_y.dtype}")
print("x[0]:", repr(decode(example_x[0].tolist())))
print("y[0]:", repr(decode(example_y[0].tolist())))

# %% [markdown]
# ## b) Causal self-attention
#
# The sizes of a model are kept in a `GPTConfig`. `LayerNorm` is given: it is PyTorch's, except that its bias can be
# left out.


# %%
@dataclass
class GPTConfig:
    """The sizes of a `GPT`.

    Args:
        block_size: largest number of tokens in a sequence.
        vocab_size: V, number of token ids.
        n_layer: number of blocks.
        n_head: number of heads in each block.
        n_embd: C, features of a token, a multiple of `n_head`.
        dropout: probability of dropping a value, in train mode only.
        bias: whether linear layers and LayerNorms have a bias.
    """

    block_size: int = 32
    vocab_size: int = 65
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 64
    dropout: float = 0.0
    bias: bool = True


class LayerNorm(nn.Module):
    """Normalisation of each token's features, with a bias or without.

    Args:
        ndim: number of features.
        bias: whether there is a bias.
    """

    def __init__(self, ndim: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(ndim))
        self.bias = nn.Parameter(torch.zeros(ndim)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis: (…, ndim) to (…, ndim)."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


# %% [markdown]
# Each head computes, for its own queries, keys and values of $h_s$ features,
#
# $$Y = \text{softmax}\left(\frac{QK^\top}{\sqrt{h_s}} + M\right) V, \qquad
# M_{ij} = \begin{cases} 0 & j \le i \\ -\infty & j > i \end{cases}$$
#
# All heads are computed at once. One linear layer, `c_attn`, makes the queries, keys and values of all heads: its
# $3C$ outputs are first all queries, then all keys, then all values, and each of these three parts holds the features
# of head 0, then of head 1, and so on. Another linear layer, `c_proj`, mixes the outputs of the heads.
#
# The buffer `bias` is given (it has nothing to do with the biases of the layers): 1 where query $i$ may attend to key
# $j$, otherwise 0.


# %%
class CausalSelfAttention(nn.Module):
    """Multi-head self-attention in which no token sees a later one.

    Args:
        config: n_embd, n_head, block_size, dropout and bias. n_embd is a multiple of n_head.
    """

    bias: Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        assert config.n_embd % config.n_head == 0, f"{config.n_head} heads cannot share {config.n_embd} features"
        self.n_head = config.n_head
        self.n_embd = config.n_embd
        causal = torch.ones(config.block_size, config.block_size).tril()
        self.register_buffer("bias", causal[None, None])  # (1, 1, block_size, block_size): _, _, query, key
        # <solution> b: the layers c_attn, c_proj, attn_dropout, resid_dropout
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.attn_dropout = nn.Dropout(config.dropout)
        self.resid_dropout = nn.Dropout(config.dropout)
        # </solution>
        # <template>
        # | # TODO b: four layers, under these names.
        # | # self.c_attn: linear, C to 3C features: queries, keys and values of all heads
        # | # self.c_proj: linear, C to C features: mixes what the heads have found
        # | # self.attn_dropout, self.resid_dropout: dropout of the attention weights, and of the output
        # | # Both linear layers have a bias if config.bias says so.
        # | raise NotImplementedError("b: add the layers in CausalSelfAttention.__init__")
        # </template>

    def forward(self, x: Tensor) -> Tensor:
        """Let each token gather from itself and the tokens before it.

        Args:
            x: (B, T, C), T at most block_size.

        Returns:
            (B, T, C).
        """
        B, T, C = x.shape
        # <solution> b: queries, keys, values; scores, mask, softmax, dropout; weighted sum; heads side by side; c_proj
        qkv = self.c_attn(x).view(B, T, 3, self.n_head, -1)  # (B, T, 3, n_head, hs): queries, keys, values
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, n_head, T, hs)
        scores = q @ k.mT / math.sqrt(q.shape[-1])  # (B, n_head, T, T): _, _, query, key
        scores = scores.masked_fill(self.bias[:, :, :T, :T] == 0, -math.inf)
        weights = self.attn_dropout(scores.softmax(dim=-1))  # (B, n_head, T, T), over the keys
        heads = (weights @ v).transpose(1, 2).reshape(B, T, C)  # side by side again
        return self.resid_dropout(self.c_proj(heads))  # (B, T, C)
        # </solution>
        # <template>
        # | # TODO b
        # | # 1. self.c_attn(x), cut into queries, keys and values: each (B, T, C). Give each head its features and let
        # | #    the heads be an axis before the tokens: (B, n_head, T, hs). A view cannot swap axes.
        # | # 2. Scores of all queries with all keys, divided by the root of hs: (B, n_head, T, T).
        # | # 3. Minus infinity where a key stands after its query: self.bias, cut to T tokens.
        # | # 4. Softmax over the keys, then self.attn_dropout.
        # | # 5. The sum of the values, weighted: (B, n_head, T, hs). Then put the heads side by side: (B, T, C).
        # | # 6. self.c_proj and self.resid_dropout.
        # | raise NotImplementedError("b: write CausalSelfAttention.forward")
        # </template>


# %% [markdown]
# A first check: the shape stays, and what stands later in a sequence must not matter to what stands before.

# %%
torch.manual_seed(seed)
attention_to_check = CausalSelfAttention(GPTConfig(block_size=8, n_head=3, n_embd=12)).eval()
tokens = torch.randn(2, 5, 12)
with torch.no_grad():
    attended, attended_before = attention_to_check(tokens), attention_to_check(tokens[:, :3])
print(tuple(attended.shape), "should be (2, 5, 12)")
print("Later tokens have no influence:", torch.allclose(attended[:, :3], attended_before, atol=1e-6))

# %% [markdown]
# ## c) MLP
#
# After attention has moved information between tokens, an MLP transforms each token on its own: to $4C$ features,
# through a GELU, back to $C$ features, and through dropout. `nn.GELU` may be used.


# %%
class MLP(nn.Module):
    """An MLP with one hidden layer, four times as wide, for each token on its own.

    Args:
        config: n_embd, dropout and bias.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        # <solution> c: the layers c_fc, gelu, c_proj, dropout
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)
        # </solution>
        # <template>
        # | # TODO c: four layers: self.c_fc, self.gelu, self.c_proj and self.dropout.
        # | # Both linear layers have a bias if config.bias says so.
        # | raise NotImplementedError("c: add the layers in MLP.__init__")
        # </template>

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token: (B, T, C) to (B, T, C)."""
        # <solution> c: c_fc, gelu, c_proj, dropout
        hidden = self.gelu(self.c_fc(x))  # (B, T, 4 * C)
        return self.dropout(self.c_proj(hidden))  # (B, T, C)
        # </solution>
        # <template>
        # | # TODO c: the four layers, one after the other.
        # | raise NotImplementedError("c: write MLP.forward")
        # </template>


# %%
# Check: the MLP keeps the shape.
print(tuple(MLP(GPTConfig(n_embd=12))(torch.randn(2, 5, 12)).shape), "should be (2, 5, 12)")

# %% [markdown]
# ## d) GPT, f) its sampling
#
# `Block` is given: attention and MLP each read a normalised copy of the tokens, and what they compute is added to the
# tokens as they were.


# %%
class Block(nn.Module):
    """A Transformer block: attention, then the MLP, each with a LayerNorm before it and a residual connection.

    Args:
        config: the sizes.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(config.n_embd, bias=config.bias)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = LayerNorm(config.n_embd, bias=config.bias)
        self.mlp = MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens exchange information, then transform each: (B, T, C) to (B, T, C)."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


# %% [markdown]
# **d)** A token enters the model as the sum of two learned vectors, one for its character (`wte`) and one for its
# position (`wpe`). After dropout, all blocks and a last normalisation, `lm_head` gives one logit for each character
# that may come next, at *every* position. (`lm_head` and `wte` share their weights: what the model reads as a
# character, it also writes as one.)
#
# **f)** With a temperature $\tau > 0$, the next character is drawn from $\text{softmax}(\mathbf{z} / \tau)$, where
# $\mathbf{z}$ are the logits at the last position. It is appended, and the model is asked again. For $\tau = 0.0001$
# the logits become ten thousand times as large: your code must not overflow.


# %%
class GPT(nn.Module):
    """A decoder-only Transformer.

    Args:
        config: the sizes.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config.vocab_size, config.n_embd),
                "wpe": nn.Embedding(config.block_size, config.n_embd),
                "drop": nn.Dropout(config.dropout),
                "h": nn.ModuleList(Block(config) for _ in range(config.n_layer)),
                "ln_f": LayerNorm(config.n_embd, bias=config.bias),
            }
        )
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # each block adds to the tokens twice: its additions start small, so that their sum does too
                shrink = math.sqrt(2 * config.n_layer) if name.endswith("c_proj.weight") else 1.0
                nn.init.normal_(parameter, std=0.02 / shrink)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def count_parameters(self) -> int:
        """Count the numbers that are trained; shared ones count once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Predict the next token at each position.

        Args:
            idx: (B, T) int64 token ids, T at most block_size.
            targets: (B, T) int64 or None; targets[b, t] is the token that follows idx[b, t].

        Returns:
            the logits (B, T, V), and the loss, a scalar: the mean cross-entropy over all tokens; None without targets.
        """
        B, T = idx.shape
        assert self.config.block_size >= T, f"{T} tokens, but block_size is {self.config.block_size}"
        # <solution> d: embeddings, drop, blocks, ln_f, lm_head, loss
        positions = torch.arange(T, device=idx.device)  # (T,)
        x = self.transformer.drop(self.transformer.wte(idx) + self.transformer.wpe(positions))  # (B, T, C)
        for block in self.transformer.h:
            x = block(x)
        logits = self.lm_head(self.transformer.ln_f(x))  # (B, T, V)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(B * T, -1), targets.reshape(B * T))  # (B * T, V) and (B * T,)
        # </solution>
        # <template>
        # | # TODO d
        # | # 1. wte of the tokens (B, T, C) plus wpe of the positions 0 … T − 1 (T, C), made on the device of idx.
        # | # 2. drop, the blocks h one after the other, ln_f, lm_head: the logits (B, T, V).
        # | # 3. With targets, the mean cross-entropy. Look up which shapes F.cross_entropy takes.
        # | # 4. Return logits and loss, in this order; without targets the loss is None.
        # | raise NotImplementedError("d: write GPT.forward")
        # </template>

    @torch.no_grad()
    def sample(self, idx: Tensor, max_new_tokens: int, temperature: float = 1.0) -> Tensor:
        """Continue each sequence, one token at a time. Call it in eval mode: dropout would disturb the logits.

        Args:
            idx: (B, T) int64, the starting sequences, T at least 1; they may be longer than block_size, of which the
                model sees the end.
            max_new_tokens: number of tokens to add.
            temperature: τ, above 0.

        Returns:
            (B, T + max_new_tokens) int64; it starts with `idx`.
        """
        assert temperature > 0, f"the temperature must be above 0, it is {temperature}"
        # <solution> f: max_new_tokens times: crop, logits at the last position, divide by τ, softmax, draw, append
        for _ in range(max_new_tokens):
            logits, _ = self(idx[:, -self.config.block_size :])  # (B, at most block_size, V)
            last = logits[:, -1]  # (B, V)
            # softmax does not change by this shift; 0 / τ is 0, and what falls below all numbers gets probability 0
            scaled = (last - last.amax(dim=-1, keepdim=True)) / temperature  # (B, V), at most 0
            next_token = torch.multinomial(scaled.softmax(dim=-1), num_samples=1)  # (B, 1)
            idx = torch.cat((idx, next_token), dim=1)
        return idx
        # </solution>
        # <template>
        # | # TODO f: max_new_tokens times,
        # | # 1. run the model on the last block_size tokens at most;
        # | # 2. take the logits at the last position, (B, V), and divide them by the temperature;
        # | # 3. softmax, then draw one token for each sequence: torch.multinomial, (B, 1);
        # | # 4. append it.
        # | # A softmax that you write out yourself overflows at small temperatures, torch.softmax does not: it first
        # | # subtracts the same number from all logits. Why may it do that?
        # | raise NotImplementedError("f: write GPT.sample")
        # </template>


# %%
# Check: an untrained model finds all characters about equally likely.
torch.manual_seed(seed)
baseline_config = GPTConfig(block_size, vocab_size, n_layer, n_head, n_embd, dropout, bias)
baseline = GPT(baseline_config).to(device)
first_logits, first_loss = baseline(example_x.to(device), example_y.to(device))
print(f"{baseline.count_parameters():,} parameters, logits {tuple(first_logits.shape)}")
print(f"loss {first_loss.item():.2f} should be near ln(vocab_size) = {math.log(vocab_size):.2f}")

# %% [markdown]
# ## e) Training
#
# Given: `train` minimises the loss with AdamW and writes down the losses on training and validation data;
# `plot_losses` draws them. Change the hyperparameters at the top if you think that this is necessary.


# %%
@torch.no_grad()
def mean_loss(model: GPT, ids: Tensor, batch_size: int) -> float:
    """Average the loss over `eval_batches` random batches of a text, without dropout."""
    was_training = model.training
    model.eval()
    batches = random_batches(ids, model.config.block_size, batch_size, eval_batches)
    losses = [model(x.to(device), y.to(device))[1].item() for x, y in batches]
    model.train(was_training)
    return sum(losses) / len(losses)


def train(model: GPT, learning_rate: float, batch_size: int, max_iters: int) -> list[tuple[int, float, float]]:
    """Train a model for `max_iters` steps; it ends in eval mode.

    Returns:
        (iteration, training loss, validation loss) for each measurement, the first one before any step.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    history = []

    def measure(iteration: int) -> None:
        history.append((iteration, *(mean_loss(model, ids, batch_size) for ids in (train_ids, val_ids))))
        print("iteration {:5d}: training loss {:.3f}, validation loss {:.3f}".format(*history[-1]))

    model.train()
    for iteration, (x, y) in enumerate(random_batches(train_ids, model.config.block_size, batch_size, max_iters)):
        if iteration % eval_interval == 0:
            measure(iteration)
        batch_loss = model(x.to(device), y.to(device))[1]
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
    measure(max_iters)
    model.eval()
    return history


def plot_losses(histories: dict[str, list[tuple[int, float, float]]], title: str) -> None:
    """Draw training (solid) and validation loss (dashed) of one or more models over the iterations."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    for name, history in histories.items():
        iterations, training, validation = zip(*history, strict=True)
        (line,) = axes.plot(iterations, training, label=f"{name}, training")
        axes.plot(iterations, validation, label=f"{name}, validation", linestyle="--", color=line.get_color())
    axes.set_xlabel("iteration")
    axes.set_ylabel("cross-entropy (nats per character)")
    axes.set_title(title)
    axes.legend(fontsize="small")
    plt.show()
    plt.close(figure)


# %%
torch.manual_seed(seed)
baseline_history = train(baseline, learning_rate, batch_size, max_iters)
plot_losses({"baseline": baseline_history}, "Baseline")

# %% [markdown]
# ## g) Samples
#
# Every text below starts from the same prompt; only the temperature differs.


# %%
def complete(model: GPT, prompt: str, n_characters: int = 200, temperature: float = 1.0) -> str:
    """Let a model in eval mode continue a prompt of at least one character; the prompt is part of the result."""
    start = torch.tensor([encode(prompt)], device=device)  # (1, characters of the prompt)
    return decode(model.sample(start, max_new_tokens=n_characters, temperature=temperature)[0].tolist())


TEMPERATURES = (1.5, 1.0, 0.8, 0.5, 0.1, 0.0001)
for temperature in TEMPERATURES:
    print(f"--- temperature {temperature}")
    print(complete(baseline, "\n", temperature=temperature))

# %% [markdown]
# Now prompts of different lengths: beginnings of a passage that the model has not been trained on. The longest one is
# longer than `block_size`. `|` shows where the model takes over; compare with how the passage really goes on.

# %%
PROMPT_LENGTHS = (1, 4, 12, 24, 2 * block_size)
passage = decode(val_ids[: 2 * block_size + 80].tolist())
print(f"--- the passage\n{passage}")
for length in PROMPT_LENGTHS:
    prompt = passage[:length]
    continuation = complete(baseline, prompt, n_characters=80, temperature=0.5)[length:]
    print(f"--- {length} characters given\n{prompt}|{continuation}")

# %% [markdown]
# ## h) Larger models
#
# An `Architecture` is a model with the hyperparameters of its training. Try at least five; each gets a learning rate
# and a batch size that suit it.


# %%
@dataclass
class Architecture:
    """A model to compare with the baseline.

    Args:
        name: stands in the table and in the plot.
        config: the sizes of the model.
        learning_rate: of AdamW.
        batch_size: sequences in a batch.
    """

    name: str
    config: GPTConfig
    learning_rate: float
    batch_size: int


def sized(n_layer: int, n_head: int, n_embd: int, block_size: int) -> GPTConfig:
    """Make a `GPTConfig` of these sizes; vocabulary, dropout and bias are those of the baseline."""
    return GPTConfig(block_size, vocab_size, n_layer, n_head, n_embd, dropout, bias)


architectures = [Architecture("as baseline", sized(n_layer, n_head, n_embd, block_size), learning_rate, batch_size)]
# <solution> h: at least five architectures
# GPU: 6 layers, 6 heads, 384 features and 256 characters, and each of them doubled, are of a useful size.
architectures.append(Architecture("deeper", sized(3, 4, 64, 32), 3e-3, 16))
architectures.append(Architecture("wider", sized(2, 4, 96, 32), 3e-3, 16))
architectures.append(Architecture("more heads", sized(2, 8, 64, 32), 3e-3, 16))
architectures.append(Architecture("longer context", sized(2, 4, 64, 64), 4e-3, 12))
architectures.append(Architecture("all larger", sized(3, 6, 96, 48), 2e-3, 16))
# </solution>
# <template>
# | # TODO h: append at least five architectures of your own, such as
# | # architectures.append(Architecture("twice as deep", sized(2 * n_layer, n_head, n_embd, block_size), 2e-3, 32))
# </template>

# %%
hardware = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
histories, rows, texts = {}, [], {}
for architecture in architectures:
    print(f"--- {architecture.name}")
    torch.manual_seed(seed)
    larger_model = GPT(architecture.config).to(device)
    started = time.perf_counter()
    histories[architecture.name] = train(
        larger_model, architecture.learning_rate, architecture.batch_size, architecture_iters
    )
    seconds = time.perf_counter() - started
    rows.append((architecture, larger_model.count_parameters(), histories[architecture.name][-1][2], seconds))
    texts[architecture.name] = complete(larger_model, "\n", temperature=0.5)

print(f"\n{hardware}, {architecture_iters} iterations each")
header = ("architecture", "layers", "heads", "n_embd", "block", "parameters", "lr", "batch", "val. loss", "seconds")
print("{:16}{:>8}{:>7}{:>8}{:>7}{:>12}{:>8}{:>7}{:>11}{:>9}".format(*header))
for architecture, n_parameters, loss, seconds in rows:
    sizes, lr = architecture.config, architecture.learning_rate
    print(
        f"{architecture.name:16}{sizes.n_layer:8}{sizes.n_head:7}{sizes.n_embd:8}{sizes.block_size:7}"
        f"{n_parameters:12,}{lr:8.4f}{architecture.batch_size:7}{loss:11.3f}{seconds:9.1f}"
    )
plot_losses(histories, "Architectures")

# %%
for name, sampled_text in texts.items():
    print(f"--- {name}, temperature 0.5{sampled_text}")
