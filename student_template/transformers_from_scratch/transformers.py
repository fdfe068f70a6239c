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
        # [Q2] Mean and variance are those of one token's vector, that is, over the last axis: (B, T, 1). Let the
        # variance divide by hidden_dim, not by hidden_dim − 1 (see the arguments of Tensor.var).
        # Until you write this, x passes unchanged, and question 1 works without it. Replace the next line:
        return x

    def attention(self, x: Tensor, layer: int) -> Tensor:
        """Let each token gather from itself and the tokens before it: softmax(Q Kᵀ / √d_k) V W_O (equations 1 to 5).

        Args:
            x: (B, T, hidden_dim), the layer's input.
            layer: which layer's weights to use.

        Returns:
            (B, T, hidden_dim), after the output projection and before the residual sum.
        """
        # [Q1] 1. queries, keys and values of all tokens, with self.W_q[layer] and so on: each (B, T, hidden_dim);
        #      2. the scores of every query with every key, divided by √d_k: (B, T, T);
        #      3. the causal mask: the score of a key after the query becomes −inf (torch.tril or torch.triu makes
        #         the pattern, Tensor.masked_fill applies it; make it on the device of x);
        #      4. softmax over the keys;
        #      5. the weighted sum of the values: (B, T, hidden_dim);
        #      6. the output projection, self.W_o[layer].
        raise NotImplementedError("Q1: write Transformer.attention")

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
        # [Q1] For each layer i in range(self.num_layers):
        #      1. attention, plus what went into it;
        #      2. layer norm with self.attention_gamma[i] and self.attention_beta[i];
        #      3. the MLP (self.mlp_up[i], ReLU, self.mlp_down[i]) of that, plus what went into it;
        #      4. layer norm with self.mlp_gamma[i] and self.mlp_beta[i].
        # Call self.layer_norm now, though it changes nothing before question 2. Return the last layer's output.
        raise NotImplementedError("Q1: finish Transformer.forward")


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
        # [Q3] Start from your attention of question 1. What changes:
        # 1. Queries, keys and values get an axis for the heads. The features of one token are cut into num_heads
        #    pieces of head_dim each (view), then the axis of the heads is moved in front of the axis of the tokens
        #    (transpose): (B, num_heads, T, head_dim). A single view to that shape would mix up the tokens.
        # 2. Scores and weights are (B, num_heads, T, T), divided by the root of what a head's keys have.
        # 3. The outputs, (B, num_heads, T, head_dim), go back to (B, T, hidden_dim) the same way before W_O.
        raise NotImplementedError("Q3: write MultiHeadTransformer.attention")
