"""Right submissions of transformers_from_scratch that are written in another way: what the handout leaves open."""

from audit.edits import Variant

from .bugs import DIVIDED, DRAWN, EMBEDDED, FIRST, LAST, NORM_RESULT, NORMED, OUTSIDE, SECOND, VARIANCE

COPIED = "# transformers.py: copy this cell into that file"
SINGLE_SIGNATURE = (
    "    def __init__(self, vocab_size: int, hidden_dim: int, context_len: int, num_layers: int = 2) -> None:\n"
)
MULTI_SIGNATURE = """\
    def __init__(
        self, vocab_size: int, hidden_dim: int, context_len: int, num_heads: int = 4, num_layers: int = 2
    ) -> None:
        super().__init__(vocab_size, hidden_dim, context_len, num_layers)
"""
ATTENTION_LAYERS = "".join(
    f"        self.W_{role} = one_per_layer(hidden_dim, hidden_dim, bias=False)\n" for role in "qkvo"
)
MLP_LAYERS = """\
        self.mlp_up = one_per_layer(hidden_dim, 4 * hidden_dim, bias=True)
        self.mlp_down = one_per_layer(4 * hidden_dim, hidden_dim, bias=True)
"""
NORM_PARAMETERS = """\
        self.attention_gamma = nn.ParameterList(torch.ones(hidden_dim) for _ in range(num_layers))
        self.attention_beta = nn.ParameterList(torch.zeros(hidden_dim) for _ in range(num_layers))
        self.mlp_gamma = nn.ParameterList(torch.ones(hidden_dim) for _ in range(num_layers))
        self.mlp_beta = nn.ParameterList(torch.zeros(hidden_dim) for _ in range(num_layers))
"""
BODY = FIRST + NORMED + SECOND + LAST
PROJECTED = "        q, k, v = self.W_q[layer](x), self.W_k[layer](x), self.W_v[layer](x)  # each (B, T, hidden_dim)\n"
SINGLE_END = "        return self.W_o[layer](weights @ v)  # (B, T, hidden_dim)\n"
HEADS = "        q, k, v = heads(self.W_q[layer](x)), heads(self.W_k[layer](x)), heads(self.W_v[layer](x))\n"
MULTI_END = "        return self.W_o[layer](side_by_side)  # (B, T, hidden_dim)\n"
MULTI_ATTENTION = "    # The handout advises to copy `forward` into this class."
LAYER_NORM = """\
    def layer_norm(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        \"\"\"Standardise each token's vector, then scale and shift its elements (equation 9, ε = 1e-5 under the root).
"""

GENERATE = '''\
def generate(model, tokenizer, start_text: str, max_new_tokens: int, device, temperature: float = 1.0) -> str:
    """Continue a text, each token drawn from softmax(logits / temperature).
'''
CHECKED_TAU = '''\
        ValueError: the temperature is not above 0.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature must be above 0, got {temperature}")
    start_ids = tokenizer.encode(start_text) or [tokenizer.eos_token_id]
    ids = torch.tensor([start_ids], device=device)  # (1, T)
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.context_len :])[:, -1]  # (1, V): the last position of the last context_len tokens
'''
GENERATE_END = (
    DRAWN
    + "        ids = torch.cat((ids, next_id), dim=1)  # (1, T + 1)\n    return tokenizer.decode(ids[0].tolist())\n"
)
SAMPLED = 'print("-", generate(model_q3, tokenizer, prompt, 30, DEVICE, temperature=TEMPERATURE))'
NUCLEUS_SIGNATURE = """\
    model, tokenizer, start_text: str, max_new_tokens: int, device, p: float = 0.9, temperature: float = 1.0
"""
CHECKED_P = """\
    if not 0 < p <= 1:
        raise ValueError(f"p must be above 0 and at most 1, got {p}")
    if temperature <= 0:
        raise ValueError(f"the temperature must be above 0, got {temperature}")
"""


def raw(name: str, shape: str) -> str:
    """A list of bare parameters in the place of one of Linears."""
    return f"        self.{name} = nn.ParameterList(torch.randn({shape}) * 0.02 for _ in range(num_layers))\n"


VARIANTS = (
    Variant(
        "file_named_transformer",
        "The file is called transformer.py, as the handout has it in one place.",
        ((COPIED, COPIED.replace("transformers.py", "transformer.py")),),
    ),
    Variant(
        "biases_and_other_names",
        "The attention's layers have biases and other names, and the MLP is an nn.Sequential of twice the width.",
        (
            (
                ATTENTION_LAYERS,
                "".join(
                    f"        self.{name}_proj = one_per_layer(hidden_dim, hidden_dim, bias=True)\n"
                    for name in ("value", "key", "query", "out")
                ),
            ),
            (
                PROJECTED,
                "        q, k, v = self.query_proj[layer](x), self.key_proj[layer](x), self.value_proj[layer](x)\n",
            ),
            (
                HEADS,
                "        q, k, v = (heads(p[layer](x)) for p in (self.query_proj, self.key_proj, self.value_proj))\n",
            ),
            (SINGLE_END, SINGLE_END.replace("W_o", "out_proj")),
            (MULTI_END, MULTI_END.replace("W_o", "out_proj")),
            (
                MLP_LAYERS,
                """\
        self.mlp = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden_dim, 2 * hidden_dim), nn.ReLU(), nn.Linear(2 * hidden_dim, hidden_dim))
            for _ in range(num_layers)
        )
""",
            ),
            (SECOND, "            h = self.mlp[i](z) + z\n"),
        ),
    ),
    Variant(
        "names_that_say_nothing",
        "The four matrices are called a, b, c and d, in an order of their own.",
        (
            (
                ATTENTION_LAYERS,
                "".join(
                    f"        self.{name} = one_per_layer(hidden_dim, hidden_dim, bias=False)\n" for name in "abcd"
                ),
            ),
            (PROJECTED, "        q, k, v = self.c[layer](x), self.a[layer](x), self.d[layer](x)\n"),
            (HEADS, "        q, k, v = heads(self.c[layer](x)), heads(self.a[layer](x)), heads(self.d[layer](x))\n"),
            (SINGLE_END, SINGLE_END.replace("W_o", "b")),
            (MULTI_END, MULTI_END.replace("W_o", "b")),
        ),
    ),
    Variant(
        "bare_parameters",
        "All matrices are bare parameters, used as x @ W.",
        (
            (ATTENTION_LAYERS, "".join(raw(f"W_{role}", "hidden_dim, hidden_dim") for role in "qkvo")),
            (PROJECTED, "        q, k, v = x @ self.W_q[layer], x @ self.W_k[layer], x @ self.W_v[layer]\n"),
            (
                HEADS,
                "        q, k, v = heads(x @ self.W_q[layer]), heads(x @ self.W_k[layer]), heads(x @ self.W_v[layer])\n",
            ),
            (SINGLE_END, "        return weights @ v @ self.W_o[layer]\n"),
            (MULTI_END, "        return side_by_side @ self.W_o[layer]\n"),
            (
                MLP_LAYERS,
                raw("W_up", "hidden_dim, 4 * hidden_dim")
                + raw("W_down", "4 * hidden_dim, hidden_dim")
                + raw("b1", "4 * hidden_dim")
                + raw("b2", "hidden_dim"),
            ),
            (SECOND, "            h = F.relu(z @ self.W_up[i] + self.b1[i]) @ self.W_down[i] + self.b2[i] + z\n"),
        ),
    ),
    Variant(
        "stacked_parameters",
        "The matrices of all layers are one parameter; queries, keys and values are computed at once.",
        (
            (
                ATTENTION_LAYERS,
                "        self.qkv = nn.Parameter(torch.randn(num_layers, hidden_dim, 3 * hidden_dim) * 0.02)\n"
                "        self.W_o = nn.Parameter(torch.randn(num_layers, hidden_dim, hidden_dim) * 0.02)\n",
            ),
            (PROJECTED, "        q, k, v = (x @ self.qkv[layer]).chunk(3, dim=-1)\n"),
            (HEADS, "        q, k, v = (heads(part) for part in (x @ self.qkv[layer]).chunk(3, dim=-1))\n"),
            (SINGLE_END, "        return weights @ v @ self.W_o[layer]\n"),
            (MULTI_END, "        return side_by_side @ self.W_o[layer]\n"),
        ),
    ),
    Variant(
        "norm_before_the_sum",
        "Layer norm acts on what attention and MLP give, before the residual sums.",
        (
            (
                BODY,
                """\
            z = self.layer_norm(self.attention(x, i), self.attention_gamma[i], self.attention_beta[i]) + x
            h = self.mlp_down[i](F.relu(self.mlp_up[i](z)))
            x = self.layer_norm(h, self.mlp_gamma[i], self.mlp_beta[i]) + z
        return x
""",
            ),
        ),
    ),
    Variant(
        "equations_to_the_letter",
        "As equations 6 and 8 have it, the MLP reads Z and the second residual adds Z, not Z'.",
        (
            (
                FIRST + NORMED + SECOND,
                """\
            z = self.attention(x, i)
            z = self.layer_norm(z, self.attention_gamma[i], self.attention_beta[i])
            h = self.mlp_down[i](F.relu(self.mlp_up[i](z))) + z
""",
            ),
        ),
    ),
    Variant(
        "reads_the_plain_output",
        "The MLP reads Z, and the second residual adds Z'.",
        (
            (
                FIRST + NORMED + SECOND,
                """\
            plain = self.layer_norm(self.attention(x, i), self.attention_gamma[i], self.attention_beta[i])
            h = self.mlp_down[i](F.relu(self.mlp_up[i](plain))) + plain + x
""",
            ),
        ),
    ),
    Variant(
        "nn_layer_norm",
        "nn.LayerNorm modules take the place of the method and its parameters.",
        (
            (
                NORM_PARAMETERS,
                "        self.ln1 = nn.ModuleList(nn.LayerNorm(hidden_dim) for _ in range(num_layers))\n"
                "        self.ln2 = nn.ModuleList(nn.LayerNorm(hidden_dim) for _ in range(num_layers))\n",
            ),
            (LAYER_NORM, LAYER_NORM.replace("layer_norm", "_unused")),
            (NORMED, "            z = self.ln1[i](z)\n"),
            (LAST, "            x = self.ln2[i](h)\n        return x\n"),
        ),
    ),
    Variant(
        "nn_layer_norm_beside_the_stub",
        "nn.LayerNorm modules are used; the template's parameters and its empty layer_norm are still there.",
        (
            (
                NORM_PARAMETERS,
                NORM_PARAMETERS
                + "        self.norm_attn = nn.ModuleList(nn.LayerNorm(hidden_dim) for _ in range(num_layers))\n"
                "        self.norm_mlp = nn.ModuleList(nn.LayerNorm(hidden_dim) for _ in range(num_layers))\n",
            ),
            (NORM_RESULT, "        return x\n"),
            (NORMED, "            z = self.norm_attn[i](z)\n"),
            (LAST, "            x = self.norm_mlp[i](h)\n        return x\n"),
        ),
    ),
    Variant(
        "one_gamma_for_all_layers",
        "All layers share the gammas and betas, whose names are short.",
        (
            (
                NORM_PARAMETERS,
                "".join(
                    f"        self.{name} = nn.Parameter(torch.{fill}(hidden_dim))\n"
                    for name, fill in (("g1", "ones"), ("beta1", "zeros"), ("g2", "ones"), ("beta2", "zeros"))
                ),
            ),
            (NORMED, "            z = self.layer_norm(z, self.g1, self.beta1)\n"),
            (LAST, "            x = self.layer_norm(h, self.g2, self.beta2)\n        return x\n"),
        ),
    ),
    Variant(
        "sample_deviation_without_eps",
        "layer_norm divides by the sample's standard deviation, without an ε.",
        (
            (VARIANCE, "        deviation = x.std(dim=-1, keepdim=True)  # (B, T, 1)\n"),
            (NORM_RESULT, "        return gamma * (x - mean) / deviation + beta\n"),
        ),
    ),
    Variant(
        "forward_copied",
        "MultiHeadTransformer has a forward of its own, with the heads written in it, and a mask kept in a buffer.",
        (
            (
                MULTI_ATTENTION,
                """\
    def forward(self, ids):
        B, T = ids.shape
        if not hasattr(self, "mask"):
            self.register_buffer("mask", torch.full((self.context_len, self.context_len), -1e9).triu(1), persistent=False)
        x = self.embedding(ids) + self.pos_embedding.weight[:T]
        for i in range(self.num_layers):
            q, k, v = (w[i](x).reshape(B, T, self.num_heads, -1) for w in (self.W_q, self.W_k, self.W_v))
            scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / self.head_dim**0.5 + self.mask[:T, :T]
            a = torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v).reshape(B, T, -1)
            z = self.layer_norm(self.W_o[i](a) + x, self.attention_gamma[i], self.attention_beta[i])
            h = self.mlp_down[i](F.relu(self.mlp_up[i](z))) + z
            x = self.layer_norm(h, self.mlp_gamma[i], self.mlp_beta[i])
        return x

"""
                + MULTI_ATTENTION,
            ),
        ),
    ),
    Variant(
        "one_layer_only",
        "The older form: no argument for the number of layers, there is one.",
        (
            (SINGLE_SIGNATURE, SINGLE_SIGNATURE.replace(", num_layers: int = 2", "") + "        num_layers = 1\n"),
            (
                MULTI_SIGNATURE,
                """\
    def __init__(self, vocab_size: int, hidden_dim: int, context_len: int, num_heads: int = 4) -> None:
        super().__init__(vocab_size, hidden_dim, context_len)
""",
            ),
        ),
    ),
    Variant(
        "temperature_of_the_notebook",
        "The temperature is a name of the notebook's, and the tokenizer is called for tensors.",
        (
            (GENERATE, GENERATE.replace(", temperature: float = 1.0", "")),
            (
                CHECKED_TAU,
                '''\
        ValueError: never.
    """
    model.eval()
    ids = tokenizer(start_text, return_tensors="pt")["input_ids"].to(device)
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.context_len :])[:, -1]
''',
            ),
            (DIVIDED, DIVIDED.replace("temperature", "TEMPERATURE")),
            (SAMPLED, SAMPLED.replace(", temperature=TEMPERATURE", "")),
        ),
    ),
    Variant(
        "temperature_in_the_code",
        "The temperature is a number in the code, the model gives an object with logits, and the text is printed.",
        (
            (GENERATE, GENERATE.replace(", temperature: float = 1.0", "")),
            (
                CHECKED_TAU,
                '''\
        ValueError: never.
    """
    ids = tokenizer.encode(start_text, return_tensors="pt").to(device)
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.context_len :]).logits[0, -1][None]
''',
            ),
            (DIVIDED, DIVIDED.replace("logits / temperature", "logits / 0.8")),
            (
                GENERATE_END,
                GENERATE_END.replace(
                    "return tokenizer.decode(ids[0].tolist())", 'print("Output:", tokenizer.decode(ids[0]))'
                ),
            ),
        ),
    ),
    Variant(
        "hidden_states_and_ids",
        "generate multiplies hidden states by the embedding itself, takes a tuple apart, and returns the new ids alone.",
        (
            (
                CHECKED_TAU,
                CHECKED_TAU.replace(
                    "        logits = model(ids[:, -model.context_len :])[:, -1]",
                    "        hidden, _ = model(ids[:, -model.context_len :])\n"
                    "        logits = (hidden @ model.transformer.embedding.weight.T)[:, -1]",
                ),
            ),
            (
                GENERATE_END,
                GENERATE_END.replace("return tokenizer.decode(ids[0].tolist())", "return ids[:, len(start_ids) :]"),
            ),
        ),
    ),
    Variant(
        "p_in_the_code",
        "p is a number in the code, and the filter acts on logits that are put back in the order of the vocabulary.",
        (
            (NUCLEUS_SIGNATURE, "    model, tokenizer, start_text: str, max_new_tokens: int, device\n"),
            (CHECKED_P, ""),
            (OUTSIDE, "        outside = mass_before > 0.9\n"),
            ("torch.softmax(logits.double() / temperature, dim=-1)", "torch.softmax(logits.double(), dim=-1)"),
        ),
    ),
    Variant(
        "positions_from_the_weight",
        "The positions are taken as the first rows of the embedding's weight.",
        ((EMBEDDED, "        x = self.embedding(ids) + self.pos_embedding.weight[: ids.shape[1]]\n"),),
    ),
)
