"""Checks of CMU's own commands: they run, read and write the files of the handout, and print the score that is right.

They run on a toy corpus, with a training of one step (`commands.py`). What is compared are the files that they leave and the
numbers that they print; which hyperparameters the Trainer was given is told by the student's process alone.
"""

import math
import re
from collections.abc import Mapping

from .check import check
from .command_parts import answer_of
from .commands import Commands, Ran
from .compare import assert_true
from .toy_birth_places import question, rephrased
from .verdict import CannotJudge, CheckFailed, Reason

_MODEL, _PRETRAINED, _FINETUNED = "vanilla.model.params", "{}.pretrain.params", "{}.finetune.params"
_TENSORS = Mapping[str, tuple[tuple[int, ...], str]]
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%(?!\s*\|)")  # not that of a progress bar
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
_OWN_TRAINER = (
    "The commands do not run with trainer.py and utils.py as they are given. They were run with your own; what can only be "
    "seen with the others was not looked at."
)
_CALL_OF_MAIN = b"import london_baseline\n\nprint(london_baseline.main())\n"
_BLOCK_SIZE, _WARMUP = 128, 512 * 20


@check(task="commands", group="agreement", weight=2.0)
def test_finetune(commands: Commands, rng: object) -> None:
    """The command finetune, without parameters to read, trains a new model and saves its parameters."""
    made, still = _finetuned_anew(commands), _finetuned_anew(commands, moves=False)
    _has_trained(commands, made, still, _MODEL)


@check(task="commands", group="agreement", weight=2.0)
def test_evaluate(commands: Commands, rng: object) -> None:
    """The command evaluate reads the parameters and writes one prediction for each question, in order."""
    made = _finetuned_anew(commands)
    for file in ("birth_dev.tsv", "birth_test_inputs.tsv"):
        ran, output = _evaluated(commands, "vanilla", made, _MODEL, file)
        _predictions_are_right(commands, ran, output, commands.parameters(made, _MODEL), file)


@check(task="commands", group="agreement")
def test_evaluate_prints_score(commands: Commands, rng: object) -> None:
    """The command evaluate prints how many predictions are right, and no score where no answers are known."""
    made = _finetuned_anew(commands)
    ran, output = _evaluated(commands, "vanilla", made, _MODEL, "birth_dev.tsv")
    lines = _lines_of(commands.written(ran, output), output)
    of_questions = lines[-len(commands.data.dev) :]  # how many there are is asked in `evaluate`
    right = sum(line == place for line, (_, place) in zip(of_questions, commands.data.dev, strict=False))
    percent = 100 * right / len(commands.data.dev)
    printed = [float(number) for number in _PERCENT.findall(ran.output)]
    expected = f"{right} of the {len(commands.data.dev)} predictions that it has written are right, {percent:.4g} %"
    if ran.ours or printed:
        assert_true(bool(printed), f"{ran.command} prints no score in percent; {expected}.")
        assert_true(
            any(_is_near(number, percent) for number in printed),
            f"{ran.command} prints {printed[-1]:.6g} %; {expected}.",
        )
    ran, _ = _evaluated(commands, "vanilla", made, _MODEL, "birth_test_inputs.tsv")
    scored = re.search(r"Correct:\s*[\d.]+", ran.output)
    assert_true(
        scored is None,
        f"{ran.command} prints a score, “{scored and scored[0]} …”, though the file holds questions without answers.",
    )


@check(task="commands", group="invariance", weight=0.5)
def test_finetune_hyperparameters(commands: Commands, rng: object) -> None:
    """Finetuning without parameters to read gives the Trainer the hyperparameters that run.py specifies."""
    _hyperparameters_are(
        commands,
        _finetuned_anew(commands),
        {
            "max_epochs": 75,
            "batch_size": 256,
            "learning_rate": 6e-4,
            "lr_decay": True,
            "warmup_tokens": _WARMUP,
            "final_tokens": 200 * len(commands.data.documents) * _BLOCK_SIZE,
        },
    )


@check(task="commands", group="agreement", weight=2.0)
def test_london_baseline(commands: Commands, rng: object) -> None:
    """The program london_baseline.py prints in percent how often London is right in birth_dev.tsv."""
    percent = commands.data.london_percent
    n = len(commands.data.dev)
    file = "london_baseline_accuracy.txt"
    ran = commands.run("london_baseline.py", wanted=(file,), plain=True)
    text = ran.output
    if not _NUMBER.search(text):  # it may be written, or only returned
        text = ran.files.get(file, b"").decode("utf-8", "replace")
    if not _NUMBER.search(text):
        text = commands.run("london_main.py", code={"london_main.py": _CALL_OF_MAIN}, plain=True).output
    numbers = [float(number) for number in _NUMBER.findall(text)]
    on_toy = f"On a birth_dev.tsv of {n} lines, {round(percent * n / 100)} of them London, the answer is {percent:.4g}"
    if ran.problem:
        raise CheckFailed(f"{ran.command} did not end well: {ran.problem}.")
    assert_true(
        bool(numbers), f"{on_toy}; {ran.command} prints no number. It printed: {ran.output[-400:] or 'nothing'}"
    )
    if any(_is_near(number, percent) for number in numbers):
        return
    if any(abs(number - percent / 100) < 0.006 for number in numbers):
        raise CheckFailed(
            f"{on_toy} (percent); {ran.command} prints {percent / 100:.4g}, the share. Multiply it by 100."
        )
    hint = " That is what the homework's own file gives: read the file." if 5.0 in numbers else ""
    raise CheckFailed(f"{on_toy}; {ran.command} prints {numbers[-1]:.6g}.{hint}")


@check(task="commands", group="agreement", weight=2.0)
def test_pretrain(commands: Commands, rng: object) -> None:
    """The command pretrain trains a new model on span corruption and saves its parameters."""
    made, still = _pretrained(commands, "vanilla"), _pretrained(commands, "vanilla", moves=False)
    _has_trained(commands, made, still, _PRETRAINED.format("vanilla"))


@check(task="commands", group="agreement", weight=3.0)
def test_finetune_reads_parameters(commands: Commands, rng: object) -> None:
    """The command finetune, with parameters to read, starts from these and changes them.

    That it trains at all is asked in `finetune`.
    """
    read, write = _PRETRAINED.format("vanilla"), _FINETUNED.format("vanilla")
    before = _digests(commands.parameters(_pretrained(commands, "vanilla"), read))
    made = _finetuned(commands, "vanilla")
    after = _digests(commands.parameters(made, write))
    anew = [_finetuned_anew(commands, moves=moves).tensors.get(_MODEL, {}) for moves in (True, False)]
    if anew[0] != anew[1]:
        assert_true(
            after != before, f"{made.command} saves the parameters that it has read, untrained: train first, then save."
        )
    still = _finetuned(commands, "vanilla", moves=False)
    kept = _digests(commands.parameters(still, write))
    if not still.ours or not still.of("trained"):
        commands.note(_OWN_TRAINER)
        return
    assert_true(
        kept != _digests(anew[1]),
        f"{made.command} saves the same as without --reading_params_path: what {read} holds makes no difference.",
    )
    differ = sum(kept.get(name) != digest for name, digest in before.items())
    assert_true(
        kept == before,
        f"{made.command} does not start from {read}: with a Trainer that changes nothing, what it saves should be what it "
        f"has read, and {differ} of {len(before)} tensors differ. Load the parameters into the model before it is trained.",
    )


@check(task="commands", group="invariance", weight=0.5)
def test_pretrain_hyperparameters(commands: Commands, rng: object) -> None:
    """Pretraining and the finetuning after it give the Trainer the hyperparameters that run.py specifies."""
    _hyperparameters_are(
        commands,
        _pretrained(commands, "vanilla"),
        {
            "max_epochs": 650,
            "batch_size": 128,
            "learning_rate": 6e-3,
            "lr_decay": True,
            "warmup_tokens": _WARMUP,
            "final_tokens": 650 * len(commands.data.documents) * _BLOCK_SIZE,
        },
    )
    # what both ways of finetuning have in common is asked in `finetune_hyperparameters`
    if (ran := _finetuned(commands, "vanilla")).of("trained"):
        _hyperparameters_are(commands, ran, {"max_epochs": 10})


@check(task="commands", group="agreement")
def test_rope(commands: Commands, rng: object) -> None:
    """With rope in the place of vanilla the commands run too, and the model has no table of positions.

    What goes wrong with vanilla in the same way costs its points there.
    """
    for make, form in ((_pretrained, _PRETRAINED), (_finetuned_anew, "{}.model.params")):
        made, plain = make(commands, "rope"), make(commands, "vanilla")
        if form.format("vanilla") in plain.files:
            break
    tensors = commands.parameters(made, form.format("rope"))
    other = plain.tensors.get(form.format("vanilla"), {})
    assert_true(
        _forms(tensors) != _forms(other),
        f"{made.command} makes the same model as with vanilla: the same parameters, of the same shapes. With RoPE there is no "
        "table of positions; ask for it in the model's config.",
    )
    tables = [name for name, (shape, _) in tensors.items() if "pos" in name.lower() and shape[-2:-1] == (_BLOCK_SIZE,)]
    assert_true(
        not tables,
        f"{made.command} makes a model with learned positions, {', '.join(tables[:3])}: RoPE takes their place.",
    )
    if form != _PRETRAINED:
        return
    last, name = _finetuned(commands, "rope"), _FINETUNED.format("rope")
    if name not in last.files and _FINETUNED.format("vanilla") not in _finetuned(commands, "vanilla").files:
        return
    ran, output = _evaluated(commands, "rope", last, name, "birth_dev.tsv")
    if output not in ran.files:
        before = _finetuned(commands, "vanilla")
        plain, same = _evaluated(commands, "vanilla", before, _FINETUNED.format("vanilla"), "birth_dev.tsv")
        if same in plain.files:
            commands.written(ran, output)


@check(task="commands", group="property")
def test_dataset_prints_examples(commands: Commands, rng: object) -> None:
    """The commands of dataset.py, namedata and charcorruption, print examples."""
    for kind in ("namedata", "charcorruption"):
        ran = commands.run("dataset.py", kind, plain=True)
        # a mask in each x and each y of four examples, at least
        assert_true(
            not ran.problem and ran.output.count("\u2047") >= 8,
            f"{ran.command} prints {ran.output.count(chr(0x2047))} times ⁇; four examples have more. It printed: "
            f"{ran.output[-500:] or 'nothing'} {ran.problem}".rstrip(),
        )


@check(task="commands", group="property")
def test_sensitivity_asks_otherwise(commands: Commands, rng: object) -> None:
    """The program sensitivity.py, with evaluate, asks for each birthplace in the other words, and changes no file."""
    if not commands.has("sensitivity.py"):
        raise CannotJudge(Reason.NOT_HANDED_IN)
    variant = "rope"
    made = _pretrained(commands, variant)
    if _PRETRAINED.format(variant) not in made.files:  # its own questions say so
        variant = "vanilla"
        made = _pretrained(commands, variant)
    name = _PRETRAINED.format(variant)
    data = commands.written(made, name)
    output = f"{variant}.sensitivity.dev.predictions"
    ran = commands.run(
        *("sensitivity.py", "evaluate", variant, "wiki.txt", "--reading_params_path", name),
        *("--eval_corpus_path", "birth_dev.tsv", "--outputs_path", output),
        wanted=(output,),
        given={name: data},
    )
    commands.written(ran, output)
    assert_true(
        "birth_dev.tsv" not in ran.changed, f"{ran.command} changes birth_dev.tsv: change the questions on the fly."
    )
    asked = [_text_of(event.get("ids"), commands.data.vocabulary).rstrip("⁇\n") for event in ran.of("asked")]
    assert_true(bool(asked), f"When {ran.command} runs, no question reaches `sample` of utils.py.")
    wanted = [rephrased(name) for name, _ in commands.data.dev]
    for found, expected in zip(asked, wanted, strict=False):
        assert_true(found == expected, f"{ran.command} asks “{found[:200]}”, expected “{expected}”.")
    assert_true(
        len(asked) == len(wanted), f"{ran.command} asks {len(asked)} questions; birth_dev.tsv holds {len(wanted)}."
    )


# ------------------------------------------------------------------------------------------ the commands


def _pretrained(commands: Commands, variant: str, *, moves: bool = True) -> Ran:
    name = _PRETRAINED.format(variant)
    rate = () if moves else ("--pretrain_lr", "0")  # for who trains without the Trainer
    words = ("run.py", "pretrain", variant, "wiki.txt", "--writing_params_path", name, *rate)
    return commands.run(*words, wanted=(name,), moves=moves)


def _finetuned_anew(commands: Commands, variant: str = "vanilla", *, moves: bool = True) -> Ran:
    name = f"{variant}.model.params"
    words = ("run.py", "finetune", variant, "wiki.txt", "--writing_params_path", name)
    return commands.run(*words, *_training(moves), wanted=(name,), moves=moves)


def _finetuned(commands: Commands, variant: str, *, moves: bool = True) -> Ran:
    """Finetune what a variant's pretraining has left."""
    read, write = _PRETRAINED.format(variant), _FINETUNED.format(variant)
    data = commands.written(_pretrained(commands, variant), read)
    words = ("run.py", "finetune", variant, "wiki.txt", "--reading_params_path", read, "--writing_params_path", write)
    return commands.run(*words, *_training(moves), wanted=(write,), given={read: data}, moves=moves)


def _training(moves: bool) -> tuple[str, ...]:
    return ("--finetune_corpus_path", "birth_places_train.tsv", *(() if moves else ("--finetune_lr", "0")))


def _evaluated(commands: Commands, variant: str, made: Ran, name: str, file: str) -> tuple[Ran, str]:
    """Evaluate parameters that a command has left, on a file; also the name of the predictions."""
    data = commands.written(made, name)
    stage = "nopretrain" if name == _MODEL else "pretrain"
    output = f"{variant}.{stage}.{'dev' if 'dev' in file else 'test'}.predictions"
    read = ("run.py", "evaluate", variant, "wiki.txt", "--reading_params_path", name)
    words = (*read, "--eval_corpus_path", file, "--outputs_path", output)
    return commands.run(*words, wanted=(output,), given={name: data}), output


# ------------------------------------------------------------------------------------------ what they have left


def _forms(tensors: _TENSORS) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, (shape, _) in tensors.items()}


def _digests(tensors: _TENSORS) -> dict[str, str]:
    return {name: digest for name, (_, digest) in tensors.items()}


def _has_trained(commands: Commands, made: Ran, still: Ran, name: str) -> None:
    """Whether what is saved depends on whether training changes anything."""
    trained = _digests(commands.parameters(made, name))
    if not made.ours or not still.ours:
        commands.note(_OWN_TRAINER)
        return
    assert_true(
        not made.of("made") or bool(made.of("trained")), f"{made.command} makes a Trainer, and never calls its train()."
    )
    assert_true(
        trained != _digests(commands.parameters(still, name)),
        f"{made.command} saves the same parameters whether the Trainer changes them or not: train first, then save.",
    )


def _predictions_are_right(commands: Commands, ran: Ran, output: str, tensors: _TENSORS, file: str) -> None:
    """Whether there is one line for each question, and it is what a model with these parameters answers."""
    lines = _lines_of(commands.written(ran, output), output)
    data = commands.data
    names = [name for name, _ in data.dev] if "dev" in file else list(data.test)
    if not ran.ours:
        commands.note(_OWN_TRAINER)
        return
    ids = [[data.vocabulary.index(letter) for letter in question(name)] for name in names]
    wanted = [[answer_of(digest, each) for each in ids] for _, digest in tensors.values()]
    told = f"{ran.command} must write one prediction for each of the {len(names)} questions of {file}"
    if lines[1:] in wanted or lines[1:] == lines[: len(names)]:
        raise CheckFailed(f"{told} and nothing else; above them stands the line “{lines[0][:100]}”.")
    assert_true(len(lines) == len(names), f"{told}; it has written {len(lines)} lines.")
    if [line.strip().strip("\"'") for line in lines] in wanted and lines not in wanted:
        raise CheckFailed(f"{told}, as it is; “{lines[0][:100]}” has more around it.")
    if lines in wanted:
        return
    if any(sorted(lines) == sorted(each) for each in wanted):
        raise CheckFailed(f"{told}, in the order of the file; here the order is another one.")
    found = ran.of("asked")
    if not found:
        raise CheckFailed(f"{told}; when it ran, no question reached `sample` of utils.py.")
    asked = _text_of(found[0].get("ids"), data.vocabulary)
    if asked.rstrip("\u2047\n") != question(names[0]):
        raise CheckFailed(f"{told}; the model was asked “{asked[:200]}”, expected “{question(names[0])}⁇”.")
    raise CheckFailed(
        f"{ran.command} does not answer with the parameters that it is given: the model that was asked has others. Load "
        "them before the questions are asked, and write down what stands between the first two ⁇."
    )


def _lines_of(data: bytes, name: str) -> list[str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CheckFailed(f'{name} is not UTF-8: open it with encoding="utf-8".') from None
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def _text_of(ids: object, vocabulary: str) -> str:
    if type(ids) is not list:
        return ""
    return "".join(vocabulary[id] for id in ids if type(id) is int and 0 <= id < len(vocabulary))


def _hyperparameters_are(commands: Commands, ran: Ran, expected: Mapping[str, float]) -> None:
    """Whether the Trainer was given these; where ours was not there, nobody can tell."""
    trained = ran.of("trained")
    if not trained and ran.files and not ran.ours:
        commands.note(_OWN_TRAINER)
        return
    assert_true(bool(trained), f"When {ran.command} runs, no Trainer is asked to train.")
    config = trained[-1].get("config")
    given = config if type(config) is dict else {}
    for name, value in expected.items():
        found = given.get(name)
        same = isinstance(found, (int, float)) and math.isclose(found, value, rel_tol=1e-9)
        assert_true(same, f"{ran.command} trains with {name}={_shown(found)}; run.py specifies {_shown(value)}.")


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)[:30]


def _is_near(number: float, percent: float) -> bool:
    """Whether a number is the percentage, rounded to a digit behind the point or better."""
    return abs(number - percent) <= 0.0501
