"""Where the two classes are, and what their constructors take."""

from graders.signature import require_parameters
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .decoder import ScratchDecoder

_FILES = ("transformers", "transformer")  # the handout uses both names


def open_decoder(worker: Worker) -> ScratchDecoder:
    """`Transformer`, for question 1."""
    return _opened(worker, "Transformer")


def open_multi_head_decoder(worker: Worker) -> ScratchDecoder:
    """`MultiHeadTransformer`, for question 3; with `Transformer` beside it, if that can be had."""
    decoder = _opened(worker, "MultiHeadTransformer")
    try:
        decoder.single = _opened(worker, "Transformer")
    except StudentError:
        decoder.single = None
    return decoder


def _opened(worker: Worker, name: str) -> ScratchDecoder:
    constructor, file, note = _found(worker, name)
    require_parameters(constructor, file, ("vocab_size", "hidden_dim", "context_len"), is_class=True)
    several = name != "Transformer"
    layers, heads = _argument(constructor, "layer"), _argument(constructor, "head") if several else ""
    if several and not heads:
        require_parameters(constructor, file, ("vocab_size", "hidden_dim", "context_len"), ("num_heads", "num_layers"))
    return ScratchDecoder(constructor, file, layers, heads, notes=[note] if note else [])


def _found(worker: Worker, name: str) -> tuple[Remote, str, str]:
    """A class, its file, and a remark: from either file, or from the notebook if there is neither."""
    missing: StudentError | None = None
    for module in _FILES:
        try:
            found = worker.resolve(module, name)
            found.describe()
            return found, f"{module}.py", ""
        except StudentError as error:
            if error.kind != "missing_module":
                raise
            missing = missing or error
    assert missing is not None
    try:
        [found] = worker.define([name], among=["Transformer", "MultiHeadTransformer", "generate"]).values()
    except StudentError as error:
        if error.kind == "missing_notebook":
            raise missing from None
        raise
    return found, "the notebook", "There is no transformers.py, so the class was taken from the notebook."


def _argument(constructor: Remote, part: str) -> str:
    """The argument whose name holds a word, such as num_layers or n_layer; empty if there is none."""
    parameters = constructor.describe()["parameters"] or []
    named = [name for name, kind, _ in parameters if part in name.lower() and kind != "POSITIONAL_ONLY"]
    passes_on = any(kind == "VAR_KEYWORD" for _, kind, _ in parameters)
    return named[0] if named else f"num_{part}s" if passes_on else ""
