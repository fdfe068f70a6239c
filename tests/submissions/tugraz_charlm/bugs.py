"""Realistic wrong submissions of tugraz_charlm, each one replacement away from the solution."""

from audit.edits import Bug

GRADED = frozenset({"b", "c", "d", "f"})

# The model uses all of them, but a mistake costs once.
ATTENTION = frozenset({"b"})
MLP = frozenset({"c"})
FORWARD = frozenset({"d"})
SAMPLE = frozenset({"f"})

SCORES = "        scores = q @ k.mT / math.sqrt(q.shape[-1])"
MASK = "        scores = scores.masked_fill(self.bias[:, :, :T, :T] == 0, -math.inf)\n"
WEIGHTS = "        weights = self.attn_dropout(scores.softmax(dim=-1))  # (B, n_head, T, T), over the keys\n"
HEADS = "        heads = (weights @ v).transpose(1, 2).reshape(B, T, C)"
OUTPUT = "        return self.resid_dropout(self.c_proj(heads))"
HIDDEN = "        hidden = self.gelu(self.c_fc(x))"
EMBEDDED = "self.transformer.drop(self.transformer.wte(idx) + self.transformer.wpe(positions))"
BLOCKS = "        for block in self.transformer.h:\n            x = block(x)\n"
LOGITS = "        logits = self.lm_head(self.transformer.ln_f(x))"
LOSS = "F.cross_entropy(logits.view(B * T, -1), targets.reshape(B * T))"
CROPPED = "self(idx[:, -self.config.block_size :])"
SCALED = "            scaled = (last - last.amax(dim=-1, keepdim=True)) / temperature"
DRAWN = "            next_token = torch.multinomial(scaled.softmax(dim=-1), num_samples=1)"
APPENDED = "            idx = torch.cat((idx, next_token), dim=1)\n"

BUGS = (
    Bug(
        name="pytorchs_attention",
        sentence="F.scaled_dot_product_attention computes the attention: right, but forbidden.",
        old=MASK + WEIGHTS + HEADS,
        new="        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)\n"
        "        heads = y.transpose(1, 2).reshape(B, T, C)",
        loses=ATTENTION,
    ),
    Bug(
        name="pytorchs_attention_by_another_name",
        sentence="The forbidden function is reached through getattr.",
        old=MASK + WEIGHTS + HEADS,
        new='        y = getattr(torch.nn.functional, "scaled_dot_product_" + "attention")(q, k, v, is_causal=True)\n'
        "        heads = y.transpose(1, 2).reshape(B, T, C)",
        loses=ATTENTION,
    ),
    Bug(
        name="no_scaling",
        misconception="unscaled",
        sentence="The scores are not divided by √hs.",
        old=SCORES,
        new="        scores = q @ k.mT",
        loses=ATTENTION,
    ),
    Bug(
        name="scaled_by_n_embd",
        misconception="root_of_d_model",
        sentence="The scores are divided by √n_embd in place of √hs.",
        old=SCORES,
        new="        scores = q @ k.mT / math.sqrt(C)",
        loses=ATTENTION,
    ),
    Bug(
        name="no_mask",
        misconception="mask_ignored",
        sentence="No mask hides what comes later.",
        old=MASK,
        new="",
        loses=ATTENTION,
    ),
    Bug(
        name="mask_inverted",
        misconception="mask_inverted",
        sentence="The mask hides what a token may see, so that the last row is NaN.",
        old="self.bias[:, :, :T, :T] == 0",
        new="self.bias[:, :, :T, :T] == 1",
        loses=ATTENTION,
    ),
    Bug(
        name="mask_of_zeros",
        misconception="fills_with_zero",
        sentence="What is hidden gets a score of 0 in place of minus infinity.",
        old="self.bias[:, :, :T, :T] == 0, -math.inf)",
        new="self.bias[:, :, :T, :T] == 0, 0.0)",
        loses=ATTENTION,
    ),
    Bug(
        name="mask_not_cut",
        sentence="The mask keeps block_size rows, so that shorter sequences raise.",
        old="self.bias[:, :, :T, :T] == 0",
        new="self.bias == 0",
        loses=ATTENTION,
    ),
    Bug(
        name="softmax_over_heads",
        misconception="softmax_over_heads",
        sentence="The softmax runs over the heads.",
        old="scores.softmax(dim=-1)",
        new="scores.softmax(dim=1)",
        loses=ATTENTION,
    ),
    Bug(
        name="merged_without_transpose",
        misconception="merged_without_transpose",
        sentence="The heads are put side by side without moving their axis back.",
        old=HEADS,
        new="        heads = (weights @ v).reshape(B, T, C)",
        loses=ATTENTION,
    ),
    Bug(
        name="split_without_transpose",
        misconception="split_without_transpose",
        sentence="A view makes the axis of the heads out of the tokens.",
        old="        q, k, v = qkv.permute(2, 0, 3, 1, 4)",
        new="        q, k, v = (z.reshape(B, self.n_head, T, -1) for z in self.c_attn(x).split(C, dim=-1))",
        loses=ATTENTION,
    ),
    Bug(
        name="projection_left_out",
        misconception="projection_left_out",
        sentence="c_proj is made, but not called.",
        old=OUTPUT,
        new="        return self.resid_dropout(heads)",
        loses=ATTENTION,
    ),
    Bug(
        name="layers_unwritten",
        sentence="The layers of CausalSelfAttention are not made: no model can be built with it.",
        old="        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)\n",
        new='        raise NotImplementedError("b")\n',
        loses=ATTENTION,
    ),
    Bug(
        name="mask_of_a_fixed_size",
        sentence="The mask is as large as the student's own test needed.",
        old="causal = torch.ones(config.block_size, config.block_size).tril()",
        new="causal = torch.ones(4, 4).tril()",
        loses=ATTENTION,
    ),
    Bug(
        name="relu",
        misconception="relu",
        sentence="ReLU in place of GELU.",
        old="self.gelu = nn.GELU()",
        new="self.gelu = nn.ReLU()",
        loses=MLP,
    ),
    Bug(
        name="no_activation",
        misconception="no_activation",
        sentence="The two linear layers follow each other at once.",
        old=HIDDEN,
        new="        hidden = self.c_fc(x)",
        loses=MLP,
    ),
    Bug(
        name="activation_at_the_end",
        misconception="activation_twice",
        sentence="GELU acts on the output as well.",
        old="self.dropout(self.c_proj(hidden))",
        new="self.dropout(self.gelu(self.c_proj(hidden)))",
        loses=MLP,
    ),
    Bug(
        name="residual_in_the_mlp",
        misconception="adds_the_residual",
        sentence="The residual connection of the block stands in the MLP too.",
        old="self.dropout(self.c_proj(hidden))",
        new="x + self.dropout(self.c_proj(hidden))",
        loses=MLP,
    ),
    Bug(
        name="mlp_drops_in_eval_mode",
        misconception="dropout_in_eval_mode",
        sentence="The functional dropout is called without the mode, so that it never sleeps.",
        old="self.dropout(self.c_proj(hidden))",
        new="F.dropout(self.c_proj(hidden), self.dropout.p)",
        loses=MLP,
    ),
    Bug(
        name="no_positions",
        misconception="no_position_embedding",
        sentence="The position embeddings are not added.",
        old=EMBEDDED,
        new="self.transformer.drop(self.transformer.wte(idx))",
        loses=FORWARD,
    ),
    Bug(
        name="positions_from_one",
        misconception="positions_start_at_one",
        sentence="Positions count from 1.",
        old="positions = torch.arange(T, device=idx.device)",
        new="positions = torch.arange(1, T + 1, device=idx.device)",
        loses=FORWARD,
    ),
    Bug(
        name="blocks_read_the_embeddings",
        sentence="Each block reads the embeddings in place of the output of the block before it.",
        old=BLOCKS,
        new="        start = x\n        for block in self.transformer.h:\n            x = block(start)\n",
        loses=FORWARD,
    ),
    Bug(
        name="residual_around_the_blocks",
        sentence="A further residual connection leads around each block.",
        old=BLOCKS,
        new="        for block in self.transformer.h:\n            x = x + block(x)\n",
        loses=FORWARD,
    ),
    Bug(
        name="tokens_first",
        sentence="Batch and tokens change places before the blocks, as for nn.Transformer.",
        old=BLOCKS,
        new="        x = x.transpose(0, 1)\n"
        "        for block in self.transformer.h:\n            x = block(x)\n        x = x.transpose(0, 1)\n",
        loses=FORWARD,
    ),
    Bug(
        name="last_norm_left_out",
        misconception="no_final_norm",
        sentence="ln_f is not called.",
        old=LOGITS,
        new="        logits = self.lm_head(x)",
        loses=FORWARD,
    ),
    Bug(
        name="loss_of_probabilities",
        sentence="cross_entropy gets the softmax of the logits.",
        old=LOSS,
        new="F.cross_entropy(logits.view(B * T, -1).softmax(-1), targets.reshape(B * T))",
        loses=FORWARD,
    ),
    Bug(
        name="loss_summed",
        misconception="loss_is_a_sum",
        sentence="The loss is the sum over all tokens.",
        old=LOSS,
        new='F.cross_entropy(logits.view(B * T, -1), targets.reshape(B * T), reduction="sum")',
        loses=FORWARD,
    ),
    Bug(
        name="loss_shifts_again",
        misconception="shifts_the_targets_again",
        sentence="The targets, which are the next tokens already, are shifted once more.",
        old=LOSS,
        new="F.cross_entropy(logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten())",
        loses=FORWARD,
    ),
    Bug(
        name="forward_unwritten",
        sentence="GPT.forward is left as it was.",
        old="        positions = torch.arange(T, device=idx.device)  # (T,)\n",
        new='        raise NotImplementedError("d")\n',
        loses=FORWARD,
    ),
    Bug(
        name="temperature_multiplied",
        misconception="multiplies_by_tau",
        sentence="The logits are multiplied by the temperature.",
        old=SCALED,
        new="            scaled = last * temperature",
        loses=SAMPLE,
    ),
    Bug(
        name="temperature_ignored",
        misconception="ignores_tau",
        sentence="The temperature has no effect.",
        old=SCALED,
        new="            scaled = last",
        loses=SAMPLE,
    ),
    Bug(
        name="temperature_of_the_probabilities",
        misconception="ignores_tau",
        sentence="The temperature divides the probabilities in place of the logits.",
        old=DRAWN,
        new="            next_token = torch.multinomial(last.softmax(dim=-1) / temperature, num_samples=1)",
        loses=SAMPLE,
    ),
    Bug(
        name="argmax",
        misconception="always_the_likeliest",
        sentence="The likeliest token is always taken.",
        old=DRAWN,
        new="            next_token = scaled.argmax(dim=-1, keepdim=True)",
        loses=SAMPLE,
    ),
    Bug(
        name="softmax_overflows",
        sentence="The softmax is written out without subtracting the maximum: at τ = 0.0001 it overflows.",
        old=DRAWN,
        new="            powers = torch.exp(last / temperature)\n"
        "            next_token = torch.multinomial(powers / powers.sum(-1, keepdim=True), num_samples=1)",
        loses=SAMPLE,
    ),
    Bug(
        name="not_cropped",
        misconception="no_crop",
        sentence="The model gets the whole text, also past block_size.",
        old=CROPPED,
        new="self(idx)",
        loses=SAMPLE,
    ),
    Bug(
        name="cropped_to_the_beginning",
        misconception="crops_to_the_beginning",
        sentence="The model gets the first block_size tokens.",
        old=CROPPED,
        new="self(idx[:, : self.config.block_size])",
        loses=SAMPLE,
    ),
    Bug(
        name="cropped_to_the_baselines_block",
        sentence="The text is cut to the notebook's block_size in place of the model's.",
        old=CROPPED,
        new="self(idx[:, -block_size:])",
        loses=SAMPLE,
    ),
    Bug(
        name="prompt_cropped",
        misconception="crops_the_text",
        sentence="What falls out of the window is lost from the text.",
        old=f"            logits, _ = {CROPPED}",
        new="            idx = idx[:, -self.config.block_size :]\n            logits, _ = self(idx)",
        loses=SAMPLE,
    ),
    Bug(
        name="newest_token_only",
        misconception="last_token_only",
        sentence="The model gets the newest token alone.",
        old=CROPPED,
        new="self(idx[:, -1:])",
        loses=SAMPLE,
    ),
    Bug(
        name="logits_of_the_first_position",
        misconception="first_position",
        sentence="The token is drawn from the logits at the first position.",
        old="            last = logits[:, -1]",
        new="            last = logits[:, 0]",
        loses=SAMPLE,
    ),
    Bug(
        name="prompt_never_extended",
        sentence="Each token is drawn as if the text were still the prompt.",
        old=f"            logits, _ = {CROPPED}",
        new="            prompt = locals().get('prompt', idx)\n"
        "            logits, _ = self(prompt[:, -self.config.block_size :])",
        loses=SAMPLE,
    ),
    Bug(
        name="one_token_too_many",
        sentence="The loop runs once too often.",
        old="for _ in range(max_new_tokens):",
        new="for _ in range(max_new_tokens + 1):",
        loses=SAMPLE,
    ),
    Bug(
        name="same_draws_each_time",
        sentence="The random state is set anew before each token.",
        old=DRAWN,
        new="            torch.manual_seed(0)\n" + DRAWN,
        loses=SAMPLE,
    ),
)
