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
        mean = x.mean(dim=-1, keepdim=True)  # (B, T, 1)
        variance = x.var(dim=-1, keepdim=True, correction=0)  # (B, T, 1)
        return gamma * (x - mean) / torch.sqrt(variance + 1e-5) + beta  # (B, T, hidden_dim)

    def attention(self, x: Tensor, layer: int) -> Tensor:
        """Let each token gather from itself and the tokens before it: softmax(Q Kᵀ / √d_k) V W_O (equations 1 to 5).

        Args:
            x: (B, T, hidden_dim), the layer's input.
            layer: which layer's weights to use.

        Returns:
            (B, T, hidden_dim), after the output projection and before the residual sum.
        """
        T = x.shape[1]
        q, k, v = self.W_q[layer](x), self.W_k[layer](x), self.W_v[layer](x)  # each (B, T, hidden_dim)
        scores = q @ k.transpose(-2, -1) / math.sqrt(k.shape[-1])  # (B, T, T): query, key
        may_attend = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()  # (T, T)
        scores = scores.masked_fill(~may_attend, -math.inf)
        weights = torch.softmax(scores, dim=-1)  # (B, T, T), over the keys
        return self.W_o[layer](weights @ v)  # (B, T, hidden_dim)

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
        for i in range(self.num_layers):
            z = self.attention(x, i) + x  # (B, T, hidden_dim)
            z = self.layer_norm(z, self.attention_gamma[i], self.attention_beta[i])
            h = self.mlp_down[i](F.relu(self.mlp_up[i](z))) + z  # (B, T, hidden_dim); 4 * hidden_dim inside
            x = self.layer_norm(h, self.mlp_gamma[i], self.mlp_beta[i])
        return x


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
