# %% [markdown]
# # Homework 7: TinyGPT
#
# You build a small *Generative Pretrained Transformer* that writes text character by character, and you train it
# twice: once without a causal mask and once with it.
#
# Your work is in four `forward` functions, marked `# TODO`:
#
# | question | function | what it does |
# | --- | --- | --- |
# | 1.i | `Head.forward` | one head of self-attention |
# | 1.ii | `MultiHeadAttention.forward` | several heads, put side by side |
# | 1.iii | `Block.forward` | normalisation, residual paths, attention and MLP |
# | 1.iv | `TinyGPT.forward` | embeddings, blocks, logits and loss |
#
# Everything else is given: constructors, `FeedForward`, `generate`, the data, the training loop and the plots. Leave
# the signatures and the names of the layers as they are. Use PyTorch only.
#
# **Hand in**
#
# - to "Homework 7 - Notebook": one zip file with this notebook and a PDF of it;
# - to "Homework 7 - Report": your report, made with LaTeX. It alone answers questions 1(a), (b), (c)iii and (d).
#
# Letters in the comments on shapes: `B` sequences in a batch, `T` tokens in a sequence, `V` = `vocab_size`.

# %%
"""TinyGPT: everything that this notebook needs from elsewhere."""

import math
import random
import re
import unicodedata
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# %% [markdown]
# ## Hyperparameters
#
# As they stand, the two trainings take about a minute on a CPU. That is enough to see whether your code works, not to
# converge on Shakespeare. The last column is a starting point for the whole corpus on a GPU (Colab: *Edit*, *Notebook
# settings*).

# %%
batch_size = 32  # sequences in a batch; GPU: 64
block_size = 32  # largest number of characters that the model looks at; GPU: 256
n_embd = 64  # features of a token, a multiple of n_head; GPU: 384
n_head = 4  # heads in each block; GPU: 6
n_layer = 2  # blocks; GPU: 6
dropout = 0.1  # probability of dropping a value in training; GPU: 0.2
learning_rate = 3e-3  # GPU: 3e-4
max_iters = 300  # optimiser steps of one training; GPU: 5000
eval_interval = 50  # steps between two measurements of the losses; GPU: 250
eval_iters = 10  # batches in a measurement; GPU: 100
seed = 682
device = "cuda" if torch.cuda.is_available() else "cpu"

# %% [markdown]
# ## Data
#
# Put `tiny_shakespeare.txt` (about one million characters) next to this notebook. Without it, a generated text of the
# same layout is used: fine for testing, too simple for your report.

# %%
CORPUS = Path("tiny_shakespeare.txt")


def made_up_play(n_speeches: int = 1500) -> str:
    """Write speeches from short lists of words, the same ones each time.

    Args:
        n_speeches: number of speeches, each with its speaker's name above it and an empty line below.

    Returns:
        about 70 characters a speech.
    """
    rng = random.Random(7)
    speakers = ["Baker", "Captain", "First Widow", "Gardener", "Second Widow"]
    subjects = ["the moon", "my brother", "an honest thief", "the old queen", "thy letter"]
    verbs = ["forgives", "remembers", "follows", "betrays", "cannot find"]
    objects = ["a silver ring", "the harbour", "our quarrel", "those who sleep", "the winter"]
    endings = [".", "!", ", and so do I.", ", my lord.", "; who would not?"]
    speeches = []
    for _ in range(n_speeches):
        lines = []
        for _ in range(rng.randint(1, 3)):
            sentence = f"{rng.choice(subjects)} {rng.choice(verbs)} {rng.choice(objects)}{rng.choice(endings)}"
            lines.append(sentence[0].upper() + sentence[1:])
        speeches.append("\n".join([f"{rng.choice(speakers)}:", *lines]))
    return "\n\n".join(speeches) + "\n"


def read_corpus(path: Path) -> str:
    """Read the corpus, or make one up where there is none, and say which."""
    if path.is_file():
        corpus = path.read_text(encoding="utf-8")
        print(f"{path}: {len(corpus):,} characters")
    else:
        corpus = made_up_play()
        print(f"{path} is not here: using a generated play of {len(corpus):,} characters instead")
    return corpus


text = read_corpus(CORPUS)
print(text[:200])

# %% [markdown]
# A token is a character. The vocabulary is the sorted characters of the corpus; `encode` and `decode` translate
# between text and ids. The first 90 % of the corpus are for training, the rest is for validation.

# %%
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
splits = {"train": corpus_ids[:n_train], "val": corpus_ids[n_train:]}


def get_batch(split: str) -> tuple[Tensor, Tensor]:
    """Draw a batch of pieces of the corpus.

    Args:
        split: "train" or "val".

    Returns:
        inputs and targets, both (batch_size, block_size) int64. targets[b, t] is the character that follows
        inputs[b, t] in the corpus.
    """
    ids = splits[split]
    starts = torch.randint(len(ids) - block_size, (batch_size,)).tolist()
    inputs = torch.stack([ids[s : s + block_size] for s in starts])  # (batch_size, block_size)
    targets = torch.stack([ids[s + 1 : s + 1 + block_size] for s in starts])  # (batch_size, block_size)
    return inputs.to(device), targets.to(device)


print(f"{vocab_size} characters in the vocabulary, {n_train:,} to train on")
example_inputs, example_targets = get_batch("train")
print("input: ", repr(decode(example_inputs[0].tolist())))
print("target:", repr(decode(example_targets[0].tolist())))

# %% [markdown]
# ## 1.i Self-attention head
#
# Each token asks a question (its *query*), and offers a description of itself (its *key*) and a content (its
# *value*). How well query and key match decides how much of a value flows to the token that asks:
#
# $$\text{Head}(X) = \text{dropout}\left(\text{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)\right) V$$
#
# $d_k$ is the number of features of one key, that is `head_size` (not `n_embd`). The softmax runs over the keys, so
# that the weights of each query sum to 1.
#
# **Two stages, see question 1(c).** First write the head *without* a mask. When everything works and you have seen
# the results, come back and add the *causal mask*: no weight for a key that stands after its query. The constructor
# gives you `self.tril`, a matrix with 1 where query `i` (row) may attend to key `j` (column), and 0 elsewhere. Hand
# in the head with the mask.


# %%
class Head(nn.Module):
    """One head of causal self-attention.

    Args:
        head_size: features of a query, a key and a value.
    """

    tril: Tensor

    def __init__(self, head_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(n_embd, head_size, bias=False)
        self.query = nn.Linear(n_embd, head_size, bias=False)
        self.value = nn.Linear(n_embd, head_size, bias=False)
        self.register_buffer("tril", torch.ones(block_size, block_size).tril())  # (block_size, block_size): query, key
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Let each token gather the values of the tokens that it may attend to.

        Args:
            x: (B, T, n_embd), T at most block_size.

        Returns:
            (B, T, head_size).
        """
        # <solution> 1.i: scores, mask (stage ii), softmax, dropout, weighted sum of the values
        q, k, v = self.query(x), self.key(x), self.value(x)  # each (B, T, head_size)
        T, d_k = k.shape[-2:]
        scores = q @ k.mT / math.sqrt(d_k)  # (B, T, T): query, key
        scores = scores.masked_fill(self.tril[:T, :T] == 0, -math.inf)  # question 1(c)ii
        attention = self.dropout(scores.softmax(dim=-1))  # (B, T, T), over the keys
        return attention @ v  # (B, T, head_size)
        # </solution>
        # <template>
        # | # TODO 1.i
        # | # 1. Queries, keys and values of all tokens: each (B, T, head_size).
        # | # 2. Scores: the dot product of every query with every key, divided by the root of d_k: (B, T, T).
        # | # 3. Stage (c)ii only: where a key stands after its query, the score becomes minus infinity. Cut self.tril
        # | #    to the T tokens that there are; this step comes before the softmax.
        # | # 4. Attention weights: softmax over the keys, then self.dropout.
        # | # 5. The sum of the values, weighted: (B, T, head_size).
        # | raise NotImplementedError("1.i: write Head.forward")
        # </template>


# %%
# Check: a head turns n_embd features into head_size features.
print(tuple(Head(8)(torch.randn(2, 5, n_embd)).shape), "should be (2, 5, 8)")

# %% [markdown]
# ## 1.ii Multi-head attention
#
# One head has one set of weights for each token. Several heads, each with its own queries, keys and values, can look
# for different things at the same time. Their outputs are concatenated along the features, and the linear layer
# `proj` mixes what the heads have found; dropout follows.


# %%
class MultiHeadAttention(nn.Module):
    """Several heads side by side.

    Args:
        num_heads: number of heads.
        head_size: features of the output of each head.
    """

    def __init__(self, num_heads: int, head_size: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(head_size) for _ in range(num_heads))
        self.proj = nn.Linear(head_size * num_heads, n_embd)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Run all heads on the same tokens and mix their outputs.

        Args:
            x: (B, T, n_embd), T at most block_size.

        Returns:
            (B, T, n_embd).
        """
        # <solution> 1.ii: concatenate the heads, project, dropout
        side_by_side = torch.cat([head(x) for head in self.heads], dim=-1)  # (B, T, num_heads * head_size)
        return self.dropout(self.proj(side_by_side))  # (B, T, n_embd)
        # </solution>
        # <template>
        # | # TODO 1.ii
        # | # 1. Every head reads the same x. Concatenate their outputs, in the order of self.heads, along the
        # | #    features: (B, T, num_heads * head_size).
        # | # 2. Then self.proj and self.dropout: (B, T, n_embd).
        # | raise NotImplementedError("1.ii: write MultiHeadAttention.forward")
        # </template>


# %%
# Check: what goes in and what comes out have the same shape, so that blocks can be stacked.
print(tuple(MultiHeadAttention(3, 8)(torch.randn(2, 5, n_embd)).shape), f"should be (2, 5, {n_embd})")

# %% [markdown]
# ## 1.iii Transformer block
#
# `FeedForward` is given: it transforms every token on its own, after attention has moved information between tokens.


# %%
class FeedForward(nn.Module):
    """An MLP with one hidden layer, four times as wide, for each token on its own.

    Args:
        n_embd: features of a token.
    """

    def __init__(self, n_embd: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_embd, 4 * n_embd),
            nn.ReLU(),
            nn.Linear(4 * n_embd, n_embd),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token: (B, T, n_embd) to (B, T, n_embd)."""
        return self.net(x)


# %% [markdown]
# A block has two steps, attention and then the MLP. Each step reads a *normalised* copy of the tokens, and what it
# computes is *added* to the tokens as they were (a residual path):
#
# $$X \leftarrow X + \text{MultiHead}(\text{LayerNorm}_1(X)), \qquad
# X \leftarrow X + \text{FeedForward}(\text{LayerNorm}_2(X))$$
#
# The sum itself is not normalised, so there is a direct path from the embeddings to the last layer. (Question 1(d)
# asks what the normalisation is good for.)


# %%
class Block(nn.Module):
    """A Transformer block: attention, then the MLP, each with normalisation before it and a residual path around it.

    Args:
        n_embd: features of a token, a multiple of `n_head`.
        n_head: number of heads; each has n_embd / n_head features.
    """

    def __init__(self, n_embd: int, n_head: int) -> None:
        super().__init__()
        head_size = n_embd // n_head
        self.sa = MultiHeadAttention(n_head, head_size)
        self.ffwd = FeedForward(n_embd)
        self.ln1 = nn.LayerNorm(n_embd)
        self.ln2 = nn.LayerNorm(n_embd)

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens exchange information, then transform each.

        Args:
            x: (B, T, n_embd), T at most block_size.

        Returns:
            (B, T, n_embd); `x` itself is not modified.
        """
        # <solution> 1.iii: x + attention of the normalised x, then the same with the MLP
        x = x + self.sa(self.ln1(x))  # (B, T, n_embd); not in place, the caller may still need its x
        return x + self.ffwd(self.ln2(x))  # (B, T, n_embd)
        # </solution>
        # <template>
        # | # TODO 1.iii
        # | # The two formulas above, one after the other. The second one starts from the result of the first one.
        # | raise NotImplementedError("1.iii: write Block.forward")
        # </template>


# %%
# Check: a block keeps the shape.
print(tuple(Block(n_embd, n_head)(torch.randn(2, 5, n_embd)).shape), f"should be (2, 5, {n_embd})")

# %% [markdown]
# ## 1.iv The model
#
# Attention does not know in which order the tokens stand. So each token is the sum of two vectors that are learned:
# one for its character and one for its position. Then follow the blocks, a last normalisation, and a linear layer
# with one output for each character of the vocabulary: the *logits* of the next character.
#
# The loss is the cross-entropy of the logits with the characters that really follow, averaged over all $B \cdot T$
# predictions of the batch.


# %%
class TinyGPT(nn.Module):
    """A language model: embeddings, `n_layer` blocks, normalisation, logits."""

    def __init__(self) -> None:
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, n_embd)
        self.position_embedding_table = nn.Embedding(block_size, n_embd)
        self.blocks = nn.Sequential(*[Block(n_embd, n_head) for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size)

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Predict the next character at each position.

        Args:
            idx: (B, T) int64, ids of characters, T at most block_size.
            targets: (B, T) int64 or None; targets[b, t] is the character that follows idx[b, t].

        Returns:
            the logits (B, T, vocab_size), and the loss, a scalar: the mean cross-entropy; None without targets.

        Raises:
            ValueError: T is larger than block_size.
        """
        B, T = idx.shape
        if block_size < T:
            raise ValueError(f"the model looks at {block_size} characters at most, got {T}")
        # <solution> 1.iv: token and positional embeddings, blocks, ln_f, lm_head, loss
        position = torch.arange(T, device=idx.device)  # (T,)
        x = self.token_embedding_table(idx) + self.position_embedding_table(position)  # (B, T, n_embd)
        logits = self.lm_head(self.ln_f(self.blocks(x)))  # (B, T, V)
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(B * T, -1), targets.reshape(B * T))  # (B * T, V) and (B * T,)
        return logits, loss
        # </solution>
        # <template>
        # | # TODO 1.iv
        # | # 1. Token embeddings (B, T, n_embd) plus positional embeddings (T, n_embd). The positions are 0 … T − 1;
        # | #    make them on the device of idx.
        # | # 2. The blocks, self.ln_f, self.lm_head: (B, T, vocab_size).
        # | # 3. If there are targets, the mean cross-entropy. F.cross_entropy wants the classes on axis 1, or one row
        # | #    for each prediction: look up which shapes it takes before you call it.
        # | # 4. Return logits and loss, in this order. Without targets the loss is None.
        # | raise NotImplementedError("1.iv: write TinyGPT.forward")
        # </template>

    @torch.no_grad()
    def generate(self, idx: Tensor, max_new_tokens: int) -> Tensor:
        """Continue each sequence, one character at a time; each is drawn from the softmax of the last logits.

        Args:
            idx: (B, T) int64, T at least 1; it may be longer than block_size, of which the model sees the end.
            max_new_tokens: number of characters to add.

        Returns:
            (B, T + max_new_tokens) int64; it starts with `idx`.
        """
        for _ in range(max_new_tokens):
            context = idx[:, -block_size:]  # (B, at most block_size)
            chances = F.softmax(self(context)[0][:, -1], dim=-1)  # (B, V)
            idx = torch.cat((idx, torch.multinomial(chances, num_samples=1)), dim=1)
        return idx


# %%
# Check: before training, all characters should be about equally likely.
torch.manual_seed(seed)
untrained_model = TinyGPT().to(device)
first_logits, first_loss = untrained_model(example_inputs, example_targets)
print(f"{sum(p.numel() for p in untrained_model.parameters()):,} parameters, logits {tuple(first_logits.shape)}")
print(f"loss {first_loss.item():.2f} should be near ln(vocab_size) = {math.log(vocab_size):.2f}")

# %% [markdown]
# Does a token see what comes after it? This cell changes the last character of a sequence and looks whether the
# logits at the positions before it change. In stage (c)i they do; with the causal mask of stage (c)ii they must not.


# %%
@torch.no_grad()
def sees_the_future(model: nn.Module) -> bool:
    """Say whether the last character has an influence on the logits at any position before it."""
    model.eval()
    ids = torch.arange(block_size, device=device)[None] % vocab_size  # (1, block_size)
    other_ids = ids.clone()
    other_ids[0, -1] = (ids[0, -1] + 1) % vocab_size
    before, after = (model(i)[0][:, :-1] for i in (ids, other_ids))  # each (1, block_size - 1, V)
    return not torch.allclose(before, after, atol=1e-6)


print("The model sees the future:", sees_the_future(untrained_model))

# %% [markdown]
# ## 1(c) Training
#
# Given: `train` minimises the loss with AdamW and writes down the losses on training and validation data;
# `plot_losses` draws them; `write_text` lets a model write.


# %%
@torch.no_grad()
def estimate_losses(model: nn.Module) -> tuple[float, float]:
    """Average the loss over `eval_iters` batches without dropout, on training and on validation data."""
    was_training = model.training
    model.eval()
    losses = [
        sum(model(*get_batch(split))[1].item() for _ in range(eval_iters)) / eval_iters for split in ("train", "val")
    ]
    model.train(was_training)
    return losses[0], losses[1]


def train(model: nn.Module) -> list[tuple[int, float, float]]:
    """Train for `max_iters` steps; the model ends in eval mode.

    Returns:
        (iteration, training loss, validation loss) for each measurement, the first one before any step.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    history = []
    model.train()
    for iteration in range(max_iters + 1):
        if iteration % eval_interval == 0 or iteration == max_iters:
            history.append((iteration, *estimate_losses(model)))
            print("iteration {:5d}: training loss {:.3f}, validation loss {:.3f}".format(*history[-1]))
        if iteration == max_iters:
            break
        batch_loss = model(*get_batch("train"))[1]
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
    model.eval()
    return history


def plot_losses(history: list[tuple[int, float, float]], title: str) -> None:
    """Draw training and validation loss over the iterations."""
    import matplotlib.pyplot as plt

    iterations, training, validation = zip(*history, strict=True)
    figure, axes = plt.subplots()
    axes.plot(iterations, training, label="training")
    axes.plot(iterations, validation, label="validation", linestyle="--")
    axes.set_xlabel("iteration")
    axes.set_ylabel("cross-entropy (nats per character)")
    axes.set_title(title)
    axes.legend()
    plt.show()
    plt.close(figure)


def write_text(model: TinyGPT, n_characters: int = 500) -> str:
    """Let a model in eval mode continue the first twelve characters of the corpus."""
    start = torch.tensor([encode(text[:12])], device=device)  # (1, 12)
    return decode(model.generate(start, n_characters)[0].tolist())


# %% [markdown]
# ### (c)i Without the mask
#
# Run this cell while your head has no mask yet. It also gives the results of stage i later on, when the mask is there
# and you run the notebook from top to bottom: with a `tril` that is 1 everywhere, a mask made from it rules out
# nothing.

# %%
torch.manual_seed(seed)
unmasked_model = TinyGPT().to(device)
for module in unmasked_model.modules():
    if isinstance(module, Head):
        module.tril.fill_(1)
print("The model sees the future:", sees_the_future(unmasked_model))
unmasked_history = train(unmasked_model)
plot_losses(unmasked_history, "Without causal mask")
print(write_text(unmasked_model))

# %% [markdown]
# ### (c)ii With the mask
#
# Now add step 3 to `Head.forward` and run that cell and those below it again, except (c)i if you have its results.

# %%
torch.manual_seed(seed)
model = TinyGPT().to(device)
print("The model sees the future:", sees_the_future(model))
masked_history = train(model)
plot_losses(masked_history, "With causal mask")
print(write_text(model))

# %% [markdown]
# ### (c)iii
#
# Compare the two loss curves and the two texts in your report. In which of the two trainings does the loss tell you
# how well the model writes?

# %% [markdown]
# ## 2. Bonus: fine-tuning GPT-2 on your own text
#
# **(a)** Choose an article or essay of 5,000 to 15,000 characters, clean it, and save it as `my_text.txt` (UTF-8)
# next to this notebook. The next cell reads it and complains about what does not belong there; it sees no page
# numbers, captions or adverts, so read your file once yourself.

# %%
MY_TEXT = Path("my_text.txt")


def read_my_text(path: Path) -> str:
    """Read a text of 5,000 to 15,000 characters.

    Raises:
        ValueError: the file is not UTF-8, too short or too long, or holds control characters or their like.
    """
    try:
        essay = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: byte {error.start} cannot be decoded") from error
    essay = essay.replace("\r\n", "\n")
    if not 5_000 <= len(essay) <= 15_000:
        raise ValueError(f"{path} should have 5,000 to 15,000 characters, it has {len(essay):,}")
    # control characters, a byte order mark, and what stands for a character that was lost
    stray = {c for c in essay if (unicodedata.category(c) == "Cc" and c not in "\n\t") or c in "\ufeff\ufffd"}
    if stray:
        raise ValueError(f"{path} holds characters that are no text: {sorted(stray)}")
    tags = re.findall(r"</?[A-Za-z][^<>]*>|&#?\w+;", essay)
    if tags:
        print(f"Does this belong to the text? {tags[:10]}")
    return essay


if MY_TEXT.is_file():
    my_text = read_my_text(MY_TEXT)
    print(f"{MY_TEXT}: {len(my_text):,} characters, {len(my_text.split()):,} words")
else:
    my_text = ""
    print(f"{MY_TEXT} is not here: the bonus cells are skipped")

# %% [markdown]
# **(b)** GPT-2 comes with the package `transformers`. The cells look for it in the folder `gpt2` (as
# `save_pretrained` writes it). With `DOWNLOAD_GPT2 = True` it is fetched from the Hugging Face hub instead, about
# half a gigabyte.
#
# `PHRASE` is the beginning of your text unless you write another phrase from it here. Use the same one before and
# after fine-tuning.

# %%
GPT2_FOLDER = Path("gpt2")
GPT2_NAME = "openai-community/gpt2"
DOWNLOAD_GPT2 = False
PHRASE = " ".join(my_text.split()[:8])


def load_gpt2(source: str):
    """Load GPT-2 and its tokenizer with `transformers`.

    Args:
        source: a folder, or a name on the Hugging Face hub.

    Returns:
        the model, in eval mode on `device`, and the tokenizer.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(source).to(device).eval(), AutoTokenizer.from_pretrained(source)


def continue_phrase(gpt2, tokenizer, phrase: str, n_tokens: int = 100) -> str:
    """Let GPT-2 continue a phrase: 100 tokens, each drawn from the 50 most likely ones."""
    encoded = tokenizer(phrase, return_tensors="pt").to(device)
    output = gpt2.generate(
        **encoded, max_new_tokens=n_tokens, do_sample=True, top_k=50, pad_token_id=tokenizer.eos_token_id
    )  # (1, tokens of the phrase + at most n_tokens)
    return tokenizer.decode(output[0], skip_special_tokens=True)


gpt2 = None
if my_text and (GPT2_FOLDER.is_dir() or DOWNLOAD_GPT2):
    torch.manual_seed(seed)
    gpt2, gpt2_tokenizer = load_gpt2(GPT2_NAME if DOWNLOAD_GPT2 else str(GPT2_FOLDER))
    print("Phrase:", PHRASE)
    print("GPT-2: ", continue_phrase(gpt2, gpt2_tokenizer, PHRASE))
else:
    print(f"No text or no folder {GPT2_FOLDER}: GPT-2 is skipped")

# %% [markdown]
# **(c)** Fine-tuning is the training from above with another model: GPT-2 already knows English, so few steps with a
# small learning rate are enough. `transformers` computes the loss when it gets the ids as `labels`; it shifts them
# itself.

# %%
finetune_iters = 60
finetune_learning_rate = 5e-5
finetune_batch_size = 4
finetune_block_size = 128  # tokens in a sequence, at most 1024


def fine_tune(gpt2, tokenizer, essay: str) -> list[tuple[int, float, float]]:
    """Train GPT-2 on pieces of a text, of which the last tenth is held back for validation.

    Returns:
        (iteration, training loss of the batch, validation loss) for each step.
    """
    ids = tokenizer(essay, return_tensors="pt", verbose=False).input_ids[0]  # (number of tokens,)
    kept, held_back = ids[: int(0.9 * len(ids))], ids[int(0.9 * len(ids)) :]
    length = min(finetune_block_size, len(held_back))
    pieces = held_back[: len(held_back) // length * length].view(-1, length).to(device)  # (pieces, length)
    optimizer = torch.optim.AdamW(gpt2.parameters(), lr=finetune_learning_rate)
    history = []
    for iteration in range(finetune_iters):
        gpt2.eval()
        with torch.no_grad():
            validation = gpt2(input_ids=pieces, labels=pieces).loss.item()
        gpt2.train()
        starts = torch.randint(len(kept) - length + 1, (finetune_batch_size,)).tolist()
        batch = torch.stack([kept[s : s + length] for s in starts]).to(device)  # (finetune_batch_size, length)
        batch_loss = gpt2(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        history.append((iteration, batch_loss.item(), validation))
    gpt2.eval()
    return history


if gpt2 is not None:
    finetune_history = fine_tune(gpt2, gpt2_tokenizer, my_text)
    plot_losses(finetune_history, "GPT-2, fine-tuned on my text")
    print("Phrase:           ", PHRASE)
    print("GPT-2, fine-tuned:", continue_phrase(gpt2, gpt2_tokenizer, PHRASE))

# %% [markdown]
# **(d)** In your report, compare the two continuations: which words, which tone, which habits of your text does the
# model show after fine-tuning that it did not show before?
