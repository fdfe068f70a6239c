"""Realistic wrong submissions of jhu_tinygpt, each one replacement away from the solution."""

from audit.edits import Bug

GRADED = frozenset({"1.i", "1.ii", "1.iii", "1.iv"})

# Each class is used by the next one, but a mistake costs once.
HEAD = frozenset({"1.i"})
HEADS = frozenset({"1.ii"})
BLOCK = frozenset({"1.iii"})
MODEL = frozenset({"1.iv"})

WEIGHTS = "        attention = self.dropout(scores.softmax(dim=-1))"
MASK = "        scores = scores.masked_fill(self.tril[:T, :T] == 0, -math.inf)"
RESIDUAL = "        x = x + self.sa(self.ln1(x))"
SECOND = "        return x + self.ffwd(self.ln2(x))"
EMBEDDED = "        x = self.token_embedding_table(idx) + self.position_embedding_table(position)"
LOGITS = "        logits = self.lm_head(self.ln_f(self.blocks(x)))"
LOSS = "            loss = F.cross_entropy(logits.view(B * T, -1), targets.reshape(B * T))"

BUGS = (
    Bug(
        name="scaled_by_n_embd",
        misconception="root_of_another_size",
        sentence="The scores are divided by √n_embd in place of √head_size.",
        old="k.mT / math.sqrt(d_k)",
        new="k.mT / math.sqrt(n_embd)",
        loses=HEAD,
    ),
    Bug(
        name="no_scaling",
        misconception="unscaled",
        sentence="The scores are not divided by √head_size.",
        old="k.mT / math.sqrt(d_k)",
        new="k.mT",
        loses=HEAD,
    ),
    Bug(
        name="divided_by_d_k",
        misconception="divides_by_d_k",
        sentence="The scores are divided by head_size, without the root.",
        old="k.mT / math.sqrt(d_k)",
        new="k.mT / d_k",
        loses=HEAD,
    ),
    Bug(
        name="softmax_over_queries",
        misconception="softmax_over_queries",
        sentence="The softmax runs over the queries.",
        old="scores.softmax(dim=-1)",
        new="scores.softmax(dim=-2)",
        loses=HEAD,
    ),
    Bug(
        name="still_without_mask",
        misconception="mask_ignored",
        sentence="The head is handed in as it was in the first stage, without the mask.",
        old=MASK,
        new="",
        loses=HEAD,
    ),
    Bug(
        name="mask_inverted",
        misconception="mask_inverted",
        sentence="The mask hides what a token may see: the last row has no key at all, and gives NaN.",
        old="self.tril[:T, :T] == 0",
        new="self.tril[:T, :T] == 1",
        loses=HEAD,
    ),
    Bug(
        name="mask_not_cut",
        sentence="The mask keeps block_size rows, so that shorter sequences raise.",
        old="self.tril[:T, :T] == 0",
        new="self.tril == 0",
        loses=HEAD,
    ),
    Bug(
        name="mask_after_softmax",
        misconception="masks_after_softmax",
        sentence="The weights are masked after the softmax and no longer sum to 1.",
        old=WEIGHTS,
        new=f"{WEIGHTS} * self.tril[:T, :T]".replace("scores.softmax", "(q @ k.mT / math.sqrt(d_k)).softmax"),
        loses=HEAD,
    ),
    Bug(
        name="no_dropout",
        sentence="No dropout acts on the attention weights.",
        old=WEIGHTS,
        new="        attention = scores.softmax(dim=-1)",
        loses=HEAD,
    ),
    Bug(
        name="dropout_before_softmax",
        sentence="Dropout acts on the scores.",
        old=WEIGHTS,
        new="        attention = self.dropout(scores).softmax(dim=-1)",
        loses=HEAD,
    ),
    Bug(
        name="dropout_in_eval_mode",
        sentence="The functional dropout is called without the mode, so that it never sleeps.",
        old=WEIGHTS,
        new="        attention = F.dropout(scores.softmax(dim=-1), dropout)",
        loses=HEAD,
    ),
    Bug(
        name="head_unwritten",
        sentence="Head.forward is left as it was.",
        old="        q, k, v = self.query(x), self.key(x), self.value(x)",
        new='        raise NotImplementedError("1.i")',
        loses=HEAD,
    ),
    Bug(
        name="one_head_n_times",
        sentence="[Head(…)] * n repeats one head.",
        old="nn.ModuleList(Head(head_size) for _ in range(num_heads))",
        new="nn.ModuleList([Head(head_size)] * num_heads)",
        loses=HEADS,
    ),
    Bug(
        name="first_head_only",
        sentence="The first head is called n times.",
        old="[head(x) for head in self.heads]",
        new="[self.heads[0](x) for _ in self.heads]",
        loses=HEADS,
    ),
    Bug(
        name="concatenated_along_tokens",
        misconception="merged_without_transpose",
        sentence="The heads are put one behind the other along the tokens, then cut apart again.",
        old="for head in self.heads], dim=-1)",
        new="for head in self.heads], dim=1).reshape(*x.shape[:2], -1)",
        loses=HEADS,
    ),
    Bug(
        name="features_interleaved",
        misconception="features_interleaved",
        sentence="The heads' features are interleaved in place of side by side.",
        old="torch.cat([head(x) for head in self.heads], dim=-1)",
        new="torch.stack([head(x) for head in self.heads], dim=-1).flatten(-2)",
        loses=HEADS,
    ),
    Bug(
        name="projection_unused",
        misconception="projection_left_out",
        sentence="The projection is there, but not called.",
        old="self.dropout(self.proj(side_by_side))",
        new="self.dropout(side_by_side)",
        loses=HEADS,
    ),
    Bug(
        name="heads_read_each_other",
        misconception="residual_inside",
        sentence="A residual path stands in the attention already.",
        old="self.dropout(self.proj(side_by_side))",
        new="x + self.dropout(self.proj(side_by_side))",
        loses=HEADS,
    ),
    Bug(
        name="no_first_residual",
        misconception="no_attention_residual",
        sentence="The attention's output replaces the tokens.",
        old=RESIDUAL,
        new="        x = self.sa(self.ln1(x))",
        loses=BLOCK,
    ),
    Bug(
        name="residual_of_the_normalised",
        misconception="residual_after_the_norm",
        sentence="The attention is added to the normalised tokens.",
        old=RESIDUAL,
        new="        x = self.ln1(x)\n        x = x + self.sa(x)",
        loses=BLOCK,
    ),
    Bug(
        name="no_normalisation",
        sentence="Neither attention nor MLP reads normalised tokens.",
        old=f"{RESIDUAL}  # (B, T, n_embd); not in place, the caller may still need its x\n{SECOND}",
        new="        x = x + self.sa(x)\n        return x + self.ffwd(x)",
        loses=BLOCK,
    ),
    Bug(
        name="one_norm_for_both",
        misconception="norm1_twice",
        sentence="ln1 is used twice, ln2 never.",
        old="self.ffwd(self.ln2(x))",
        new="self.ffwd(self.ln1(x))",
        loses=BLOCK,
    ),
    Bug(
        name="mlp_beside_attention",
        misconception="parallel_sublayers",
        sentence="The MLP reads the tokens from before the attention.",
        old=RESIDUAL,
        new="        return x + self.sa(self.ln1(x)) + self.ffwd(self.ln2(x))",
        loses=BLOCK,
    ),
    Bug(
        name="mlp_left_out",
        sentence="The MLP is forgotten.",
        old=SECOND,
        new="        return x",
        loses=BLOCK,
    ),
    Bug(
        name="adds_in_place",
        sentence="x += … changes the tokens of the caller.",
        old=RESIDUAL,
        new="        x += self.sa(self.ln1(x))",
        loses=BLOCK,
    ),
    Bug(
        name="no_positions",
        misconception="no_position_embedding",
        sentence="The positional embeddings are not added.",
        old=EMBEDDED,
        new="        x = self.token_embedding_table(idx)",
        loses=MODEL,
    ),
    Bug(
        name="positions_of_the_ids",
        sentence="The positional embedding is looked up with the ids.",
        old="self.position_embedding_table(position)",
        new="self.position_embedding_table(idx % block_size)",
        loses=MODEL,
    ),
    Bug(
        name="whole_block_of_positions",
        sentence="There are always block_size positions, so that shorter sequences raise.",
        old="position = torch.arange(T, device=idx.device)",
        new="position = torch.arange(block_size, device=idx.device)",
        loses=MODEL,
    ),
    Bug(
        name="last_norm_left_out",
        misconception="no_final_norm",
        sentence="ln_f is there, but not called.",
        old=LOGITS,
        new="        logits = self.lm_head(self.blocks(x))",
        loses=MODEL,
    ),
    Bug(
        name="first_block_only",
        sentence="Only the first block is run.",
        old="self.blocks(x)",
        new="self.blocks[0](x)",
        loses=MODEL,
    ),
    Bug(
        name="one_block_n_times",
        sentence="[Block(…)] * n repeats one block.",
        old="*[Block(n_embd, n_head) for _ in range(n_layer)]",
        new="*[Block(n_embd, n_head)] * n_layer",
        loses=MODEL,
    ),
    Bug(
        name="probabilities",
        misconception="returns_probabilities",
        sentence="The model returns probabilities, and its loss takes them for logits.",
        old=LOGITS,
        new="        logits = self.lm_head(self.ln_f(self.blocks(x))).softmax(dim=-1)",
        loses=MODEL,
    ),
    Bug(
        name="loss_shifts_again",
        misconception="shifts_the_targets_again",
        sentence="The targets, which are the next characters already, are shifted once more.",
        old=LOSS,
        new="            loss = F.cross_entropy(logits[:, :-1].reshape(B * (T - 1), -1), targets[:, 1:].reshape(B * (T - 1)))",
        loses=MODEL,
    ),
    Bug(
        name="loss_of_the_last_position",
        misconception="loss_of_the_last_token",
        sentence="Only the last position's prediction counts in the loss.",
        old=LOSS,
        new="            loss = F.cross_entropy(logits[:, -1], targets[:, -1])",
        loses=MODEL,
    ),
    Bug(
        name="logits_flattened_askew",
        sentence="The logits are flattened across their axes, the targets are not.",
        old="logits.view(B * T, -1)",
        new="logits.transpose(0, 1).reshape(B * T, -1)",
        loses=MODEL,
    ),
    Bug(
        name="loss_first",
        sentence="The loss is returned before the logits.",
        old="        return logits, loss\n",
        new="        return loss, logits\n",
        loses=MODEL,
    ),
)
