"""Realistic wrong submissions of cmu_birthplaces, each one replacement away from the reference solution."""

from audit.edits import Bug

GRADED = frozenset({"2(b)", "2(d)", "2(e)", "2(f)", "2(g)iii"})

# Attention is shared with the RoPE model, but a mistake costs once.
ATTENTION = frozenset({"2(b)"})
ROPE = frozenset({"2(g)iii"})
CORRUPTION = frozenset({"2(e)"})
# The commands share run.py; what is wrong in both is asked once.
COMMANDS = frozenset({"2(d)"})
PRETRAINING = frozenset({"2(f)"})

BUGS = (
    Bug(
        name="no_scaling",
        misconception="unscaled",
        sentence="The scores are not divided by √hs.",
        file="src/attention.py",
        old="q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])",
        new="q @ k.transpose(-2, -1)",
        loses=ATTENTION,
    ),
    Bug(
        name="scaled_by_n_embd",
        misconception="root_of_d_model",
        sentence="The scores are divided by √n_embd in place of √hs.",
        file="src/attention.py",
        old="math.sqrt(q.shape[-1])",
        new="math.sqrt(n_embd)",
        loses=ATTENTION,
    ),
    Bug(
        name="mask_polarity",
        misconception="mask_inverted",
        sentence="The mask hides what a token may see and shows what it may not.",
        file="src/attention.py",
        old="masked_fill(~self.mask[:T, :T], -math.inf)",
        new="masked_fill(self.mask[:T, :T], -1e10)",
        loses=ATTENTION,
    ),
    Bug(
        name="mask_leaks_next_token",
        misconception="sees_next_token",
        sentence="The mask's diagonal is one off: each token sees the one that it is to predict.",
        file="src/attention.py",
        old=".tril()",
        new=".tril(diagonal=1)",
        loses=ATTENTION,
    ),
    Bug(
        name="softmax_over_queries",
        misconception="softmax_over_queries",
        sentence="The softmax runs over the queries, so that the weights of a token do not sum to 1.",
        file="src/attention.py",
        old="torch.softmax(scores, dim=-1)",
        new="torch.softmax(scores, dim=-2)",
        loses=ATTENTION,
    ),
    Bug(
        name="heads_merged_without_transpose",
        misconception="merged_without_transpose",
        sentence="The heads are reshaped together without moving their axis behind the tokens' first.",
        file="src/attention.py",
        old="y.transpose(1, 2).reshape(B, T, n_embd)",
        new="y.reshape(B, T, n_embd)",
        loses=ATTENTION,
    ),
    Bug(
        name="rope_frequencies_grow",
        misconception="angles_grow",
        sentence="θ_i is 1/10000^(−2(i−1)/d), the double negative of the starter's docstring: it grows with i.",
        file="src/attention.py",
        old="theta = 10000 ** (-2 * (i - 1) / dim)",
        new="theta = 1 / 10000 ** (-2 * (i - 1) / dim)",
        loses=ROPE,
    ),
    Bug(
        name="rope_half_split_pairs",
        misconception="half_split_pairs",
        sentence="Feature i is paired with feature i + hs/2 (Llama's layout) in place of its neighbour.",
        file="src/attention.py",
        old="""\
    first, second = x[..., 0::2], x[..., 1::2]  # each (B, n_head, T, hs/2)
    rotated = torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1)  # (B, n_head, T, hs/2, 2)
    return rotated.flatten(-2).to(x.dtype)""",
        new="""\
    first, second = x.chunk(2, dim=-1)  # each (B, n_head, T, hs/2)
    rotated = torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)  # (B, n_head, T, hs)
    return rotated.to(x.dtype)""",
        loses=ROPE,
    ),
    Bug(
        name="rope_on_values",
        sentence="The values are rotated as well.",
        file="src/attention.py",
        old="            k = apply_rotary_emb(k, self.rope_cache)  # (B, n_head, T, hs)\n",
        new="            k = apply_rotary_emb(k, self.rope_cache)  # (B, n_head, T, hs)\n"
        "            v = apply_rotary_emb(v, self.rope_cache)\n",
        loses=ROPE,
    ),
    Bug(
        name="rope_not_on_keys",
        sentence="Only the queries are rotated.",
        file="src/attention.py",
        old="            k = apply_rotary_emb(k, self.rope_cache)  # (B, n_head, T, hs)\n",
        new="",
        loses=ROPE,
    ),
    Bug(
        name="span_always_first",
        misconception="span_at_the_start",
        sentence="The masked content always stands at the start of the text.",
        file="src/dataset.py",
        old="start = random.randint(0, n - n_masked)",
        new="start = 0",
        loses=CORRUPTION,
    ),
    Bug(
        name="span_length_fixed",
        misconception="span_always_a_quarter",
        sentence="The masked content always has a quarter of the text's length.",
        file="src/dataset.py",
        old="n_masked = random.randint(1, (n - 1) // 2) if n > 2 else n // 2",
        new="n_masked = n // 4",
        loses=CORRUPTION,
    ),
    Bug(
        name="longest_cut_excluded",
        sentence="random.randrange leaves out the largest length.",
        file="src/dataset.py",
        old="random.randint(4, int(self.block_size * 7 / 8))",
        new="random.randrange(4, int(self.block_size * 7 / 8))",
        loses=CORRUPTION,
    ),
    Bug(
        name="second_mask_missing",
        misconception="one_mask_only",
        sentence="There is no ⁇ between the suffix and the masked content.",
        file="src/dataset.py",
        old="prefix + MASK_CHAR + suffix + MASK_CHAR + content",
        new="prefix + MASK_CHAR + suffix + content",
        loses=CORRUPTION,
    ),
    Bug(
        name="finetunes_without_training",
        sentence="The Trainer is made for finetuning, and never asked to train.",
        file="src/run.py",
        old="Trainer(model, names, None, config).train()",
        new="Trainer(model, names, None, config)",
        loses=COMMANDS,
    ),
    Bug(
        name="finetunes_for_seven_epochs",
        sentence="Finetuning without pretrained parameters runs for 7 epochs in the place of 75.",
        file="src/run.py",
        old="FINETUNE_EPOCHS_FROM_SCRATCH = 75",
        new="FINETUNE_EPOCHS_FROM_SCRATCH = 7",
        loses=COMMANDS,
    ),
    Bug(
        name="finetune_decays_with_its_own_data",
        sentence="final_tokens of finetuning is counted with the finetuning data.",
        file="src/run.py",
        old="final_tokens=FINETUNE_DECAY_EPOCHS * len(corruption) * BLOCK_SIZE",
        new="final_tokens=FINETUNE_DECAY_EPOCHS * len(names) * BLOCK_SIZE * 10",
        loses=COMMANDS,
    ),
    Bug(
        name="evaluates_without_loading",
        sentence="evaluate asks a new model: the parameters are not loaded.",
        file="src/run.py",
        old="        load_parameters(model, args.reading_params_path)\n",
        new="",
        loses=COMMANDS,
    ),
    Bug(
        name="header_above_predictions",
        sentence="Above the predictions stands a line that is none.",
        file="src/run.py",
        old="""newline="\\n") as file:
""",
        new="""newline="\\n") as file:
        file.write("prediction\\n")
""",
        loses=COMMANDS,
    ),
    Bug(
        name="scores_by_the_letter",
        sentence="The printed score counts every prediction as right.",
        file="src/utils.py",
        old="correct = sum(place == predicted for",
        new="correct = sum(bool(place) for",
        loses=COMMANDS,
    ),
    Bug(
        name="london_as_a_share",
        sentence="The London baseline is a share, 0.05, in the place of 5 percent.",
        file="src/london_baseline.py",
        old="return 100 * correct / total",
        new="return correct / total",
        loses=COMMANDS,
    ),
    Bug(
        name="london_by_heart",
        sentence="The London baseline is 5.0, whatever the file holds.",
        file="src/london_baseline.py",
        old="return 100 * correct / total",
        new="return 5.0",
        loses=COMMANDS,
    ),
    Bug(
        name="finetune_ignores_pretraining",
        sentence="finetune takes --reading_params_path and starts from a new model.",
        file="src/run.py",
        old="        load_parameters(model, reading_params_path)\n",
        new="        pass\n",
        loses=PRETRAINING,
    ),
    Bug(
        name="pretrain_saves_first",
        sentence="The parameters are saved before pretraining.",
        file="src/run.py",
        old="        pretrain(model, corruption, args.pretrain_lr, writer)\n",
        new="        torch.save(model.state_dict(), args.writing_params_path)\n"
        "        pretrain(model, corruption, args.pretrain_lr, writer)\n"
        "        return\n",
        loses=PRETRAINING,
    ),
    Bug(
        name="pretrains_with_the_finetuning_batch",
        sentence="Pretraining takes batches of 256 in the place of 128.",
        file="src/run.py",
        old="PRETRAIN_BATCH_SIZE = 128",
        new="PRETRAIN_BATCH_SIZE = 256",
        loses=PRETRAINING,
    ),
    Bug(
        name="rope_is_not_asked_for",
        sentence="The variant rope makes the same model as vanilla.",
        file="src/run.py",
        old="    config.rope = True\n",
        new="",
        loses=ROPE,
    ),
)
