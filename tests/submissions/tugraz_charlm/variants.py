"""Right submissions of tugraz_charlm that are written in another way: what the handout leaves open.

They change the template's TODO sections only: the rule about these would speak up otherwise.
"""

from audit.edits import Variant

LAYERS = """\
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.attn_dropout = nn.Dropout(config.dropout)
        self.resid_dropout = nn.Dropout(config.dropout)
"""
SPLIT = """\
        qkv = self.c_attn(x).view(B, T, 3, self.n_head, -1)  # (B, T, 3, n_head, hs): queries, keys, values
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, n_head, T, hs)
"""
ATTENDED = """\
        scores = q @ k.mT / math.sqrt(q.shape[-1])  # (B, n_head, T, T): _, _, query, key
        scores = scores.masked_fill(self.bias[:, :, :T, :T] == 0, -math.inf)
        weights = self.attn_dropout(scores.softmax(dim=-1))  # (B, n_head, T, T), over the keys
        heads = (weights @ v).transpose(1, 2).reshape(B, T, C)  # side by side again
"""
MLP_LAYERS = """\
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
"""
HIDDEN = "        hidden = self.gelu(self.c_fc(x))  # (B, T, 4 * C)\n        return self.dropout(self.c_proj(hidden))"
RETURNED = "        if targets is None:\n            return logits, None\n"
LOGITS = "        logits = self.lm_head(self.transformer.ln_f(x))  # (B, T, V)\n"
LOSS = "        return logits, F.cross_entropy(logits.view(B * T, -1), targets.reshape(B * T))"
LOOP = """\
        for _ in range(max_new_tokens):
            logits, _ = self(idx[:, -self.config.block_size :])  # (B, at most block_size, V)
            last = logits[:, -1]  # (B, V)
            # softmax does not change by this shift; 0 / τ is 0, and what falls below all numbers gets probability 0
            scaled = (last - last.amax(dim=-1, keepdim=True)) / temperature  # (B, V), at most 0
            next_token = torch.multinomial(scaled.softmax(dim=-1), num_samples=1)  # (B, 1)
            idx = torch.cat((idx, next_token), dim=1)
        return idx
"""

VARIANTS = (
    Variant(
        name="heads_in_a_loop",
        sentence="Separate layers with other names, one head after the other, another mask.",
        edits=(
            (
                LAYERS,
                "        self.drop_1, self.drop_2 = nn.Dropout(config.dropout), nn.Dropout(config.dropout)\n"
                "        self.out = nn.Linear(config.n_embd, config.n_embd)\n"
                "        for name in ('to_k', 'to_q', 'to_v'):\n"
                "            setattr(self, name, nn.Linear(config.n_embd, config.n_embd, bias=False))\n",
            ),
            (SPLIT, ""),
            (
                ATTENDED,
                "        hs, found = C // self.n_head, []\n"
                "        for h in range(self.n_head):\n"
                "            q, k, v = (layer(x)[..., h * hs : (h + 1) * hs] for layer in (self.to_q, self.to_k, self.to_v))\n"
                "            later = torch.triu(torch.ones(T, T, dtype=torch.bool, device=x.device), 1)\n"
                "            scores = (torch.bmm(q, k.transpose(1, 2)) / hs**0.5).masked_fill(later, float('-inf'))\n"
                "            found.append(self.drop_1(F.softmax(scores, dim=-1)) @ v)\n"
                "        heads = torch.cat(found, dim=-1)\n",
            ),
            ("        return self.resid_dropout(self.c_proj(heads))", "        return self.drop_2(self.out(heads))"),
        ),
    ),
    Variant(
        name="einsum_and_chunks",
        sentence="The fused layer is cut by chunk, scores by einsum, the softmax written out.",
        edits=(
            (
                SPLIT,
                "        q, k, v = (z.unflatten(-1, (self.n_head, -1)) for z in self.c_attn(x).chunk(3, dim=-1))\n",
            ),
            (
                ATTENDED,
                "        scores = torch.einsum('bihd,bjhd->bhij', q, k) * q.size(-1) ** -0.5\n"
                "        scores = scores + (1 - self.bias[..., :T, :T]) * torch.finfo(scores.dtype).min\n"
                "        scores = (scores - scores.max(-1, keepdim=True)[0]).exp()\n"
                "        weights = self.attn_dropout(scores / scores.sum(-1, keepdim=True))\n"
                "        heads = torch.einsum('bhij,bjhd->bihd', weights, v).flatten(-2)\n",
            ),
        ),
    ),
    Variant(
        name="fused_head_by_head",
        sentence="The fused layer's outputs are cut in heads first, and these in query, key and value.",
        edits=(
            (SPLIT, "        q, k, v = self.c_attn(x).view(B, T, self.n_head, -1).transpose(1, 2).chunk(3, dim=-1)\n"),
        ),
    ),
    Variant(
        name="gelu_by_tanh",
        sentence="The MLP has the approximation of GELU by tanh, written out, as older GPTs have.",
        edits=(
            (
                HIDDEN,
                "        h = self.c_fc(x)\n"
                "        h = 0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))\n"
                "        return self.dropout(self.c_proj(h))",
            ),
        ),
    ),
    Variant(
        name="narrow_mlp_of_other_names",
        sentence="The MLP is a Sequential, twice as wide as a token, and its layers have no biases.",
        edits=(
            (
                MLP_LAYERS,
                "        self.net = nn.Sequential(\n"
                "            nn.Linear(config.n_embd, 2 * config.n_embd, bias=False),\n"
                "            nn.GELU(),\n"
                "            nn.Linear(2 * config.n_embd, config.n_embd, bias=False),\n"
                "        )\n",
            ),
            (HIDDEN, "        return self.dropout(self.net(x))"),
        ),
    ),
    Variant(
        name="last_position_only",
        sentence="Without targets, logits of the last position alone come back.",
        edits=((RETURNED, "        if targets is None:\n            return logits[:, -1:], None\n"),),
    ),
    Variant(
        name="flattened_logits",
        sentence="With targets, the logits come back as (B · T, V).",
        edits=(
            (
                LOSS,
                "        logits = logits.view(B * T, -1)\n        return logits, F.cross_entropy(logits, targets.flatten())",
            ),
        ),
    ),
    Variant(
        name="loss_by_hand",
        sentence="The loss is written out, and the blocks run in a loop over numbers.",
        edits=(
            (
                "        for block in self.transformer.h:\n            x = block(x)\n",
                "        for i in range(self.config.n_layer):\n            x = self.transformer['h'][i](x)\n",
            ),
            (LOSS, "        return logits, -logits.log_softmax(-1).gather(2, targets[..., None]).mean()"),
        ),
    ),
    Variant(
        name="one_sequence_without_batch",
        sentence="sample takes and returns a list of ids or a tensor (T,).",
        edits=(
            (
                LOOP,
                "        out = [int(token) for token in idx.tolist()]\n"
                "        for _ in range(max_new_tokens):\n"
                "            window = torch.tensor(out[-self.config.block_size :])[None]\n"
                "            probabilities = torch.softmax(self.forward(window)[0][0, -1] / temperature, 0)\n"
                "            out.append(torch.multinomial(probabilities, 1).item())\n"
                "        return torch.tensor(out)\n",
            ),
            (
                "decode(model.sample(start, max_new_tokens=n_characters, temperature=temperature)[0].tolist())",
                "decode(model.sample(start[0], max_new_tokens=n_characters, temperature=temperature).tolist())",
            ),
        ),
    ),
    Variant(
        name="new_tokens_only",
        sentence="sample returns the new tokens without the prompt, drawn by a Categorical.",
        edits=(
            (
                LOOP,
                "        start = idx.size(1)\n"
                "        while idx.size(1) < start + max_new_tokens:\n"
                "            window = idx if idx.size(1) <= self.config.block_size else idx[:, -self.config.block_size :]\n"
                "            logits = self(window)[0][:, -1, :] / temperature\n"
                "            drawn = torch.distributions.Categorical(logits=logits).sample()\n"
                "            idx = torch.cat([idx, drawn[:, None]], 1)\n"
                "        return idx[:, start:]\n",
            ),
        ),
    ),
    Variant(
        name="gumbel",
        sentence="Tokens are drawn by adding Gumbel noise to the logits.",
        edits=(
            (
                "            next_token = torch.multinomial(scaled.softmax(dim=-1), num_samples=1)",
                "            noise = -torch.log(-torch.log(torch.rand_like(scaled).clamp_min(1e-20)))\n"
                "            next_token = (scaled + noise).argmax(dim=-1, keepdim=True)",
            ),
        ),
    ),
)
