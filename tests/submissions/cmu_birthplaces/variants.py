"""Right submissions of cmu_birthplaces that differ from the reference solution where the handout leaves a choice."""

from audit.edits import Variant

QKV = "        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)\n"
PROJ = "        self.proj = nn.Linear(config.n_embd, config.n_embd)\n"
SPLIT = """\
        qkv = self.qkv(x).view(B, T, self.n_head, -1).transpose(1, 2)  # (B, n_head, T, 3 * hs)
        q, k, v = qkv.chunk(3, dim=-1)  # each (B, n_head, T, hs)
"""
RETURN = "        return self.resid_drop(self.proj(y))\n"
SEPARATE = """\
        split = (B, T, self.n_head, n_embd // self.n_head)
        q = self.query(x).view(split).transpose(1, 2)  # (B, n_head, T, hs)
        k = self.key(x).view(split).transpose(1, 2)
        v = self.value(x).view(split).transpose(1, 2)
"""
LINEARS = "".join(
    f"        self.{name} = nn.Linear(config.n_embd, config.n_embd)\n" for name in ("key", "query", "value")
)

VARIANTS = (
    Variant(
        name="separate_projections",
        sentence="Query, key and value have Linears of their own, as in an older release.",
        edits=((QKV, LINEARS), (SPLIT, SEPARATE)),
        file="src/attention.py",
    ),
    Variant(
        name="three_blocks",
        sentence="The fused projection is cut in three blocks, then each block in heads.",
        edits=(
            (
                SPLIT,
                "        q, k, v = (z.view(B, T, self.n_head, -1).transpose(1, 2) for z in self.qkv(x).chunk(3, dim=-1))\n",
            ),
        ),
        file="src/attention.py",
    ),
    Variant(
        name="no_biases",
        sentence="No projection has a bias.",
        edits=(
            (QKV, QKV.replace("config.n_embd)\n", "config.n_embd, bias=False)\n")),
            (PROJ, PROJ.replace("config.n_embd)\n", "config.n_embd, bias=False)\n")),
        ),
        file="src/attention.py",
    ),
    Variant(
        name="mask_with_four_axes",
        sentence="The mask is (1, 1, block_size, block_size) and holds numbers.",
        edits=(
            (
                'self.register_buffer("mask", causal)',
                'self.register_buffer("mask", causal.float().view(1, 1, config.block_size, config.block_size))',
            ),
            ("~self.mask[:T, :T]", "self.mask[:, :, :T, :T] == 0"),
        ),
        file="src/attention.py",
    ),
    Variant(
        name="returns_none_beside_the_output",
        sentence="The forward pass returns (y, None), as an older release did.",
        edits=((RETURN, "        return self.resid_drop(self.proj(y)), None\n"),),
        file="src/attention.py",
    ),
    Variant(
        name="third_mask_character",
        sentence="A third ⁇ stands behind the masked content, as in the starter's examples.",
        edits=(
            (
                "prefix + MASK_CHAR + suffix + MASK_CHAR + content\n",
                "prefix + MASK_CHAR + suffix + MASK_CHAR + content + MASK_CHAR\n",
            ),
        ),
        file="src/dataset.py",
    ),
    Variant(
        name="other_order_in_the_file",
        sentence="The parameters are saved as a plain dict, the last one first.",
        edits=(
            (
                "torch.save(model.state_dict(), args.writing_params_path)",
                "torch.save(dict(reversed(model.state_dict().items())), args.writing_params_path)",
            ),
        ),
        file="src/run.py",
    ),
    Variant(
        name="modules_by_name_and_plain_load",
        sentence="run.py imports modules, as minGPT's examples do, and calls torch.load with the path alone.",
        edits=(
            ("from trainer import Trainer, TrainerConfig\n", "import trainer\n"),
            ("config = TrainerConfig(\n        max_epochs=PRE", "config = trainer.TrainerConfig(\n        max_epochs=PRE"),
            ("config = TrainerConfig(\n        max_epochs=FINE", "config = trainer.TrainerConfig(\n        max_epochs=FINE"),
            ("    Trainer(model, corruption, None, config).train()", "    trainer.Trainer(model, corruption, None, config).train()"),
            (
                "    Trainer(model, names, None, config).train()",
                "    trainer.Trainer(model=model, train_dataset=names, test_dataset=None, config=config).train()",
            ),
            ("torch.load(path, map_location=device, weights_only=True)", "torch.load(path)"),
        ),
        file="src/run.py",
    ),
    Variant(
        name="logs_to_tensorboard",
        sentence="tensorboard is imported at the top, and its writer is always made.",
        edits=(
            ("from tqdm import tqdm\n", "from torch.utils.tensorboard import SummaryWriter\nfrom tqdm import tqdm\n"),
            (
                """    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(log_dir=folder)
""",
                "    return SummaryWriter(log_dir=folder)\n",
            ),
        ),
        file="src/run.py",
    ),
    Variant(
        name="london_baseline_prints_a_sentence",
        sentence="The London baseline prints the line that evaluate prints.",
        edits=(
            ("    return 100 * correct / total\n", '    return f"Correct: {correct} out of {total}: {100 * correct / total:.1f}%"\n'),
        ),
        file="src/london_baseline.py",
    ),
)
