"""Where the two classes are, and what their constructors take."""

from graders.signature import require_parameters
from sandbox.client import Remote, Worker
from sandbox.errors import StudentError

from .decoder import ScratchDecoder

_FILES = ("transformers", "transformer")  # the handout uses both names
_SINGLE, _SEVERAL = "Transformer", "MultiHeadTransformer"
_FROM_NOTEBOOK = "There is no transformers.py, so the class was taken from the notebook."


def open_decoder(worker: Worker) -> ScratchDecoder:
    """`Transformer`, for question 1."""
    return _opened(*_found(worker, _SINGLE))


def open_multi_head_decoder(worker: Worker) -> ScratchDecoder:
    """`MultiHeadTransformer`, for question 3; with `Transformer` beside it, if that can be had."""
    classes, file = _found(worker, _SEVERAL)
    decoder = _opened(classes, file)
    if _SINGLE in classes:
        decoder.single = _opened({_SINGLE: classes[_SINGLE]}, file)
    return decoder


def _opened(classes: dict[str, Remote], file: str) -> ScratchDecoder:
    """What the first of the classes takes."""
    constructor = next(iter(classes.values()))
    several = constructor.name == _SEVERAL
    parameters = constructor.describe()["parameters"] or []
    needed = ["vocab_size", "hidden_dim", "context_len"]
    layers, heads = (_argument(parameters, word) for word in ("layer", "head"))
    if several and not heads:
        require_parameters(constructor, file, tuple(needed), ("num_heads", "num_layers"), is_class=True)
    needed += [name for name, _, has_default in parameters if name in (layers, heads) and not has_default]
    require_parameters(constructor, file, tuple(needed), is_class=True)
    notes = [] if file.endswith(".py") else [_FROM_NOTEBOOK]
    return ScratchDecoder(constructor, file, layers, heads if several else "", notes=notes)


def _found(worker: Worker, name: str) -> tuple[dict[str, Remote], str]:
    """A class, with `Transformer` behind it where it is there, and its file: either one, or else the notebook."""
    missing: StudentError | None = None
    for module in _FILES:
        try:
            found = {name: worker.resolve(module, name)}
        except StudentError as error:
            if error.kind != "missing_module":
                raise
            missing = missing or error
            continue
        try:
            found.setdefault(_SINGLE, worker.resolve(module, _SINGLE))
        except StudentError:
            pass  # question 1 says so
        return found, f"{module}.py"
    assert missing is not None
    try:
        return worker.define(
            [name, *([f"{_SINGLE}?"] if name != _SINGLE else [])], among=[_SINGLE, "generate"]
        ), "the notebook"
    except StudentError as error:
        if error.kind == "missing_notebook":
            raise missing from None
        raise


def _argument(parameters: list[list[object]], word: str) -> str:
    """The argument whose name holds a word, such as num_layers or n_layer; empty if there is none."""
    named = [str(name) for name, kind, _ in parameters if word in str(name).lower() and kind != "POSITIONAL_ONLY"]
    passes_on = any(kind == "VAR_KEYWORD" for _, kind, _ in parameters)
    return named[0] if named else f"num_{word}s" if passes_on else ""
