"""Realistic wrong submissions of mit_dialoguegpt, each one replacement away from the solution."""

from audit.edits import Bug

GRADED = frozenset({"2(a)", "2(b)", "2(c)", "3(a)", "4(a)", "4(c)", "4(d)"})

HEAD = frozenset({"2(a)"})
HEADS = frozenset({"2(b)"})
LAYERS = frozenset({"2(c)"})
PATCHES = frozenset({"3(a)"})
TOKENIZER = frozenset({"4(a)"})
MODEL = frozenset({"4(c)"})
LOSS = frozenset({"4(d)"})

_SCORES = "scores = queries @ keys.transpose(-2, -1) / math.sqrt(self.n_hidden)  # (B, T, T)"
_MASKED = """\
        if attn_mask is not None:
            scores = scores.masked_fill(attn_mask == 0, -math.inf)
        alpha = torch.softmax(scores, dim=-1)  # (B, T, T), over the keys
"""
_HEADS = "self.heads = nn.ModuleList(AttentionHead(dim, n_hidden) for _ in range(num_heads))"
_RUN_HEADS = "outs, alphas = zip(*(head(x, attn_mask) for head in self.heads), strict=True)"
_PROJECTED = "return self.W_O(concatenated), torch.stack(alphas, dim=1)  # (B, T, dim), (B, num_heads, T, T)"
_LAYERS = "nn.ModuleList(AttentionResidual(dim, attn_dim, mlp_dim, num_heads) for _ in range(num_layers))"
_RUN_LAYERS = """\
            x, weights = layer(x, attn_mask)  # (B, T, dim), (B, num_heads, T, T)
            of_layers.append(weights)
        return x, torch.stack(of_layers, dim=1) if return_attn else None
"""
_GRID = "return grid.flatten(2).transpose(1, 2)  # (B, num_patches, nout)"
_ENCODE = "return [self.start_id, *(self.token_to_id.get(word, self.unk_id) for word in word_tokenize(s))]"
_DECODE = 'return " ".join(self.tokens[int(id)] for id in ids)'
_EMBEDDINGS = "embeddings = self.token_embedding(input_ids) + self.position_embedding(positions)  # (B, T, dim)"
_CAUSAL = "attn_mask = torch.ones(T, T, device=input_ids.device).tril().expand(B, T, T)"
_LOSS = """\
        counts = inp_mask[:, 1:] == 1  # (B, T − 1), one for each target
        return F.cross_entropy(logits[:, :-1][counts], input_ids[:, 1:][counts])  # of (N, V) and (N,)
"""
_EACH = "each = F.cross_entropy(logits[:, :-1].transpose(1, 2), input_ids[:, 1:], reduction='none')"

BUGS = (
    Bug(
        "no_scaling",
        "The scores are not divided by √n_hidden.",
        _SCORES,
        "scores = queries @ keys.transpose(-2, -1)",
        HEAD,
        misconception="unscaled",
    ),
    Bug(
        "scaled_by_dim",
        "The scores are divided by √dim, the width of the tokens.",
        _SCORES,
        _SCORES.replace("self.n_hidden", "x.shape[-1]"),
        HEAD,
        misconception="root_of_another_size",
    ),
    Bug(
        "mask_polarity",
        "A mask of 1 hides, a mask of 0 shows.",
        _MASKED,
        _MASKED.replace("attn_mask == 0", "attn_mask == 1"),
        HEAD,
        misconception="mask_inverted",
    ),
    Bug(
        "softmax_over_queries",
        "The softmax runs over the queries.",
        _MASKED,
        _MASKED.replace("dim=-1", "dim=-2"),
        HEAD,
        misconception="softmax_over_queries",
    ),
    Bug(
        "mask_behind_the_softmax",
        "The weights are multiplied by the mask and no longer sum to 1.",
        _MASKED,
        "        alpha = torch.softmax(scores, dim=-1)\n"
        "        if attn_mask is not None:\n"
        "            alpha = alpha * attn_mask\n",
        HEAD,
        misconception="masks_after_softmax",
    ),
    Bug(
        "mask_in_the_scores_as_zeros",
        "Forbidden scores are set to 0 in the place of −∞.",
        _MASKED,
        _MASKED.replace("-math.inf", "0.0"),
        HEAD,
        misconception="fills_with_zero",
    ),
    Bug(
        "scores_returned",
        "The scores are returned in the place of the weights.",
        "return alpha @ values, alpha  # (B, T, n_hidden), (B, T, T)",
        "return alpha @ values, scores",
        HEAD,
    ),
    Bug(
        "weights_transposed",
        "The returned weights are exchanged: row i is what the others pay to token i.",
        "return alpha @ values, alpha  # (B, T, n_hidden), (B, T, T)",
        "return alpha @ values, alpha.transpose(1, 2)",
        HEAD,
    ),
    Bug(
        "a_head_that_does_not_run",
        "Matrices are transposed as if there were no batch.",
        _SCORES,
        "scores = queries @ keys.T / math.sqrt(self.n_hidden)",
        HEAD,
    ),
    Bug(
        "one_head_many_times",
        "A list times n holds the same head n times: all share their weights.",
        _HEADS,
        "self.heads = nn.ModuleList([AttentionHead(dim, n_hidden)] * num_heads)",
        HEADS,
    ),
    Bug(
        "heads_in_a_plain_list",
        "The heads are in a list of Python's, so that their weights are never trained.",
        _HEADS,
        "self.heads = [AttentionHead(dim, n_hidden) for _ in range(num_heads)]",
        HEADS,
    ),
    Bug(
        "projection_from_dim",
        "W_O takes dim features, which fits only where num_heads · n_hidden is dim.",
        "self.W_O = nn.Linear(num_heads * n_hidden, dim)",
        "self.W_O = nn.Linear(dim, dim)",
        HEADS,
    ),
    Bug(
        "projection_forgotten",
        "The concatenated heads are returned without W_O.",
        _PROJECTED,
        "return concatenated, torch.stack(alphas, dim=1)",
        HEADS,
        misconception="projection_left_out",
    ),
    Bug(
        "heads_get_no_mask",
        "The heads are called without the mask.",
        _RUN_HEADS,
        "outs, alphas = zip(*(head(x, None) for head in self.heads), strict=True)",
        HEADS,
        misconception="mask_ignored",
    ),
    Bug(
        "heads_interleaved",
        "The features of the heads are interleaved in the place of standing side by side.",
        "concatenated = torch.cat(outs, dim=-1)  # (B, T, num_heads * n_hidden)",
        "concatenated = torch.stack(outs, dim=-1).flatten(2)",
        HEADS,
        misconception="features_interleaved",
    ),
    Bug(
        "heads_in_front_of_the_batch",
        "The weights of the heads are stacked along a new first axis.",
        _PROJECTED,
        _PROJECTED.replace("dim=1", "dim=0"),
        HEADS,
    ),
    Bug(
        "every_layer_gets_the_first_input",
        "The layers do not follow each other: each gets what came in.",
        _RUN_LAYERS,
        """\
            out, weights = layer(x, attn_mask)
            of_layers.append(weights)
        return out, torch.stack(of_layers, dim=1) if return_attn else None
""",
        LAYERS,
    ),
    Bug(
        "layers_get_no_mask",
        "The layers are called without the mask.",
        _RUN_LAYERS,
        _RUN_LAYERS.replace("layer(x, attn_mask)", "layer(x, None)"),
        LAYERS,
    ),
    Bug(
        "one_layer_many_times",
        "A list times n holds the same layer n times.",
        _LAYERS,
        "nn.ModuleList([AttentionResidual(dim, attn_dim, mlp_dim, num_heads)] * num_layers)",
        LAYERS,
    ),
    Bug(
        "a_third_residual",
        "x is added to what a layer returns, which holds it already.",
        _RUN_LAYERS,
        """\
            out, weights = layer(x, attn_mask)
            x = x + out
            of_layers.append(weights)
        return x, torch.stack(of_layers, dim=1) if return_attn else None
""",
        LAYERS,
    ),
    Bug(
        "layers_in_front_of_the_batch",
        "The weights of the layers are stacked along a new first axis.",
        _RUN_LAYERS,
        _RUN_LAYERS.replace("dim=1", "dim=0"),
        LAYERS,
    ),
    Bug(
        "weights_of_the_last_layer",
        "Only the last layer's weights are returned.",
        _RUN_LAYERS,
        _RUN_LAYERS.replace("torch.stack(of_layers, dim=1)", "weights[:, None]"),
        LAYERS,
    ),
    Bug(
        "patches_reshaped",
        "The grid is reshaped where its axes must be exchanged: tokens mix the features of many patches.",
        _GRID,
        "return grid.reshape(len(x), self.num_patches, -1)",
        PATCHES,
        misconception="maps_not_transposed",
    ),
    Bug(
        "patches_column_by_column",
        "The patches come top to bottom, then left to right.",
        _GRID,
        "return grid.permute(0, 3, 2, 1).flatten(1, 2)",
        PATCHES,
        misconception="column_major_patches",
    ),
    Bug(
        "patches_of_one_side",
        "num_patches is the number of patches in a row.",
        "self.num_patches = (img_size // patch_size) ** 2",
        "self.num_patches = img_size // patch_size",
        PATCHES,
    ),
    Bug(
        "no_start_token",
        "encode does not put the start token in front.",
        _ENCODE,
        "return [self.token_to_id.get(word, self.unk_id) for word in word_tokenize(s)]",
        TOKENIZER,
        misconception="no_start_token",
    ),
    Bug(
        "split_at_spaces",
        "Words are split at spaces, so that punctuation marks stay with them.",
        _ENCODE,
        _ENCODE.replace("word_tokenize(s)", "s.split()"),
        TOKENIZER,
        misconception="splits_at_spaces",
    ),
    Bug(
        "unknown_words_left_out",
        "Words that the vocabulary lacks vanish.",
        _ENCODE,
        "return [self.start_id, *(self.token_to_id[word] for word in word_tokenize(s) if word in self.token_to_id)]",
        TOKENIZER,
        misconception="unknown_words_dropped",
    ),
    Bug(
        "lower_case",
        "Text is put in lower case, which the vocabulary is not.",
        _ENCODE,
        _ENCODE.replace("word_tokenize(s)", "word_tokenize(s.lower())"),
        TOKENIZER,
        misconception="lower_cases",
    ),
    Bug(
        "joined_without_spaces",
        "decode joins the tokens without a space.",
        _DECODE,
        'return "".join(self.tokens[int(id)] for id in ids)',
        TOKENIZER,
        misconception="joined_without_spaces",
    ),
    Bug(
        "special_tokens_hidden",
        "decode leaves the special tokens out.",
        _DECODE,
        'return " ".join(self.tokens[int(id)] for id in ids if id > 2)',
        TOKENIZER,
        misconception="special_tokens_hidden",
    ),
    Bug(
        "no_positions",
        "The position embedding is not added.",
        _EMBEDDINGS,
        "embeddings = self.token_embedding(input_ids)",
        MODEL,
        misconception="no_position_embedding",
    ),
    Bug(
        "one_position_for_all",
        "All tokens get the embedding of the last position.",
        _EMBEDDINGS,
        "embeddings = self.token_embedding(input_ids) + self.position_embedding(positions[-1])",
        MODEL,
    ),
    Bug(
        "positions_from_one",
        "Positions are counted from 1: the longest text that is allowed has none for its last token.",
        _EMBEDDINGS,
        "embeddings = self.token_embedding(input_ids) + self.position_embedding(positions + 1)",
        MODEL,
        misconception="positions_start_at_one",
    ),
    Bug(
        "no_mask",
        "The mask allows everything.",
        _CAUSAL,
        _CAUSAL.replace(".tril()", ""),
        MODEL,
        misconception="not_causal",
    ),
    Bug("future_only", "The mask is the wrong triangle.", _CAUSAL, _CAUSAL.replace(".tril()", ".triu()"), MODEL),
    Bug(
        "sees_the_next_token",
        "The mask's diagonal is one off: each token sees the one that it is to predict.",
        _CAUSAL,
        _CAUSAL.replace(".tril()", ".tril(diagonal=1)"),
        MODEL,
        misconception="sees_the_next_token",
    ),
    Bug(
        "not_itself",
        "The mask hides each token from itself, and all from the first one.",
        _CAUSAL,
        _CAUSAL.replace(".tril()", ".tril(diagonal=-1)"),
        MODEL,
    ),
    Bug(
        "not_shifted",
        "The logits at t are compared with the token at t.",
        _LOSS,
        """\
        counts = inp_mask == 1
        return F.cross_entropy(logits[counts], input_ids[counts])
""",
        LOSS,
        misconception="does_not_shift",
    ),
    Bug(
        "mask_of_the_inputs",
        "The mask is shifted like the logits: the first padding of each text counts as a target.",
        _LOSS,
        _LOSS.replace("inp_mask[:, 1:]", "inp_mask[:, :-1]"),
        LOSS,
        misconception="mask_not_shifted",
    ),
    Bug(
        "padding_counts",
        "The mask is not used.",
        _LOSS,
        "        return F.cross_entropy(logits[:, :-1].flatten(0, 1), input_ids[:, 1:].flatten())\n",
        LOSS,
        misconception="padding_counted",
    ),
    Bug(
        "divided_by_all_places",
        "Padding costs nothing, but counts in the number that the sum is divided by.",
        _LOSS,
        f"        {_EACH}\n        return (each * inp_mask[:, 1:]).mean()\n",
        LOSS,
        misconception="divides_by_all_tokens",
    ),
    Bug(
        "mean_of_means",
        "The mean is taken over each text first.",
        _LOSS,
        f"""\
        {_EACH}
        counts = inp_mask[:, 1:]
        return ((each * counts).sum(dim=1) / counts.sum(dim=1).clamp(min=1)).mean()
""",
        LOSS,
        misconception="mean_of_sequence_means",
    ),
    Bug(
        "sum",
        "The losses are summed.",
        _LOSS,
        f"        {_EACH}\n        return (each * inp_mask[:, 1:]).sum()\n",
        LOSS,
        misconception="sum_instead_of_mean",
    ),
    Bug(
        "padding_only",
        "The mask is taken for that of the padding, as a sentence of the handout reads.",
        _LOSS,
        f"""\
        {_EACH}
        counts = inp_mask[:, 1:] == 0
        return (each * counts).sum() / counts.sum()
""",
        LOSS,
        misconception="mask_inverted",
    ),
)
