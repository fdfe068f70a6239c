"""Right submissions of mit_dialoguegpt that are written in another way: all of them get full points."""

from audit.edits import Variant

_LINEARS = """\
        self.W_K = nn.Linear(dim, n_hidden)
        self.W_Q = nn.Linear(dim, n_hidden)
        self.W_V = nn.Linear(dim, n_hidden)
"""
_QKV = "queries, keys, values = self.W_Q(x), self.W_K(x), self.W_V(x)  # each (B, T, n_hidden)"
_MASKED = """\
        if attn_mask is not None:
            scores = scores.masked_fill(attn_mask == 0, -math.inf)
"""
_SUPER = "        super().__init__()\n"
_HEADS = """\
        self.heads = nn.ModuleList(AttentionHead(dim, n_hidden) for _ in range(num_heads))
        self.W_O = nn.Linear(num_heads * n_hidden, dim)
"""
_RUN_HEADS = """\
        outs, alphas = zip(*(head(x, attn_mask) for head in self.heads), strict=True)
        concatenated = torch.cat(outs, dim=-1)  # (B, T, num_heads * n_hidden)
        return self.W_O(concatenated), torch.stack(alphas, dim=1)  # (B, T, dim), (B, num_heads, T, T)
"""
_RUN_LAYERS = """\
        of_layers = []
        for layer in self.layers:
            x, weights = layer(x, attn_mask)  # (B, T, dim), (B, num_heads, T, T)
            of_layers.append(weights)
        return x, torch.stack(of_layers, dim=1) if return_attn else None
"""
_LAYERS = "self.layers = nn.ModuleList("
_CONVOLUTION = "self.projection = nn.Conv2d(nin, nout, kernel_size=patch_size, stride=patch_size)"
_PATCHES = """\
        grid = self.projection(x)  # (B, nout, rows, columns)
        return grid.flatten(2).transpose(1, 2)  # (B, num_patches, nout)
"""
_ENCODE = "return [self.start_id, *(self.token_to_id.get(word, self.unk_id) for word in word_tokenize(s))]"
_DECODE = 'return " ".join(self.tokens[int(id)] for id in ids)'
_EMBEDDINGS = """\
        self.token_embedding = nn.Embedding(vocab_size, dim)
        self.position_embedding = nn.Embedding(max_N, dim)
"""
_EMBEDDED = "embeddings = self.token_embedding(input_ids) + self.position_embedding(positions)  # (B, T, dim)"
_CAUSAL = "attn_mask = torch.ones(T, T, device=input_ids.device).tril().expand(B, T, T)"
_GPT_HEAD = "self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, vocab_size))"
_LOGITS = "return self.head(hidden), alphas  # (B, T, V), the weights"
_LOSS = """\
        counts = inp_mask[:, 1:] == 1  # (B, T − 1), one for each target
        return F.cross_entropy(logits[:, :-1][counts], input_ids[:, 1:][counts])  # of (N, V) and (N,)
"""

VARIANTS = (
    Variant(
        "no_bias_and_other_names",
        "The handout's formulas have no bias and name nothing; forbidden scores are a large negative number.",
        (
            (
                _LINEARS,
                "".join(
                    f"        self.{name} = nn.Linear(dim, n_hidden, bias=False)\n"
                    for name in ("key", "value", "query")
                ),
            ),
            (_QKV, "queries, keys, values = self.query(x), self.key(x), self.value(x)"),
            (_MASKED, _MASKED.replace("-math.inf", "-1e9")),
            (
                "self.W_O = nn.Linear(num_heads * n_hidden, dim)",
                "self.out = nn.Linear(num_heads * n_hidden, dim, bias=False)",
            ),
            ("return self.W_O(concatenated)", "return self.out(concatenated)"),
        ),
    ),
    Variant(
        "parameters_without_modules",
        "Bare Parameters that multiply from the right, under names that say nothing.",
        (
            (
                _LINEARS,
                "".join(
                    f"        self.{name} = nn.Parameter(torch.randn(dim, n_hidden))\n" for name in ("a", "b", "c")
                ),
            ),
            (_QKV, "queries, keys, values = x @ self.b, x @ self.c, x @ self.a"),
            (
                "self.W_O = nn.Linear(num_heads * n_hidden, dim)",
                "self.d = nn.Parameter(torch.randn(num_heads * n_hidden, dim))",
            ),
            ("return self.W_O(concatenated)", "return concatenated @ self.d"),
        ),
    ),
    Variant(
        "fused_head",
        "One linear layer for queries, keys and values of a head.",
        (
            (_LINEARS, "        self.qkv = nn.Linear(dim, 3 * n_hidden)\n"),
            (_QKV, "queries, keys, values = self.qkv(x).chunk(3, dim=-1)"),
        ),
    ),
    Variant(
        "all_heads_at_once",
        "Multi-head attention without AttentionHead, all heads in one product.",
        (
            (
                _HEADS,
                """\
        self.num_heads = num_heads
        self.to_query = nn.Linear(dim, num_heads * n_hidden)
        self.to_key = nn.Linear(dim, num_heads * n_hidden)
        self.to_value = nn.Linear(dim, num_heads * n_hidden)
        self.to_out = nn.Linear(num_heads * n_hidden, dim)
""",
            ),
            (
                _RUN_HEADS,
                """\
        split = [part(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
                 for part in (self.to_query, self.to_key, self.to_value)]
        scores = torch.einsum("bhid,bhjd->bhij", split[0], split[1]) / split[0].shape[-1] ** 0.5
        if attn_mask is not None:
            scores = scores.masked_fill(attn_mask[:, None] == 0, float("-inf"))
        alphas = scores.softmax(-1)
        return self.to_out((alphas @ split[2]).transpose(1, 2).flatten(2)), alphas
""",
            ),
        ),
    ),
    Variant(
        "width_of_all_heads",
        "n_hidden is taken for the width of all heads together, as the handout allows.",
        (
            (
                _HEADS,
                """\
        self.heads = nn.ModuleList([AttentionHead(dim, n_hidden // num_heads) for _ in range(num_heads)])
        self.W_O = nn.Linear(n_hidden // num_heads * num_heads, dim)
""",
            ),
        ),
    ),
    Variant(
        "loops_and_lists",
        "Heads and layers are run in loops with indices, and called by keyword.",
        (
            (
                _RUN_HEADS,
                """\
        outs, alphas = [], []
        for i in range(len(self.heads)):
            o, a = self.heads[i](x=x, attn_mask=attn_mask)
            outs.append(o)
            alphas.append(a.unsqueeze(1))
        return self.W_O(torch.cat(outs, -1)), torch.cat(alphas, 1)
""",
            ),
            (
                _RUN_LAYERS,
                """\
        collected = None
        for i in range(len(self.blocks)):
            x, a = self.blocks[i](x=x, attn_mask=attn_mask)
            a = a.unsqueeze(1)
            collected = a if collected is None else torch.cat([collected, a], dim=1)
        if return_attn:
            return x, collected
        return x, None
""",
            ),
            (_LAYERS, "self.blocks = nn.ModuleList("),
        ),
    ),
    Variant(
        "unfold_and_linear",
        "Patches by nn.Unfold, then a linear layer.",
        (
            (
                _CONVOLUTION,
                "self.unfold = nn.Unfold(patch_size, stride=patch_size)\n"
                "        self.linear = nn.Linear(nin * patch_size**2, nout)",
            ),
            (_PATCHES, "        return self.linear(self.unfold(x).transpose(1, 2))\n"),
        ),
    ),
    Variant(
        "patches_with_channels_last",
        "Patches are cut out by hand, their pixels with the channels last, and projected without a bias.",
        (
            (
                _CONVOLUTION,
                "self.patch_size = patch_size\n        self.proj = nn.Linear(nin * patch_size**2, nout, bias=False)",
            ),
            (
                _PATCHES,
                """\
        P = self.patch_size
        B, C, H, W = x.shape
        patches = x.reshape(B, C, H // P, P, W // P, P).permute(0, 2, 4, 3, 5, 1)
        return self.proj(patches.reshape(B, -1, P * P * C))
""",
            ),
        ),
    ),
    Variant(
        "encode_gives_an_array",
        "encode returns an array, decode takes one; the words are looked up in a list.",
        (
            (
                _ENCODE,
                """\
words = [self.START] + word_tokenize(s)
        return np.array([self.tokens.index(w) if w in self.tokens else self.tokens.index(self.UNK) for w in words])""",
            ),
            (_DECODE, 'return " ".join([self.tokens[i] for i in ids])'),
        ),
    ),
    Variant(
        "encode_gives_a_tensor",
        "encode returns a tensor, decode makes one of whatever it gets.",
        (
            (
                _ENCODE,
                "return torch.tensor([0] + [self.token_to_id.get(w, 2) for w in word_tokenize(s)], dtype=torch.long)",
            ),
            (_DECODE, 'return " ".join(self.tokens[i] for i in torch.as_tensor(ids).tolist())'),
        ),
    ),
    Variant(
        "queries_and_keys_exchanged",
        "What is called W_Q makes the keys, and what is called W_K the queries: the names are the student's own.",
        ((_QKV, "keys, queries, values = self.W_Q(x), self.W_K(x), self.W_V(x)"),),
    ),
    Variant(
        "positions_as_a_parameter",
        "The positions are a bare Parameter with an axis for the batch, the mask is one for all, of booleans.",
        (
            (
                _EMBEDDINGS,
                "        self.tok = nn.Embedding(vocab_size, dim)\n"
                "        self.pos = nn.Parameter(torch.zeros(1, max_N, dim))\n",
            ),
            (_EMBEDDED, "embeddings = self.tok(input_ids) + self.pos[:, :T]"),
            (_CAUSAL, "attn_mask = positions[None, :] <= positions[:, None]"),
        ),
    ),
    Variant(
        "norm_and_head_apart",
        "The given head is two modules, the last one without a bias, so that it looks like a token embedding.",
        (
            (
                _GPT_HEAD,
                "self.unembed = nn.Linear(dim, vocab_size, bias=False)\n        self.final_norm = nn.LayerNorm(dim)",
            ),
            (_LOGITS, "return self.unembed(self.final_norm(hidden)), alphas"),
        ),
    ),
    Variant(
        "tied_head",
        "The token embedding is used once more to score the words.",
        (
            (_GPT_HEAD, "pass"),
            (_LOGITS, "return hidden @ self.token_embedding.weight.T, alphas"),
        ),
    ),
    Variant(
        "masks_are_booleans",
        "The head inverts the mask bit by bit: right for booleans, which its own model passes.",
        (
            (_MASKED, _MASKED.replace("attn_mask == 0", "~attn_mask")),
            (_CAUSAL, "attn_mask = torch.ones(T, T, dtype=torch.bool, device=input_ids.device).tril().expand(B, T, T)"),
        ),
    ),
    Variant(
        "loss_times_mask",
        "The losses of all places are multiplied by the mask.",
        (
            (
                _LOSS,
                """\
        B, T, V = logits.shape
        losses = nn.CrossEntropyLoss(reduction="none")(logits[:, :-1].reshape(-1, V), input_ids[:, 1:].reshape(-1))
        mask = inp_mask[:, 1:].reshape(-1).float()
        return (losses * mask).sum() / mask.sum()
""",
            ),
        ),
    ),
    Variant(
        "loss_by_lengths",
        "The lengths of the texts are read off the mask: padding stands at the end.",
        (
            (
                _LOSS,
                """\
        total, count = 0.0, 0
        for row, ids, n in zip(logits, input_ids, inp_mask.sum(dim=1).int().tolist()):
            if n > 1:
                total = total + F.cross_entropy(row[: n - 1], ids[1:n], reduction="sum")
                count += n - 1
        return total / count
""",
            ),
        ),
    ),
    Variant(
        "loss_with_ignore_index",
        "Targets that are padding are marked and ignored; the mask holds for both ends of each pair.",
        (
            (
                _LOSS,
                """\
        both = (inp_mask[:, :-1] * inp_mask[:, 1:]).bool()
        targets = input_ids[:, 1:].masked_fill(~both, -100)
        return F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, ignore_index=-100)
""",
            ),
        ),
    ),
)
