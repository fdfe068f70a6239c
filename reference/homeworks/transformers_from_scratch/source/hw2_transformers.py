# %% [markdown]
# # Homework 2: Transformers from scratch
#
# In this notebook you build a decoder-only Transformer (task 1), make a language model of it, let it write, and move it
# to another kind of text by fine-tuning (task 2). Task 3 needs no code. What you *write about* (perplexities, texts,
# your answers) goes into the PDF of your report; what you *program* is handed in as two files:
#
# * `transformers.py`: a copy of the one cell below that begins with `# transformers.py` (questions 1, 2 and 3);
# * this whole notebook (questions 4 and E1 are graded from it).
#
# Places where you have to write code raise a `NotImplementedError` that says what is missing; the comments above it
# say how to go about it. (Only `layer_norm` is silent: it hands its input through until question 2.) Everything else is
# complete. You may change hyperparameters freely. Keep the names and the arguments of the classes and functions: the
# autograder calls them.
#
# | question | where | what |
# | --- | --- | --- |
# | Q1 | `Transformer.attention`, `Transformer.forward` | attention with one head, MLP, residual connections |
# | Q2 | `Transformer.layer_norm` | layer norm |
# | Q3 | `MultiHeadTransformer` | several heads |
# | Q4 | `generate` | sampling with a temperature |
# | Q5, Q6, Q7 | task 2 | run, compare, report |
# | E1 | `nucleus_sampling_generate` | nucleus sampling (extra credit) |
#
# ## Set-up
#
# On Colab, choose a GPU under *Runtime → Change runtime type*. The sizes below are small enough for a CPU: with the
# generated texts that stand in for missing data, the whole notebook takes a minute or two. Values for real data on a GPU
# stand in the comments.

# %%
import importlib
import json
import random
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

HIDDEN_DIM = 64  # on a GPU: 256
CONTEXT_LEN = 32  # tokens that the model sees at once; on a GPU: 128
NUM_LAYERS = 2
NUM_HEADS = 4

BATCH_SIZE = 32
EPOCHS = 3  # on a GPU, with The Pile: 5
LEARNING_RATE = 3e-3  # on a GPU, with HIDDEN_DIM = 256: 1e-3
FINE_TUNING_EPOCHS = 3
FINE_TUNING_LEARNING_RATE = 2e-3  # lower than for training from scratch
GPT2_EPOCHS = 1
GPT2_LEARNING_RATE = 5e-5
SEED = 0

MAX_TRAIN_DOCUMENTS = 2_000  # of each corpus; on a GPU: None, which takes all
MAX_VOCABULARY = 10_000  # of the word tokenizer

PILE = "pile"  # a folder, or pile.zip, or pile.txt
SHAKESPEARE = "tiny_shakespeare"  # a folder, or tiny_shakespeare.zip, or tiny_shakespeare.txt
TOKENIZER_FOLDER = "gpt2-tokenizer"  # a Hugging Face tokenizer saved here replaces the word tokenizer
GPT2_FOLDER = "gpt2"  # a Hugging Face model saved here, with its tokenizer, is fine-tuned in question 7

# %% [markdown]
# ## Task 1: the Transformer
#
# ### Question 1 (20 points, autograded): one head
#
# Each layer turns the representations $X$ of all positions, $(T, d)$, into queries, keys and values, and lets each
# position gather from the others:
#
# $$Q = XW_Q \qquad K = XW_K \qquad V = XW_V \qquad A = \text{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right) V$$
#
# An output projection, a residual connection and an MLP with a second residual connection follow:
#
# $$Z = A W_O + X \qquad H = \text{ReLU}(Z W_\text{up} + b_1) W_\text{down} + b_2 + Z$$
#
# $H$ is the input $X$ of the next layer. Three points where the handout can be read in two ways:
#
# * **Causal mask.** A position must not see *later* ones. It does see itself, or the first position would have nothing
#   to attend to. The mask acts on the scores, before the softmax.
# * **Residuals.** Equations 6 and 8 write $Z$ where equation 7 has just made a $Z'$ of it. We take the sum $Z' = Z + X$ as
#   the MLP's input, and add the same sum to the MLP's output, as written above.
# * **Output.** `forward` returns hidden states, $(B, T, d)$. The step from there to the vocabulary comes later, outside of
#   this class.
#
# The constructor is given. In the code, `B` is the number of sequences and `T` the number of tokens of each.
#
# ### Question 2 (5 points): layer norm
#
# Layer norm gives the elements of each single token's vector mean 0 and standard deviation 1; then a learnable gain
# $\gamma$ and shift $\beta$ act on each element:
#
# $$\hat h = \gamma \, \frac{h - \mu}{\sigma} + \beta$$
#
# Equation 9 calls $\sigma$ the variance. What it divides by is the standard deviation, the *square root* of the variance; we
# add $\epsilon = 10^{-5}$ under the root, so that a constant vector does no harm. Layer norm acts on the result of the
# attention and of the MLP, each after its residual sum: $Z = \text{LN}(AW_O + X)$, $H = \text{LN}(\text{MLP}(Z) + Z)$.
# Call `self.layer_norm` there from the beginning: until you come to question 2 it returns its input, so that you can do
# question 1 first.
#
# ### Question 3 (10 points, autograded): several heads
#
# `MultiHeadTransformer` cuts the queries, keys and values of size $d$ into $n$ heads of size `self.head_dim` $= d / n$. Each
# head attends on its own, with scores divided by the root of *its* size. The heads' outputs are put side by side again,
# which makes vectors of size $d$, and then multiplied with $W_O$. No weight matrix changes its size.
#
# Once all three questions are done, **copy the next cell into `transformers.py`.** Keep it free of other packages than
# `torch` and `numpy`, and of anything that other cells define.

# %%
# transformers.py: copy this cell into that file
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Transformer(nn.Module):
    """A decoder-only Transformer with one attention head in each layer: from token ids to hidden states.

    Args:
        vocab_size: number of different tokens.
        hidden_dim: size of a token's vector between the layers, d.
        context_len: number of tokens of a sequence at most.
        num_layers: number of layers, each of them attention and MLP.
    """

    def __init__(self, vocab_size: int, hidden_dim: int, context_len: int, num_layers: int = 2) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.context_len = context_len
        self.num_layers = num_layers
        self.embedding = nn.Embedding(vocab_size, hidden_dim)
        self.pos_embedding = nn.Embedding(context_len, hidden_dim)
        # The language model uses `embedding` for its output too: vectors of length 1 or so keep its first logits small.
        nn.init.normal_(self.embedding.weight, std=hidden_dim**-0.5)
        nn.init.normal_(self.pos_embedding.weight, std=hidden_dim**-0.5)

        def one_per_layer(n_inputs: int, n_outputs: int, bias: bool) -> nn.ModuleList:
            return nn.ModuleList(nn.Linear(n_inputs, n_outputs, bias=bias) for _ in range(num_layers))

        # Attention: entry i of each list belongs to layer i.
        self.W_q = one_per_layer(hidden_dim, hidden_dim, bias=False)
        self.W_k = one_per_layer(hidden_dim, hidden_dim, bias=False)
        self.W_v = one_per_layer(hidden_dim, hidden_dim, bias=False)
        self.W_o = one_per_layer(hidden_dim, hidden_dim, bias=False)
        # MLP, four times as wide inside.
        self.mlp_up = one_per_layer(hidden_dim, 4 * hidden_dim, bias=True)
        self.mlp_down = one_per_layer(4 * hidden_dim, hidden_dim, bias=True)
        # Layer norm after the attention, and after the MLP.
        self.attention_gamma = nn.ParameterList(torch.ones(hidden_dim) for _ in range(num_layers))
        self.attention_beta = nn.ParameterList(torch.zeros(hidden_dim) for _ in range(num_layers))
        self.mlp_gamma = nn.ParameterList(torch.ones(hidden_dim) for _ in range(num_layers))
        self.mlp_beta = nn.ParameterList(torch.zeros(hidden_dim) for _ in range(num_layers))

    def layer_norm(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Standardise each token's vector, then scale and shift its elements (equation 9, ε = 1e-5 under the root).

        Args:
            x: (B, T, hidden_dim).
            gamma: (hidden_dim,), the gain of each element.
            beta: (hidden_dim,), the shift of each element.

        Returns:
            (B, T, hidden_dim).
        """
        # <solution> Q2: standardise each token's vector, then apply gamma and beta
        mean = x.mean(dim=-1, keepdim=True)  # (B, T, 1)
        variance = x.var(dim=-1, keepdim=True, correction=0)  # (B, T, 1)
        return gamma * (x - mean) / torch.sqrt(variance + 1e-5) + beta  # (B, T, hidden_dim)
        # </solution>
        # <template>
        # | # [Q2] Mean and variance are those of one token's vector, that is, over the last axis: (B, T, 1). Let the
        # | # variance divide by hidden_dim, not by hidden_dim − 1 (see the arguments of Tensor.var).
        # | # Until you write this, x passes unchanged, and question 1 works without it. Replace the next line:
        # | return x
        # </template>

    def attention(self, x: Tensor, layer: int) -> Tensor:
        """Let each token gather from itself and the tokens before it: softmax(Q Kᵀ / √d_k) V W_O (equations 1 to 5).

        Args:
            x: (B, T, hidden_dim), the layer's input.
            layer: which layer's weights to use.

        Returns:
            (B, T, hidden_dim), after the output projection and before the residual sum.
        """
        # <solution> Q1: queries, keys, values; scores; causal mask; softmax; weighted sum; output projection
        T = x.shape[1]
        q, k, v = self.W_q[layer](x), self.W_k[layer](x), self.W_v[layer](x)  # each (B, T, hidden_dim)
        scores = q @ k.transpose(-2, -1) / math.sqrt(k.shape[-1])  # (B, T, T): query, key
        may_attend = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()  # (T, T)
        scores = scores.masked_fill(~may_attend, -math.inf)
        weights = torch.softmax(scores, dim=-1)  # (B, T, T), over the keys
        return self.W_o[layer](weights @ v)  # (B, T, hidden_dim)
        # </solution>
        # <template>
        # | # [Q1] 1. queries, keys and values of all tokens, with self.W_q[layer] and so on: each (B, T, hidden_dim);
        # | #      2. the scores of every query with every key, divided by √d_k: (B, T, T);
        # | #      3. the causal mask: the score of a key after the query becomes −inf (torch.tril or torch.triu makes
        # | #         the pattern, Tensor.masked_fill applies it; make it on the device of x);
        # | #      4. softmax over the keys;
        # | #      5. the weighted sum of the values: (B, T, hidden_dim);
        # | #      6. the output projection, self.W_o[layer].
        # | raise NotImplementedError("Q1: write Transformer.attention")
        # </template>

    def forward(self, ids: Tensor) -> Tensor:
        """Compute a hidden state for each token.

        Args:
            ids: (B, T) int64, T at most context_len.

        Returns:
            (B, T, hidden_dim), the last layer's output. There is no projection to the vocabulary.

        Raises:
            ValueError: the sequences are longer than context_len.
        """
        if ids.shape[1] > self.context_len:
            raise ValueError(f"sequences have {ids.shape[1]} tokens, but context_len is {self.context_len}")
        positions = torch.arange(ids.shape[1], device=ids.device)  # (T,)
        x = self.embedding(ids) + self.pos_embedding(positions)  # (B, T, hidden_dim)
        # <solution> Q1: in each layer, attention and MLP, each with its residual sum and layer norm
        for i in range(self.num_layers):
            z = self.attention(x, i) + x  # (B, T, hidden_dim)
            z = self.layer_norm(z, self.attention_gamma[i], self.attention_beta[i])
            h = self.mlp_down[i](F.relu(self.mlp_up[i](z))) + z  # (B, T, hidden_dim); 4 * hidden_dim inside
            x = self.layer_norm(h, self.mlp_gamma[i], self.mlp_beta[i])
        return x
        # </solution>
        # <template>
        # | # [Q1] For each layer i in range(self.num_layers):
        # | #      1. attention, plus what went into it;
        # | #      2. layer norm with self.attention_gamma[i] and self.attention_beta[i];
        # | #      3. the MLP (self.mlp_up[i], ReLU, self.mlp_down[i]) of that, plus what went into it;
        # | #      4. layer norm with self.mlp_gamma[i] and self.mlp_beta[i].
        # | # Call self.layer_norm now, though it changes nothing before question 2. Return the last layer's output.
        # | raise NotImplementedError("Q1: finish Transformer.forward")
        # </template>


class MultiHeadTransformer(Transformer):
    """A decoder-only Transformer with several attention heads in each layer.

    Args:
        vocab_size: as in `Transformer`.
        hidden_dim: as in `Transformer`; a multiple of num_heads.
        context_len: as in `Transformer`.
        num_heads: number of heads, n.
        num_layers: as in `Transformer`.

    Raises:
        ValueError: hidden_dim is not a multiple of num_heads.
    """

    def __init__(
        self, vocab_size: int, hidden_dim: int, context_len: int, num_heads: int = 4, num_layers: int = 2
    ) -> None:
        super().__init__(vocab_size, hidden_dim, context_len, num_layers)
        if hidden_dim % num_heads:
            raise ValueError(f"hidden_dim must be a multiple of num_heads, got {hidden_dim} and {num_heads}")
        self.num_heads = num_heads
        self.head_dim = hidden_dim // num_heads

    # The handout advises to copy `forward` into this class. As `forward` calls `self.attention`, it is enough to write
    # that method anew; both ways are fine.
    def attention(self, x: Tensor, layer: int) -> Tensor:
        """Attend in each head on its own, put the heads' outputs side by side, and multiply with W_O.

        Args:
            x: (B, T, hidden_dim), the layer's input.
            layer: which layer's weights to use.

        Returns:
            (B, T, hidden_dim), after the output projection and before the residual sum.
        """
        # <solution> Q3: attention as in Q1, in heads of size head_dim
        B, T, _ = x.shape

        def heads(projected: Tensor) -> Tensor:
            return projected.view(B, T, self.num_heads, self.head_dim).transpose(1, 2)  # (B, num_heads, T, head_dim)

        q, k, v = heads(self.W_q[layer](x)), heads(self.W_k[layer](x)), heads(self.W_v[layer](x))
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_dim)  # (B, num_heads, T, T): query, key
        may_attend = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()  # (T, T)
        scores = scores.masked_fill(~may_attend, -math.inf)
        weights = torch.softmax(scores, dim=-1)  # (B, num_heads, T, T), over the keys
        side_by_side = (weights @ v).transpose(1, 2).reshape(B, T, self.hidden_dim)  # (B, T, num_heads * head_dim)
        return self.W_o[layer](side_by_side)  # (B, T, hidden_dim)
        # </solution>
        # <template>
        # | # [Q3] Start from your attention of question 1. What changes:
        # | # 1. Queries, keys and values get an axis for the heads. The features of one token are cut into num_heads
        # | #    pieces of head_dim each (view), then the axis of the heads is moved in front of the axis of the tokens
        # | #    (transpose): (B, num_heads, T, head_dim). A single view to that shape would mix up the tokens.
        # | # 2. Scores and weights are (B, num_heads, T, T), divided by the root of what a head's keys have.
        # | # 3. The outputs, (B, num_heads, T, head_dim), go back to (B, T, hidden_dim) the same way before W_O.
        # | raise NotImplementedError("Q3: write MultiHeadTransformer.attention")
        # </template>


# %% [markdown]
# **A check.** Run this cell after question 1, and again after question 2; question 3 has a similar one further down. It
# does not replace the autograder's tests, but it finds the most common slips.


# %%
def check(transformer: Transformer) -> None:
    """Look for slips that a falling loss would not show: wrong shapes, and tokens that see later ones."""
    ids = torch.arange(10).view(2, 5)  # (B, T)
    hidden = transformer(ids)
    expected = (2, 5, transformer.hidden_dim)
    assert hidden.shape == expected, f"hidden states are {tuple(hidden.shape)}, expected {expected}"
    changed = ids.clone()
    changed[:, 3] = 10  # the fourth token of each sequence
    difference = (transformer(changed) - hidden).abs().amax(dim=(0, 2))  # (T,)
    assert difference[:3].max() < 1e-5, "a token's hidden state depends on a later token: look at the mask"
    assert difference[3:].min() > 1e-5, "a token's hidden state does not depend on itself and on what comes before it"
    print(f"{type(transformer).__name__}: shapes and causality look right")


with torch.no_grad():
    check(Transformer(vocab_size=11, hidden_dim=12, context_len=8))

# %% [markdown]
# ## A language model
#
# `TransformerLM` puts the step to the vocabulary on top: the logit of a token is the product of the hidden state with that
# token's embedding, so the same matrix serves as input and as output.

# %%
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class TransformerLM(nn.Module):
    """A language model: a Transformer's hidden states, multiplied with its own token embeddings.

    Args:
        transformer: a `Transformer` or `MultiHeadTransformer`.
    """

    def __init__(self, transformer: Transformer) -> None:
        super().__init__()
        self.transformer = transformer
        self.context_len = transformer.context_len

    def forward(self, ids: Tensor) -> Tensor:
        """Compute the logits of each position's next token.

        Args:
            ids: (B, T) int64, T at most context_len.

        Returns:
            (B, T, vocab_size).
        """
        return self.transformer(ids) @ self.transformer.embedding.weight.T


# %% [markdown]
# ### Data
#
# Both corpora are lists of short texts ("documents") in three splits: train, dev, test. Upload `pile.zip` to the working
# directory (10,000 train, 999 dev and 200 test documents). For Shakespeare, save the dialogue lines of the Hugging Face data
# set in a folder `tiny_shakespeare` as `train.txt`, `dev.txt` and `test.txt`, or put a single `tiny_shakespeare.txt` with
# blank lines between the speeches there. `.jsonl` files with a field `text` in each line are read as well.
#
# Where a corpus is missing, a small text is generated in its place: sentences from a few patterns, enough to see a model
# learn and to find bugs. The numbers of your report need the real data.


# %%
def read_documents(path: Path) -> list[str]:
    """Read one document a line: text, or JSON with a field `text`. Empty lines are left out."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    return [json.loads(line)["text"] for line in lines] if path.suffix == ".jsonl" else lines


def load_corpus(name: str, invent: Callable[[random.Random], str]) -> dict[str, list[str]]:
    """Load the splits of a corpus from the working directory, or generate a small one.

    Args:
        name: of the folder `name`, the archive `name`.zip or the single file `name`.txt, tried in this order.
        invent: makes up one document; used if none of the three is there.

    Returns:
        The documents of "train", "dev" and "test".

    Raises:
        FileNotFoundError: the folder lacks a split.
    """
    folder, archive, single = Path(name), Path(f"{name}.zip"), Path(f"{name}.txt")
    if archive.is_file() and not folder.is_dir():
        zipfile.ZipFile(archive).extractall(folder)
    corpus = {}
    if folder.is_dir():
        files = sorted(path for path in folder.rglob("[!.]*") if path.suffix in (".txt", ".jsonl"))
        for split, pattern in {"train": "train", "dev": "dev|val", "test": "test"}.items():
            matching = [path for path in files if re.search(pattern, path.stem.lower())]
            if not matching:
                raise FileNotFoundError(f"{folder} has no .txt or .jsonl file with '{pattern}' in its name")
            corpus[split] = read_documents(matching[0])
    else:
        if single.is_file():
            blocks = re.split(r"\n\s*\n", single.read_text(encoding="utf-8"))
            documents = [" ".join(block.split()) for block in blocks if block.strip()]
        else:
            print(f"{name}: neither {folder}/ nor {archive} nor {single} is there, so the text is generated")
            rng = random.Random(SEED)
            documents = [invent(rng) for _ in range(1_250)]
        n_train, n_dev = len(documents) * 8 // 10, len(documents) // 10
        corpus["train"] = documents[:n_train]
        corpus["dev"] = documents[n_train : n_train + n_dev]
        corpus["test"] = documents[n_train + n_dev :]
    print(f"{name}:", ", ".join(f"{len(documents)} {split}" for split, documents in corpus.items()), "documents")
    if MAX_TRAIN_DOCUMENTS is not None and len(corpus["train"]) > MAX_TRAIN_DOCUMENTS:
        corpus["train"] = corpus["train"][:MAX_TRAIN_DOCUMENTS]
        print(f"{name}: only the first {MAX_TRAIN_DOCUMENTS} documents of train are used")
    return corpus


def invent_web_text(rng: random.Random) -> str:
    """Make up a document of three or four plain sentences whose parts depend on each other."""
    animals = ["fox", "dog", "cat", "horse", "bird"]
    does = {"fox": "jumps over", "dog": "barks at", "cat": "sleeps near", "horse": "runs past", "bird": "sings to"}
    colours = ["quick brown", "lazy white", "small black", "old grey"]
    things = {"life": "to learn", "work": "to build", "music": "to listen", "sleep": "to rest", "travel": "to see"}
    sentences = []
    for _ in range(rng.randint(3, 4)):
        animal, other, thing = rng.choice(animals), rng.choice(animals), rng.choice(list(things))
        a, b = rng.randint(1, 9), rng.randint(1, 9)
        patterns = [
            f"The {rng.choice(colours)} {animal} {does[animal]} the {rng.choice(colours)} {other}.",
            f"In the beginning there was only {thing}, and after it came {rng.choice(list(things))}.",
            f"What is {a} + {b}? The answer is {a + b}.",
            f"The meaning of {thing} is {things[thing]}.",
        ]
        sentences.append(rng.choice(patterns))
    return " ".join(sentences)


def invent_dialogue(rng: random.Random) -> str:
    """Make up a line of dialogue that sounds of the stage."""
    greetings = ["Good morrow", "Good night", "Farewell", "Come hither"]
    persons = {"my lord": "thou art", "my lady": "thou art", "gentle friends": "ye are", "good people": "ye are"}
    virtues = ["noble", "gentle", "wise", "false", "cruel"]
    person = rng.choice(list(persons))
    patterns = [
        f"{rng.choice(greetings)}, {person}; {persons[person]} {rng.choice(virtues)} and {rng.choice(virtues)}.",
        f"The meaning of love is not what {persons[person]} told, {person}.",
        f"O {rng.choice(virtues)} heart, what is this grief that doth hold thee?",
        f"In the night the {rng.choice(virtues)} king doth sleep, and the {rng.choice(virtues)} queen doth weep.",
    ]
    return " ".join(rng.choice(patterns) for _ in range(2))


pile = load_corpus(PILE, invent_web_text)
shakespeare = load_corpus(SHAKESPEARE, invent_dialogue)

# %% [markdown]
# ### Tokens
#
# The tokenizer cuts a text in words and punctuation marks and is called as those of Hugging Face are. Its vocabulary comes
# from the training texts of *both* corpora: a word that it lacks becomes `<unk>`, and a text full of `<unk>` would be
# easy to predict. A perplexity is only comparable with others from the same tokenizer. If you have saved a Hugging Face
# tokenizer such as GPT-2's in the folder `gpt2-tokenizer`, it is used instead.


# %%
class WordTokenizer:
    """One id for each word or punctuation mark; 0 for all unknown ones, 1 for the end of a document.

    Args:
        documents: the texts that the vocabulary is taken from.
        max_vocabulary: number of different ids at most; the most frequent words get one.
    """

    eos_token_id = 1

    def __init__(self, documents: Iterable[str], max_vocabulary: int = MAX_VOCABULARY) -> None:
        counts = Counter(word for document in documents for word in self._words(document))
        by_frequency = [word for word, _ in counts.most_common(max_vocabulary - 2)]
        self.vocabulary = ["<unk>", "<eos>", *by_frequency]
        self.vocab_size = len(self.vocabulary)
        self._id_of = {word: i for i, word in enumerate(self.vocabulary)}

    def __len__(self) -> int:
        return self.vocab_size

    def __call__(self, text: str) -> dict[str, list[int]]:
        """Give the ids under the key `input_ids`."""
        return {"input_ids": self.encode(text)}

    def encode(self, text: str) -> list[int]:
        """Give the id of each word and punctuation mark."""
        return [self._id_of.get(word, 0) for word in self._words(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Join the words of the ids by spaces."""
        return " ".join(self.vocabulary[i] for i in ids)

    @staticmethod
    def _words(text: str) -> list[str]:
        return re.findall(r"\w+|[^\w\s]", text)


def hugging_face():
    """Import the installed package `transformers`, also where your own transformers.py lies next to this notebook."""
    if hasattr(sys.modules.get("transformers"), "AutoTokenizer"):
        return sys.modules["transformers"]
    sys.modules.pop("transformers", None)  # yours, if some cell has imported it
    path = sys.path.copy()
    sys.path[:] = [entry for entry in path if Path(entry).resolve() != Path.cwd()]
    try:
        return importlib.import_module("transformers")
    finally:
        sys.path[:] = path


if Path(TOKENIZER_FOLDER).is_dir():
    tokenizer = hugging_face().AutoTokenizer.from_pretrained(TOKENIZER_FOLDER, local_files_only=True)
else:
    tokenizer = WordTokenizer(pile["train"] + shakespeare["train"])
VOCAB_SIZE = len(tokenizer)
print("vocabulary:", VOCAB_SIZE)
print(tokenizer("The quick brown fox")["input_ids"], tokenizer.decode(tokenizer.encode("The quick brown fox")))

# %% [markdown]
# ### Training, evaluating, saving
#
# All documents are written one after the other, each followed by the end-of-document token, and this stream is cut into
# windows of `CONTEXT_LEN` tokens. The targets are the same stream, one token further. The perplexity is
# $\exp\left(-\frac1N \sum_i \ln p(x_i \mid \text{the tokens before it in its window})\right)$ over all $N$ targets.

# %%
from torch.utils.data import DataLoader, TensorDataset

IGNORED = -100  # a target that counts nowhere: the padding of the last window


def make_windows(documents: list[str], tokenizer, context_len: int = CONTEXT_LEN) -> TensorDataset:
    """Cut a corpus into windows of equal length. Every token but the very first is a target exactly once.

    Returns:
        Pairs of inputs and targets, each (context_len,) int64.
    """
    ids: list[int] = []
    for document in documents:
        ids += [*tokenizer(document)["input_ids"], tokenizer.eos_token_id]
    stream = torch.tensor(ids)
    padding = -(len(stream) - 1) % context_len  # the last window is filled up at its end, where no target sees it
    inputs = F.pad(stream[:-1], (0, padding), value=tokenizer.eos_token_id).view(-1, context_len)
    targets = F.pad(stream[1:], (0, padding), value=IGNORED).view(-1, context_len)
    return TensorDataset(inputs, targets)


@torch.no_grad()
def evaluate(model: nn.Module, windows: TensorDataset, device: torch.device, batch_size: int = 64) -> float:
    """Compute the perplexity: the mean is over all tokens of the corpus, not over batches."""
    was_training = model.training
    model.eval()
    total, n_tokens = 0.0, 0
    batches = zip(*(tensor.split(batch_size) for tensor in windows.tensors), strict=True)
    for inputs, targets in batches:  # each (B, T)
        logits = model(inputs.to(device))  # (B, T, V)
        loss = F.cross_entropy(
            logits.flatten(0, 1), targets.flatten().to(device), ignore_index=IGNORED, reduction="sum"
        )
        total += loss.item()
        n_tokens += int((targets != IGNORED).sum())
    model.train(was_training)
    return torch.tensor(total / n_tokens, dtype=torch.float64).exp().item()


def train(
    model: nn.Module,
    train_windows: TensorDataset,
    dev_windows: TensorDataset,
    device: torch.device,
    epochs: int = EPOCHS,
    learning_rate: float = LEARNING_RATE,
    batch_size: int = BATCH_SIZE,
) -> list[float]:
    """Train a model, print each epoch's mean loss and dev perplexity, and leave it in eval mode.

    Returns:
        The loss of every step.
    """
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    order = torch.Generator().manual_seed(SEED)
    batches = DataLoader(train_windows, batch_size, shuffle=True, generator=order)
    losses = []
    for epoch in range(epochs):
        model.train()
        for inputs, targets in batches:  # each (B, T)
            logits = model(inputs.to(device))  # (B, T, V)
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten().to(device), ignore_index=IGNORED)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        mean = sum(losses[-len(batches) :]) / len(batches)
        print(f"epoch {epoch + 1}: loss {mean:.3f}, dev perplexity {evaluate(model, dev_windows, device):.2f}")
    model.eval()
    return losses


def save(model: nn.Module, path: str) -> None:
    """Write the model's parameters to a file, in a form that loads on any device."""
    torch.save({name: value.cpu() for name, value in model.state_dict().items()}, path)


def load(model: nn.Module, path: str, device: torch.device) -> nn.Module:
    """Read the parameters that `save` wrote into a model of the same sizes."""
    model.load_state_dict(torch.load(path, map_location=device, weights_only=True))
    return model.to(device).eval()


def plot_losses(curves: dict[str, list[float]]) -> None:
    """Draw the training loss of each step, one curve for each model."""
    import matplotlib.pyplot as plt

    for label, losses in curves.items():
        plt.plot(losses, label=label)
    plt.xlabel("step")
    plt.ylabel("training loss (nats per token)")
    plt.legend()
    plt.show()


pile_train, pile_dev = make_windows(pile["train"], tokenizer), make_windows(pile["dev"], tokenizer)

# %% [markdown]
# **Question 1: train, evaluate, save.** This model leaves layer norm out, also when you come back to this cell after
# question 2. Report the final dev perplexity.


# %%
class WithoutLayerNorm(Transformer):
    """The model of question 1: layer norm changes nothing."""

    def layer_norm(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Return x as it is."""
        return x


torch.manual_seed(SEED)
model_q1 = TransformerLM(WithoutLayerNorm(VOCAB_SIZE, HIDDEN_DIM, CONTEXT_LEN, NUM_LAYERS))
losses_q1 = train(model_q1, pile_train, pile_dev, DEVICE)
perplexity_q1 = evaluate(model_q1, pile_dev, DEVICE)
print(f"Q1, one head without layer norm: dev perplexity {perplexity_q1:.2f}")
save(model_q1, "transformer_q1.pt")

# %% [markdown]
# **Question 2: train again, with layer norm.** Report the dev perplexity. The first lines check your layer norm.

# %%
example = 3 + 10 * torch.linspace(-1, 1, 64).view(1, 1, 64)  # mean 3, standard deviation 5.9
normed = Transformer(11, 64, 8).layer_norm(example, torch.ones(64), torch.zeros(64))  # (1, 1, 64)
assert abs(normed.mean()) < 1e-3, f"Q2: after layer norm the mean is {normed.mean():.3f}, expected 0"
assert abs(normed.std() - 1) < 0.05, f"Q2: after layer norm the standard deviation is {normed.std():.3f}, expected 1"

torch.manual_seed(SEED)
model_q2 = TransformerLM(Transformer(VOCAB_SIZE, HIDDEN_DIM, CONTEXT_LEN, NUM_LAYERS))
losses_q2 = train(model_q2, pile_train, pile_dev, DEVICE)
perplexity_q2 = evaluate(model_q2, pile_dev, DEVICE)
print(f"Q2, one head with layer norm: dev perplexity {perplexity_q2:.2f}")
save(model_q2, "transformer_q2.pt")

# %% [markdown]
# **Question 3: train, evaluate, save the model with several heads.** Report its dev perplexity and compare it with
# that of one head.

# %%
with torch.no_grad():
    check(MultiHeadTransformer(vocab_size=11, hidden_dim=12, context_len=8))

torch.manual_seed(SEED)
model_q3 = TransformerLM(MultiHeadTransformer(VOCAB_SIZE, HIDDEN_DIM, CONTEXT_LEN, NUM_HEADS, NUM_LAYERS))
losses_q3 = train(model_q3, pile_train, pile_dev, DEVICE)
perplexity_q3 = evaluate(model_q3, pile_dev, DEVICE)
print(f"Q3, {NUM_HEADS} heads: dev perplexity {perplexity_q3:.2f}")
save(model_q3, "transformer_q3.pt")

# %%
plot_losses({"Q1": losses_q1, "Q2": losses_q2, "Q3": losses_q3})

# %% [markdown]
# ### Question 4 (6 points): temperature sampling
#
# A text is written token by token. The logits $\mathbf e$ at the *last* position belong to the next token, which is drawn
# from the softmax of the logits divided by the temperature:
#
# $$y \sim \text{softmax}(\mathbf e / \tau)$$
#
# A temperature below 1 makes likely tokens likelier, one above 1 makes the choice more even.


# %%
@torch.no_grad()
def generate(model, tokenizer, start_text: str, max_new_tokens: int, device, temperature: float = 1.0) -> str:
    """Continue a text, each token drawn from softmax(logits / temperature).

    Args:
        model: called with ids (B, T), returns logits (B, T, V); sees `model.context_len` tokens at most.
        tokenizer: has `encode`, `decode` and `eos_token_id`.
        start_text: what to continue; an empty one starts from the end-of-document token.
        max_new_tokens: number of tokens to add; may lead past the context length.
        device: where the model is.
        temperature: τ, above 0.

    Returns:
        The start and its continuation, decoded.

    Raises:
        ValueError: the temperature is not above 0.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature must be above 0, got {temperature}")
    start_ids = tokenizer.encode(start_text) or [tokenizer.eos_token_id]
    ids = torch.tensor([start_ids], device=device)  # (1, T)
    # <solution> Q4: max_new_tokens times, run the model, draw the next token, append it
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.context_len :])[:, -1]  # (1, V): the last position of the last context_len tokens
        probabilities = torch.softmax(logits / temperature, dim=-1)  # (1, V)
        next_id = torch.multinomial(probabilities, num_samples=1)  # (1, 1)
        ids = torch.cat((ids, next_id), dim=1)  # (1, T + 1)
    # </solution>
    # <template>
    # | # [Q4] max_new_tokens times:
    # | # 1. give the model the last model.context_len tokens of ids, no more: it cannot take more;
    # | # 2. take the logits of the last position: (1, V);
    # | # 3. divide by the temperature, softmax;
    # | # 4. draw one token (torch.multinomial): (1, 1);
    # | # 5. append it to ids (torch.cat).
    # | raise NotImplementedError("Q4: write the loop of generate")
    # </template>
    return tokenizer.decode(ids[0].tolist())


# %% [markdown]
# Report what your model writes after each of these four beginnings (30 tokens at most), and in 1–3 sentences what you
# notice about it.

# %%
PROMPTS = ["The quick brown fox", "In the beginning", "What is 5 + 5?", "The meaning of life is"]
TEMPERATURE = 1.0

torch.manual_seed(SEED)
for prompt in PROMPTS:
    print("-", generate(model_q3, tokenizer, prompt, 30, DEVICE, temperature=TEMPERATURE))

# %% [markdown]
# ### Question E1 (8 points extra): nucleus sampling
#
# Nucleus sampling draws from the *nucleus* alone: the fewest most probable tokens whose probabilities sum to at least
# $p$. The token with which the sum reaches $p$ belongs to it, so it is never empty. Inside, the probabilities keep their
# proportions and are renormalised. To get any credit, report texts and compare them with those of question 4.


# %%
@torch.no_grad()
def nucleus_sampling_generate(
    model, tokenizer, start_text: str, max_new_tokens: int, device, p: float = 0.9, temperature: float = 1.0
) -> str:
    """Continue a text, each token drawn from the nucleus of softmax(logits / temperature).

    Args:
        model: as in `generate`.
        tokenizer: as in `generate`.
        start_text: as in `generate`.
        max_new_tokens: as in `generate`.
        device: as in `generate`.
        p: the probability that the nucleus holds at least; above 0, at most 1, where 1 leaves no token out.
        temperature: as in `generate`; acts before the nucleus is taken.

    Returns:
        The start and its continuation, decoded.

    Raises:
        ValueError: p or the temperature is out of its range.
    """
    if not 0 < p <= 1:
        raise ValueError(f"p must be above 0 and at most 1, got {p}")
    if temperature <= 0:
        raise ValueError(f"the temperature must be above 0, got {temperature}")
    start_ids = tokenizer.encode(start_text) or [tokenizer.eos_token_id]
    ids = torch.tensor([start_ids], device=device)  # (1, T)
    # <solution> E1: as generate, but draw from the nucleus
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.context_len :])[:, -1]  # (1, V): the last position of the last context_len tokens
        probabilities = torch.softmax(logits.double() / temperature, dim=-1)  # (1, V)
        descending, tokens = probabilities.sort(dim=-1, descending=True)  # each (1, V)
        mass_before = descending.cumsum(dim=-1) - descending  # (1, V), of the more probable tokens; the first has 0
        outside = (mass_before >= p) & (p < 1)  # rounding may bring the mass to 1 before the last token
        nucleus = descending.masked_fill(outside, 0)  # (1, V); torch.multinomial renormalises it
        next_id = tokens.gather(-1, torch.multinomial(nucleus, num_samples=1))  # (1, 1)
        ids = torch.cat((ids, next_id), dim=1)  # (1, T + 1)
    # </solution>
    # <template>
    # | # [E1] As in generate, but between softmax and draw:
    # | # 1. sort the probabilities in descending order, and keep which token each one belongs to;
    # | # 2. sum them up from the largest on (torch.cumsum); a token is outside of the nucleus if the tokens *before* it
    # | #    already sum to p or more;
    # | # 3. set those to 0 and renormalise. What you draw is a place in the sorted order: look up which token it is.
    # | raise NotImplementedError("E1: write the loop of nucleus_sampling_generate")
    # </template>
    return tokenizer.decode(ids[0].tolist())


# %%
torch.manual_seed(SEED)
for prompt in PROMPTS:
    print("-", nucleus_sampling_generate(model_q3, tokenizer, prompt, 30, DEVICE, p=0.9))

# %% [markdown]
# ## Task 2: fine-tuning
#
# ### Question 5 (3 points)
#
# Three models, one dev set of Shakespeare: the multi-head model of task 1 as it is, one trained on Shakespeare from
# scratch, and the one of task 1 fine-tuned, which means trained on with a lower learning rate. Everything you need is
# written already; find good hyperparameters. Report and compare the three perplexities.

# %%
shakespeare_train = make_windows(shakespeare["train"], tokenizer)
shakespeare_dev = make_windows(shakespeare["dev"], tokenizer)

as_it_is = load(
    TransformerLM(MultiHeadTransformer(VOCAB_SIZE, HIDDEN_DIM, CONTEXT_LEN, NUM_HEADS, NUM_LAYERS)),
    "transformer_q3.pt",
    DEVICE,
)
perplexity_as_it_is = evaluate(as_it_is, shakespeare_dev, DEVICE)

torch.manual_seed(SEED)
from_scratch = TransformerLM(MultiHeadTransformer(VOCAB_SIZE, HIDDEN_DIM, CONTEXT_LEN, NUM_HEADS, NUM_LAYERS))
losses_scratch = train(from_scratch, shakespeare_train, shakespeare_dev, DEVICE)
perplexity_scratch = evaluate(from_scratch, shakespeare_dev, DEVICE)

fine_tuned = load(
    TransformerLM(MultiHeadTransformer(VOCAB_SIZE, HIDDEN_DIM, CONTEXT_LEN, NUM_HEADS, NUM_LAYERS)),
    "transformer_q3.pt",
    DEVICE,
)
losses_fine_tuned = train(
    fine_tuned, shakespeare_train, shakespeare_dev, DEVICE, FINE_TUNING_EPOCHS, FINE_TUNING_LEARNING_RATE
)
perplexity_fine_tuned = evaluate(fine_tuned, shakespeare_dev, DEVICE)
save(fine_tuned, "transformer_fine_tuned.pt")

print(f"Shakespeare dev, task 1's model as it is: perplexity {perplexity_as_it_is:.2f}")
print(f"Shakespeare dev, trained from scratch:    perplexity {perplexity_scratch:.2f}")
print(f"Shakespeare dev, task 1's fine-tuned:     perplexity {perplexity_fine_tuned:.2f}")
plot_losses({"from scratch": losses_scratch, "fine-tuned": losses_fine_tuned})

# %% [markdown]
# ### Question 6 (2 points)
#
# The fine-tuned model, back on the text that it was first trained on. Compare with question 3.

# %%
perplexity_back = evaluate(fine_tuned, pile_dev, DEVICE)
print(f"Pile dev, before fine-tuning (Q3): perplexity {perplexity_q3:.2f}")
print(f"Pile dev, after fine-tuning:       perplexity {perplexity_back:.2f}")

# %% [markdown]
# ### Question 7 (3 + 5 points): GPT-2
#
# Save GPT-2 with its tokenizer in a folder `gpt2` (on Colab: `GPT2LMHeadModel.from_pretrained("gpt2").save_pretrained("gpt2")`,
# the same for `AutoTokenizer`); without that folder the cell only says so. The handout names Hugging Face's `Trainer`; a
# few lines that make GPT-2 return its logits do as well, as your own `train`, `evaluate` and `generate` then work with
# it unchanged. Vary `GPT2_LEARNING_RATE` and `GPT2_EPOCHS`, report the best perplexity with these two values, and the
# texts of GPT-2 and of one of your own models for all eight beginnings.


# %%
class HuggingFaceLM(nn.Module):
    """A language model of Hugging Face that is called like ours: from ids to logits.

    Args:
        model: for example a `GPT2LMHeadModel`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.context_len = model.config.max_position_embeddings

    def forward(self, ids: Tensor) -> Tensor:
        """Compute the logits of each position's next token: (B, T) to (B, T, vocab_size)."""
        return self.model(ids).logits


ALL_PROMPTS = [
    *PROMPTS,
    "Good morrow, my lord",
    "O gentle night,",
    "What say you to",
    "The king is dead, and",
]

if not Path(GPT2_FOLDER).is_dir():
    print(f"Q7 is skipped: there is no folder {GPT2_FOLDER} with a Hugging Face model")
else:
    gpt2_tokenizer = hugging_face().AutoTokenizer.from_pretrained(GPT2_FOLDER, local_files_only=True)
    gpt2 = HuggingFaceLM(hugging_face().AutoModelForCausalLM.from_pretrained(GPT2_FOLDER, local_files_only=True))
    gpt2_len = min(CONTEXT_LEN, gpt2.context_len)
    gpt2_train = make_windows(shakespeare["train"], gpt2_tokenizer, gpt2_len)
    gpt2_dev = make_windows(shakespeare["dev"], gpt2_tokenizer, gpt2_len)
    print(f"GPT-2 as it is: perplexity {evaluate(gpt2.to(DEVICE), gpt2_dev, DEVICE):.2f}")
    train(gpt2, gpt2_train, gpt2_dev, DEVICE, GPT2_EPOCHS, GPT2_LEARNING_RATE)
    print(f"GPT-2, fine-tuned: perplexity {evaluate(gpt2, gpt2_dev, DEVICE):.2f}")
    gpt2.model.save_pretrained("gpt2-shakespeare")
    torch.manual_seed(SEED)
    for prompt in ALL_PROMPTS:
        print("- GPT-2:", generate(gpt2, gpt2_tokenizer, prompt, 30, DEVICE, temperature=TEMPERATURE))

torch.manual_seed(SEED)
for prompt in ALL_PROMPTS:
    print("- fine-tuned:", generate(fine_tuned, tokenizer, prompt, 30, DEVICE, temperature=TEMPERATURE))

# %% [markdown]
# ## Task 3 and handing in
#
# Questions 8, 9 and 10 are answered in the report. Then hand in the report's PDF under *Written*, and under *Code* this
# notebook (`.ipynb`, after *Runtime → Run all*) and `transformers.py`. A file of that name hides the Hugging Face package
# from everything in its folder, so keep it elsewhere than where you work with `import transformers`.
