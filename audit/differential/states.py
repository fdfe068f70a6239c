"""The state dicts of docs/core.md: the names of all weights, with their shapes."""


def linear(name: str, n_in: int, n_out: int) -> dict[str, tuple[int, ...]]:
    """A linear layer with bias."""
    return {f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)}


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    """A layer norm."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def multi_head(d_model: int) -> dict[str, tuple[int, ...]]:
    """`MultiHeadAttention`."""
    layers = [linear(name, d_model, d_model) for name in ("query", "key", "value", "proj")]
    return {name: shape for layer in layers for name, shape in layer.items()}


def mlp(d_model: int, d_hidden: int) -> dict[str, tuple[int, ...]]:
    """`MLP`."""
    return {**linear("up", d_model, d_hidden), **linear("down", d_hidden, d_model)}


def block(d_model: int, d_hidden: int) -> dict[str, tuple[int, ...]]:
    """`Block`."""
    return {
        **norm("norm1", d_model),
        **_inside("attn", multi_head(d_model)),
        **norm("norm2", d_model),
        **_inside("mlp", mlp(d_model, d_hidden)),
    }


def gpt(vocab_size: int, block_size: int, n_layers: int, d_model: int, d_hidden: int) -> dict[str, tuple[int, ...]]:
    """`GPT`."""
    blocks = [_inside(f"blocks.{i}", block(d_model, d_hidden)) for i in range(n_layers)]
    return {
        "token_embedding.weight": (vocab_size, d_model),
        "position_embedding.weight": (block_size, d_model),
        **{name: shape for one in blocks for name, shape in one.items()},
        **norm("norm", d_model),
        "head.weight": (vocab_size, d_model),
    }


def _inside(name: str, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{key}": shape for key, shape in shapes.items()}
