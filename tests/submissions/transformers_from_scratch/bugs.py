"""Realistic wrong submissions of transformers_from_scratch, each one replacement away from the solution."""

from audit.edits import Bug

GRADED = frozenset({"Q1", "Q2", "Q3", "Q4", "E1"})

# What both classes do wrong, through the inherited forward, costs once. Layer norm is a question of its own.
SINGLE = frozenset({"Q1"})
NORM = frozenset({"Q2"})
HEADS = frozenset({"Q3"})
TEMPERATURE = frozenset({"Q4"})
NUCLEUS = frozenset({"E1"})

SCALED = "scores = q @ k.transpose(-2, -1) / math.sqrt(k.shape[-1])"
SINGLE_MASK = """\
        scores = scores.masked_fill(~may_attend, -math.inf)
        weights = torch.softmax(scores, dim=-1)  # (B, T, T), over the keys
"""
SINGLE_OUTPUT = "        return self.W_o[layer](weights @ v)  # (B, T, hidden_dim)\n"
EMBEDDED = "        x = self.embedding(ids) + self.pos_embedding(positions)  # (B, T, hidden_dim)\n"
FIRST = "            z = self.attention(x, i) + x  # (B, T, hidden_dim)\n"
NORMED = "            z = self.layer_norm(z, self.attention_gamma[i], self.attention_beta[i])\n"
SECOND = (
    "            h = self.mlp_down[i](F.relu(self.mlp_up[i](z))) + z  # (B, T, hidden_dim); 4 * hidden_dim inside\n"
)
LAST = "            x = self.layer_norm(h, self.mlp_gamma[i], self.mlp_beta[i])\n        return x\n"
LAYERS = "return nn.ModuleList(nn.Linear(n_inputs, n_outputs, bias=bias) for _ in range(num_layers))"
VARIANCE = "        variance = x.var(dim=-1, keepdim=True, correction=0)  # (B, T, 1)\n"
NORM_RESULT = "        return gamma * (x - mean) / torch.sqrt(variance + 1e-5) + beta  # (B, T, hidden_dim)\n"
CUT = "projected.view(B, T, self.num_heads, self.head_dim).transpose(1, 2)"
TOGETHER = "(weights @ v).transpose(1, 2).reshape(B, T, self.hidden_dim)"
LOGITS = (
    "        logits = model(ids[:, -model.context_len :])[:, -1]"
    "  # (1, V): the last position of the last context_len tokens\n"
)
DIVIDED = "        probabilities = torch.softmax(logits / temperature, dim=-1)  # (1, V)\n"
DRAWN = "        next_id = torch.multinomial(probabilities, num_samples=1)  # (1, 1)\n"
OUTSIDE = "        outside = (mass_before >= p) & (p < 1)  # rounding may bring the mass to 1 before the last token\n"
CHOSEN = "        next_id = tokens.gather(-1, torch.multinomial(nucleus, num_samples=1))  # (1, 1)\n"

BUGS = (
    # ------------------------------------------------------------------------------------------------ Q1
    Bug("no_scaling", "The scores are not divided by √d_k.", SCALED, "scores = q @ k.transpose(-2, -1)", SINGLE),
    Bug(
        "divided_by_d_k",
        "The scores are divided by d_k, without the root.",
        SCALED,
        "scores = q @ k.transpose(-2, -1) / k.shape[-1]",
        SINGLE,
    ),
    Bug(
        "no_mask",
        "There is no causal mask.",
        SINGLE_MASK,
        SINGLE_MASK.replace("scores.masked_fill(~may_attend, -math.inf)", "scores"),
        SINGLE,
    ),
    Bug(
        "strictly_before",
        "A token sees only those before it, and the first row, without any key, all of them.",
        SINGLE_MASK,
        SINGLE_MASK.replace("~may_attend, -math.inf", "~may_attend.tril(-1), -1e9"),
        SINGLE,
    ),
    Bug(
        "masked_with_zeros",
        "The scores are multiplied by the mask, so that hidden ones are 0.",
        SINGLE_MASK,
        SINGLE_MASK.replace("scores.masked_fill(~may_attend, -math.inf)", "scores * may_attend"),
        SINGLE,
    ),
    Bug(
        "masked_after_the_softmax",
        "The mask multiplies the weights, which then do not sum to 1.",
        SINGLE_MASK,
        "        weights = torch.softmax(scores, dim=-1) * may_attend  # (B, T, T), over the keys\n",
        SINGLE,
    ),
    Bug(
        "softmax_over_queries",
        "The softmax runs over the queries.",
        SINGLE_MASK,
        SINGLE_MASK.replace("dim=-1", "dim=-2").replace("-math.inf", "-1e9"),
        SINGLE,
    ),
    Bug(
        "no_output_projection",
        "The output projection is left out.",
        SINGLE_OUTPUT,
        "        return weights @ v\n",
        SINGLE,
    ),
    Bug(
        "no_positions",
        "The position embeddings are not added.",
        EMBEDDED,
        "        x = self.embedding(ids)\n",
        SINGLE,
    ),
    Bug(
        "no_residuals",
        "Both residual connections are missing, in both classes.",
        FIRST + NORMED + SECOND,
        """\
            z = self.attention(x, i)
            z = self.layer_norm(z, self.attention_gamma[i], self.attention_beta[i])
            h = self.mlp_down[i](F.relu(self.mlp_up[i](z)))
""",
        SINGLE,
    ),
    Bug(
        "no_mlp_residual",
        "The second residual connection is missing, in both classes.",
        SECOND,
        SECOND.replace(" + z  #", "  #"),
        SINGLE,
    ),
    Bug(
        "second_residual_adds_the_input",
        "The second residual connection adds the layer's input X once more.",
        SECOND,
        SECOND.replace(" + z  #", " + x  #"),
        SINGLE,
    ),
    Bug("gelu", "The MLP uses GELU in place of ReLU.", SECOND, SECOND.replace("F.relu", "F.gelu"), SINGLE),
    Bug("tanh", "The MLP uses tanh in place of ReLU.", SECOND, SECOND.replace("F.relu", "torch.tanh"), SINGLE),
    Bug(
        "returns_after_the_first_layer",
        "The return is indented too far: only the first layer is used.",
        LAST,
        LAST.replace("        return x", "            return x"),
        SINGLE,
    ),
    Bug(
        "returns_logits",
        "forward ends with the projection to the vocabulary, in both classes.",
        LAST,
        LAST.replace("return x\n", "return x @ self.embedding.weight.T\n"),
        SINGLE,
    ),
    Bug(
        "layers_share_their_weights",
        "Each list holds one layer several times.",
        LAYERS,
        "return nn.ModuleList([nn.Linear(n_inputs, n_outputs, bias=bias)] * num_layers)",
        SINGLE,
    ),
    Bug(
        "numpy_in_between",
        "The attention's weights pass through numpy, which cuts the gradients.",
        SINGLE_OUTPUT,
        "        weights = torch.from_numpy(weights.detach().cpu().numpy())\n" + SINGLE_OUTPUT,
        SINGLE,
    ),
    # ------------------------------------------------------------------------------------------------ Q2
    Bug(
        "layer_norm_not_done",
        "layer_norm is still as in the template.",
        NORM_RESULT,
        "        return x\n",
        NORM,
    ),
    Bug(
        "divided_by_the_variance",
        "layer_norm divides by the variance, as equation 9 has it literally.",
        NORM_RESULT,
        "        return gamma * (x - mean) / (variance + 1e-5) + beta\n",
        NORM,
        misconception="divides_by_variance",
    ),
    Bug(
        "variance_over_all",
        "The variance is that of all tokens together.",
        VARIANCE,
        "        variance = x.var()\n",
        NORM,
    ),
    Bug(
        "no_gain",
        "layer_norm forgets gamma.",
        NORM_RESULT,
        "        return (x - mean) / torch.sqrt(variance + 1e-5) + beta\n",
        NORM,
    ),
    Bug(
        "attention_not_normalised",
        "Layer norm acts behind the MLP only.",
        NORMED,
        "",
        NORM,
    ),
    Bug(
        "normalises_the_input",
        "Layer norm acts on what goes into the attention, not on what comes out.",
        FIRST + NORMED,
        "            z = self.attention(self.layer_norm(x, self.attention_gamma[i], self.attention_beta[i]), i) + x\n",
        NORM,
    ),
    # ------------------------------------------------------------------------------------------------ Q3
    Bug(
        "scaled_by_hidden_dim",
        "The heads' scores are divided by √hidden_dim.",
        "math.sqrt(self.head_dim)",
        "math.sqrt(self.hidden_dim)",
        HEADS,
    ),
    Bug(
        "heads_not_transposed",
        "The features are viewed as heads without moving the axis, which mixes tokens.",
        CUT,
        "projected.view(B, self.num_heads, T, self.head_dim)",
        HEADS,
    ),
    Bug(
        "heads_not_moved_back",
        "The outputs are reshaped without moving the heads' axis back.",
        TOGETHER,
        "(weights @ v).reshape(B, T, self.hidden_dim)",
        HEADS,
    ),
    Bug(
        "heads_interleaved",
        "A head takes every num_heads-th feature, and the outputs are put together by blocks.",
        CUT,
        "projected.view(B, T, self.head_dim, self.num_heads).permute(0, 3, 1, 2)",
        HEADS,
    ),
    Bug(
        "heads_without_projection",
        "The heads' outputs are not multiplied with W_O.",
        "        return self.W_o[layer](side_by_side)  # (B, T, hidden_dim)\n",
        "        return side_by_side\n",
        HEADS,
    ),
    Bug(
        "one_head_by_default",
        "The number of heads is 1 by default.",
        "num_heads: int = 4",
        "num_heads: int = 1",
        HEADS,
    ),
    # ------------------------------------------------------------------------------------------------ Q4
    Bug(
        "multiplied_by_the_temperature",
        "The logits are multiplied by the temperature.",
        DIVIDED,
        DIVIDED.replace("logits / temperature", "logits * temperature"),
        TEMPERATURE,
        misconception="multiplies_by_the_temperature",
    ),
    Bug(
        "temperature_ignored",
        "The temperature has no effect.",
        DIVIDED,
        DIVIDED.replace("logits / temperature", "logits"),
        TEMPERATURE,
        misconception="temperature_ignored",
    ),
    Bug(
        "temperature_after_the_softmax",
        "The probabilities are divided by the temperature, which changes nothing once they are normalised.",
        DIVIDED,
        DIVIDED.replace("logits / temperature, dim=-1)", "logits, dim=-1) / temperature"),
        TEMPERATURE,
        misconception="temperature_ignored",
    ),
    Bug(
        "greedy",
        "The most probable token is taken.",
        DRAWN,
        "        next_id = probabilities.argmax(dim=-1, keepdim=True)\n",
        TEMPERATURE,
        misconception="always_the_likeliest",
    ),
    Bug(
        "new_tokens_are_not_fed_back",
        "Each token is drawn from the logits of the start alone.",
        LOGITS + DIVIDED,
        "        logits = model(ids[:, : len(start_ids)])[:, -1]\n" + DIVIDED,
        TEMPERATURE,
        misconception="new_tokens_not_fed_back",
    ),
    Bug(
        "one_token_only",
        "The loop returns after the first token.",
        DRAWN + "        ids = torch.cat((ids, next_id), dim=1)  # (1, T + 1)\n",
        DRAWN + "        ids = torch.cat((ids, next_id), dim=1)  # (1, T + 1)\n        break\n",
        TEMPERATURE,
    ),
    # ------------------------------------------------------------------------------------------------ E1
    Bug(
        "boundary_token_left_out",
        "The token with which the sum reaches p is left out, too.",
        OUTSIDE,
        "        outside = (descending.cumsum(dim=-1) > p) & (mass_before > 0)\n",
        NUCLEUS,
        misconception="drops_the_boundary_token",
    ),
    Bug(
        "empty_nucleus",
        "A token that has p alone is left out, so that no token is in the nucleus.",
        OUTSIDE,
        "        outside = descending.cumsum(dim=-1) > p\n",
        NUCLEUS,
    ),
    Bug(
        "place_for_the_token",
        "What is drawn is a place in the sorted order, and is taken for the token.",
        CHOSEN,
        "        next_id = torch.multinomial(nucleus, num_samples=1)\n",
        NUCLEUS,
    ),
    Bug(
        "everything_is_in_the_nucleus",
        "The filter has no effect: all tokens can be drawn.",
        OUTSIDE,
        "        outside = torch.zeros_like(descending, dtype=torch.bool)\n",
        NUCLEUS,
        misconception="no_filter",
    ),
    Bug(
        "uniform_in_the_nucleus",
        "Inside of the nucleus all tokens are equally probable.",
        CHOSEN,
        CHOSEN.replace("multinomial(nucleus", "multinomial((nucleus > 0).double()"),
        NUCLEUS,
    ),
    Bug(
        "ascending",
        "The probabilities are sorted in ascending order.",
        "probabilities.sort(dim=-1, descending=True)",
        "probabilities.sort(dim=-1)",
        NUCLEUS,
        misconception="sorts_ascending",
    ),
)
