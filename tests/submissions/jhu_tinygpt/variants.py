"""Right submissions of jhu_tinygpt that are written in another way: what the handout leaves open."""

from audit.edits import Variant

LAYERS = """\
        self.key = nn.Linear(n_embd, head_size, bias=False)
        self.query = nn.Linear(n_embd, head_size, bias=False)
        self.value = nn.Linear(n_embd, head_size, bias=False)
"""
PROJECTED = "        q, k, v = self.query(x), self.key(x), self.value(x)"
ATTENDED = """\
        T, d_k = k.shape[-2:]
        scores = q @ k.mT / math.sqrt(d_k)  # (B, T, T): query, key
        scores = scores.masked_fill(self.tril[:T, :T] == 0, -math.inf)  # question 1(c)ii
        attention = self.dropout(scores.softmax(dim=-1))  # (B, T, T), over the keys
        return attention @ v  # (B, T, head_size)
"""
HEADS = "        self.heads = nn.ModuleList(Head(head_size) for _ in range(num_heads))\n"
PROJ = "        self.proj = nn.Linear(head_size * num_heads, n_embd)\n"
MERGED = """\
        side_by_side = torch.cat([head(x) for head in self.heads], dim=-1)  # (B, T, num_heads * head_size)
        return self.dropout(self.proj(side_by_side))  # (B, T, n_embd)
"""
PARTS = """\
        self.sa = MultiHeadAttention(n_head, head_size)
        self.ffwd = FeedForward(n_embd)
        self.ln1 = nn.LayerNorm(n_embd)
        self.ln2 = nn.LayerNorm(n_embd)
"""
STEPS = """\
        x = x + self.sa(self.ln1(x))  # (B, T, n_embd); not in place, the caller may still need its x
        return x + self.ffwd(self.ln2(x))  # (B, T, n_embd)
"""
TABLE = "        self.position_embedding_table = nn.Embedding(block_size, n_embd)\n"
BLOCKS = "        self.blocks = nn.Sequential(*[Block(n_embd, n_head) for _ in range(n_layer)])\n"
HEAD = "        self.lm_head = nn.Linear(n_embd, vocab_size)\n"
POSITION = "        position = torch.arange(T, device=idx.device)  # (T,)\n"
EMBEDDED = "        x = self.token_embedding_table(idx) + self.position_embedding_table(position)  # (B, T, n_embd)\n"
LOGITS = "        logits = self.lm_head(self.ln_f(self.blocks(x)))  # (B, T, V)\n"
LOSS = "            loss = F.cross_entropy(logits.view(B * T, -1), targets.reshape(B * T))  # (B * T, V) and (B * T,)\n"

VARIANTS = (
    Variant(
        name="lecture_spelling",
        sentence="The MLP's class is called FeedFoward.",
        edits=(
            ("class FeedForward(nn.Module)", "class FeedFoward(nn.Module)"),
            ("self.ffwd = FeedForward(n_embd)", "self.ffwd = FeedFoward(n_embd)"),
        ),
    ),
    Variant(
        name="head_with_bias_and_other_names",
        sentence="Query, key and value have biases, and names of the student's own.",
        edits=(
            (LAYERS, "".join(f"        self.{n} = nn.Linear(n_embd, head_size)\n" for n in ("to_v", "to_q", "to_k"))),
            (PROJECTED, "        q, k, v = self.to_q(x), self.to_k(x), self.to_v(x)"),
        ),
    ),
    Variant(
        name="head_of_bare_parameters",
        sentence="The head's matrices are bare parameters.",
        edits=(
            (LAYERS, "".join(f"        self.w_{n} = nn.Parameter(torch.randn(n_embd, head_size))\n" for n in "qkv")),
            (PROJECTED, "        q, k, v = x @ self.w_q, x @ self.w_k, x @ self.w_v"),
        ),
    ),
    Variant(
        name="fused_head",
        sentence="One linear layer makes query, key and value.",
        edits=(
            (LAYERS, "        self.qkv = nn.Linear(n_embd, 3 * head_size, bias=False)\n"),
            (PROJECTED, "        q, k, v = self.qkv(x).chunk(3, dim=-1)"),
        ),
    ),
    Variant(
        name="given_function",
        sentence="The head calls PyTorch's own attention: this handout allows it.",
        edits=(
            (
                ATTENDED,
                "        return F.scaled_dot_product_attention(\n"
                "            q, k, v, is_causal=True, dropout_p=dropout if self.training else 0.0\n"
                "        )\n",
            ),
        ),
    ),
    Variant(
        name="mask_made_on_the_way",
        sentence="The mask is made in each call, and added; the softmax is written out.",
        edits=(
            (
                ATTENDED,
                "        B, T, hs = k.shape\n"
                "        later = torch.triu(torch.full((T, T), -1e9, device=x.device), diagonal=1)\n"
                '        scores = torch.einsum("bid,bjd->bij", q, k) * hs**-0.5 + later\n'
                "        powers = torch.exp(scores - scores.max(-1, keepdim=True).values)\n"
                "        return self.dropout(powers / powers.sum(-1, keepdim=True)).bmm(v)\n",
            ),
        ),
    ),
    Variant(
        name="head_that_returns_its_weights",
        sentence="The head also returns its attention weights, and MultiHeadAttention leaves them aside.",
        edits=(
            ("        return attention @ v  # (B, T, head_size)", "        return attention @ v, attention"),
            (
                "torch.cat([head(x) for head in self.heads], dim=-1)",
                "torch.cat([head(x)[0] for head in self.heads], -1)",
            ),
            ("Head(8)(torch.randn(2, 5, n_embd)).shape", "Head(8)(torch.randn(2, 5, n_embd))[0].shape"),
        ),
    ),
    Variant(
        name="no_projection",
        sentence="The heads are concatenated and nothing else.",
        edits=((PROJ, ""), ("self.dropout(self.proj(side_by_side))", "self.dropout(side_by_side)")),
    ),
    Variant(
        name="all_heads_at_once",
        sentence="MultiHeadAttention uses no Head: one linear layer for all heads.",
        edits=(
            (
                HEADS,
                "        self.num_heads = num_heads\n"
                "        self.qkv = nn.Linear(n_embd, 3 * num_heads * head_size, bias=False)\n",
            ),
            (
                MERGED,
                "        B, T, _ = x.shape\n"
                "        q, k, v = (t.view(B, T, self.num_heads, -1).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))\n"
                "        later = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)\n"
                "        scores = (q @ k.mT * q.shape[-1] ** -0.5).masked_fill(later, -math.inf)\n"
                "        heads = (self.dropout(scores.softmax(-1)) @ v).transpose(1, 2).flatten(2)\n"
                "        return self.proj(heads)\n",
            ),
        ),
    ),
    Variant(
        name="post_norm",
        sentence="Each sum is normalised, as in the first Transformers.",
        edits=((STEPS, "        x = self.ln1(x + self.sa(x))\n        return self.ln2(x + self.ffwd(x))\n"),),
    ),
    Variant(
        name="other_names_in_the_block",
        sentence="The block's parts have other names and another order, and the MLP is written out in it.",
        edits=(
            (
                PARTS,
                "        self.norm_a, self.norm_b = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)\n"
                "        self.attention = MultiHeadAttention(n_head, head_size)\n"
                "        self.mlp = nn.Sequential(\n"
                "            nn.Linear(n_embd, 2 * n_embd), nn.GELU(), nn.Linear(2 * n_embd, n_embd), nn.Dropout(dropout)\n"
                "        )\n",
            ),
            (STEPS, "        x = x + self.attention(self.norm_a(x))\n        return x + self.mlp(self.norm_b(x))\n"),
        ),
    ),
    Variant(
        name="flattened_logits",
        sentence="With targets the logits come back as (B · T, V), as in the lecture.",
        edits=(
            (
                LOSS,
                "            logits = logits.view(B * T, vocab_size)\n"
                "            loss = F.cross_entropy(logits, targets.view(B * T))\n",
            ),
        ),
    ),
    Variant(
        name="classes_on_the_second_axis",
        sentence="The loss gets the logits with the classes on axis 1, and is written out.",
        edits=((LOSS, "            loss = F.nll_loss(logits.log_softmax(-1).transpose(1, 2), targets)\n"),),
    ),
    Variant(
        name="another_model_around_the_blocks",
        sentence="Positions are a bare parameter, blocks a list, the head shares the embedding's weights and has no bias.",
        edits=(
            (TABLE, "        self.pos = nn.Parameter(torch.zeros(1, block_size, n_embd))\n"),
            (BLOCKS, "        self.layers = nn.ModuleList([Block(n_embd, n_head) for i in range(n_layer)])\n"),
            (
                HEAD,
                "        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)\n"
                "        self.lm_head.weight = self.token_embedding_table.weight\n",
            ),
            (POSITION, ""),
            (EMBEDDED, "        x = self.token_embedding_table(idx) + self.pos[:, :T]\n"),
            (
                LOGITS,
                "        for layer in self.layers:\n"
                "            x = layer(x)\n"
                "        logits = self.lm_head(self.ln_f(x))\n",
            ),
        ),
    ),
    Variant(
        name="sizes_as_arguments",
        sentence="Constructors take the sizes as arguments with the module-level names as defaults, or without.",
        edits=(
            ("    def __init__(self) -> None:\n", "    def __init__(self, vocab_size, n_embd=n_embd) -> None:\n"),
            ("untrained_model = TinyGPT()", "untrained_model = TinyGPT(vocab_size)"),
            ("unmasked_model = TinyGPT()", "unmasked_model = TinyGPT(vocab_size)"),
            ("\nmodel = TinyGPT()", "\nmodel = TinyGPT(vocab_size)"),
        ),
    ),
)
