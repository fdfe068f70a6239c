"""The commands of cmu_birthplaces: the handout's own lines on small generated data, and what they are made of."""

import math
import os
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.reference.homeworks.cmu_modules import SRC, cmu

# questions 2(d), 2(f) and 2(g), and 4(a) in the same form
FROM_SCRATCH = """\
finetune vanilla wiki.txt --writing_params_path vanilla.model.params --finetune_corpus_path birth_places_train.tsv
evaluate vanilla wiki.txt --reading_params_path vanilla.model.params --eval_corpus_path birth_dev.tsv \
--outputs_path vanilla.nopretrain.dev.predictions
evaluate vanilla wiki.txt --reading_params_path vanilla.model.params --eval_corpus_path birth_test_inputs.tsv \
--outputs_path vanilla.nopretrain.test.predictions"""
PRETRAINED = """\
pretrain {0} wiki.txt --writing_params_path {0}.pretrain.params
finetune {0} wiki.txt --reading_params_path {0}.pretrain.params --writing_params_path {0}.finetune.params \
--finetune_corpus_path birth_places_train.tsv
evaluate {0} wiki.txt --reading_params_path {0}.finetune.params --eval_corpus_path birth_dev.tsv \
--outputs_path {0}.pretrain.dev.predictions
evaluate {0} wiki.txt --reading_params_path {0}.finetune.params --eval_corpus_path birth_test_inputs.tsv \
--outputs_path {0}.pretrain.test.predictions"""

PEOPLE = [
    "Ada", "Bob", "Cleo", "Dov", "Eve", "Finn", "Gus", "Hana", "Ida", "Jon", "Kim", "Leo",
    "Mia", "Ned", "Ole", "Pia", "Quin", "Rex", "Sue", "Tom", "Una", "Vic", "Wim", "Zoe",
]  # fmt: skip
PLACES = ("London", "Paris", "Oslo", "Rome", "Cairo", "Lima")


@pytest.fixture(autouse=True)
def _global_state_is_kept() -> Iterator[None]:
    """The commands seed everything: put it back. One thread, since more would wait longer than these sizes take."""
    states, threads = (random.getstate(), np.random.get_state()), torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)
    random.setstate(states[0])
    np.random.set_state(states[1])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory: 24 people in wiki.txt; the places of 12 of them to train on, of the others to ask for."""
    born = {person: PLACES[i % len(PLACES)] for i, person in enumerate(random.Random(0).sample(PEOPLE, len(PEOPLE)))}
    wiki = [f"{person}. {person} was born in {place} ." for person, place in born.items()]
    lines = [f"Where was {person} born?\t{place}\n" for person, place in born.items()]
    contents = {
        "wiki.txt": "\n".join([*wiki, "What is it? Where is the birthplace of him?"]),
        "birth_places_train.tsv": "".join(lines[:12]),
        "birth_dev.tsv": "".join(lines[12:]),
        "birth_test_inputs.tsv": "".join(line.split("\t")[0] + "\n" for line in lines[12:17]),
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One small layer, two passes through the data, no tensorboard."""
    monkeypatch.setattr(cmu.run, "BLOCK_SIZE", 40)
    monkeypatch.setattr(cmu.run, "MODEL_SIZE", {"n_layer": 1, "n_head": 2, "n_embd": 16})
    for name in ("PRETRAIN_EPOCHS", "FINETUNE_EPOCHS_FROM_SCRATCH", "FINETUNE_EPOCHS_PRETRAINED"):
        monkeypatch.setattr(cmu.run, name, 2)
    monkeypatch.setattr(cmu.run, "WARMUP_TOKENS", 100)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    return monkeypatch


def run_all(commands: str, main: Any = cmu.run.main) -> None:
    for command in commands.splitlines():
        main(shlex.split(command))


SCORE = re.compile(r"Correct: (\d+\.0) out of (\d+\.0): (\d+\.\d+)%")


def test_the_handouts_commands_run(folder: Path, small: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects question 2 from top to bottom: files handed in, one prediction a line, and the printed lines."""
    small.setattr(cmu.run, "ANSWER_STEPS", 6)
    run_all("\n".join([FROM_SCRATCH, PRETRAINED.format("vanilla"), PRETRAINED.format("rope")]))
    printed = capsys.readouterr().out.splitlines()
    stems = ("vanilla.nopretrain", "vanilla.pretrain", "rope.pretrain")
    assert len(printed) == 2 * len(stems)
    for stem, score, note in zip(stems, printed[::2], printed[1::2], strict=True):
        predictions = (folder / f"{stem}.dev.predictions").read_text(encoding="utf-8").split("\n")
        assert predictions.pop() == ""
        answers = [line.split("\t")[1] for line in (folder / "birth_dev.tsv").read_text().splitlines()]
        correct = sum(map(str.__eq__, answers, predictions))
        match = SCORE.fullmatch(score)
        assert match is not None
        assert [float(number) for number in match.groups()] == pytest.approx([correct, 12, 100 * correct / 12])
        assert len(predictions) == 12
        assert note == f"Predictions written to {stem}.test.predictions; no targets provided"
        assert (folder / f"{stem}.test.predictions").read_text(encoding="utf-8").count("\n") == 5
    parameters = {path.name for path in folder.glob("*.params")}
    assert {"vanilla.model.params", "vanilla.finetune.params", "rope.finetune.params"} <= parameters
    assert ("pos_emb" in saved("vanilla.model.params"), "pos_emb" in saved("rope.finetune.params")) == (True, False)
    assert not (folder / "expt").exists()


def saved(path: str) -> dict[str, Tensor]:
    parameters: dict[str, Tensor] = torch.load(path, weights_only=True)
    return parameters


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.usefixtures("folder")
def test_training_is_repeatable_and_starts_from_what_is_read(small: pytest.MonkeyPatch) -> None:
    """Protects the seed (equal commands, equal parameters) and the pretrained parameters: finetuning starts there."""
    pretrain, finetune, *_ = PRETRAINED.format("rope").splitlines()
    run_all(pretrain)
    run_all(pretrain.replace("rope.pretrain", "again"))
    assert equal(saved("rope.pretrain.params"), saved("again.params"))
    run_all(finetune)
    assert not equal(saved("rope.pretrain.params"), saved("rope.finetune.params"))
    small.setattr(cmu.run, "FINETUNE_EPOCHS_PRETRAINED", 0)
    run_all(finetune)
    assert equal(saved("rope.pretrain.params"), saved("rope.finetune.params"))


@pytest.mark.slow
def test_pretraining_brings_knowledge(
    folder: Path, small: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the point of the homework: what wiki.txt says of people is found after pretraining, not without it.

    H0: the model guesses one of the six places. N = 12; 7 right or more then have a chance of 0.0013. Over four seeds
    the model had 9 to 12 right with pretraining and 0 to 2 without.
    """
    size = {"n_layer": 2, "n_head": 2, "n_embd": 64, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0}
    constants = {"MODEL_SIZE": size, "PRETRAIN_EPOCHS": 1200, "PRETRAIN_BATCH_SIZE": 25, "FINETUNE_BATCH_SIZE": 8}
    constants |= {"FINETUNE_EPOCHS_FROM_SCRATCH": 30, "FINETUNE_EPOCHS_PRETRAINED": 30, "WARMUP_TOKENS": 10_000}
    for name, value in constants.items():
        small.setattr(cmu.run, name, value)
    run_all(FROM_SCRATCH.replace("vanilla", "rope"))
    run_all(PRETRAINED.format("rope"))
    scores = [float(match[1]) for match in map(SCORE.match, capsys.readouterr().out.splitlines()) if match]
    assert len(scores) == 2
    assert scores[0] <= 3
    assert scores[1] >= 7


class Recorder:
    """Stands in for the Trainer: notes what it is given and trains nothing."""

    def __init__(self, *given: Any) -> None:
        type(self).given = given

    def train(self) -> None:
        pass


@pytest.mark.usefixtures("folder")
def test_hyperparameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the handout's model and training recipe, with the flags' defaults and with other learning rates."""
    monkeypatch.setattr(cmu.run, "Trainer", Recorder)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    pretrain, finetune, *_ = PRETRAINED.format("rope").splitlines()
    scratch = FROM_SCRATCH.splitlines()[0]
    runs = []
    for command in (pretrain, finetune, scratch, f"{pretrain} --pretrain_lr 0.5", f"{finetune} --finetune_lr 0.25"):
        run_all(command)
        model, data, test_data, config = Recorder.given
        assert test_data is None
        assert (config.lr_decay, config.warmup_tokens, config.num_workers) == (True, 10240, 0)
        runs.append((type(data).__name__, config.max_epochs, config.batch_size, config.learning_rate))
        # wiki.txt has 25 lines
        assert config.final_tokens == (650 if "pretrain rope" in command else 200) * 25 * 128
        assert (model.get_block_size(), len(model.blocks), model.rope) == (128, 4, "rope" in command.split()[1])
        assert (model.blocks[0].attn.n_head, model.head.in_features) == (8, 256)
    assert runs == [
        ("CharCorruptionDataset", 650, 128, 6e-3),
        ("NameDataset", 10, 256, 6e-4),
        ("NameDataset", 75, 256, 6e-4),
        ("CharCorruptionDataset", 650, 128, 0.5),
        ("NameDataset", 10, 256, 0.25),
    ]


@pytest.mark.parametrize(
    "command, missing",
    [
        ("pretrain vanilla wiki.txt", "pretrain needs --writing_params_path"),
        ("finetune rope wiki.txt", "finetune needs --writing_params_path, --finetune_corpus_path"),
        ("evaluate rope wiki.txt --outputs_path p", "evaluate needs --reading_params_path, --eval_corpus_path"),
        ("evaluate perceiver wiki.txt", "invalid choice: 'perceiver'"),
    ],
)
def test_a_missing_flag_is_named_before_training(
    command: str, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects an hour of training whose parameters would have nowhere to go."""
    with pytest.raises(SystemExit):
        cmu.run.main(command.split())
    assert missing in capsys.readouterr().err


@pytest.mark.usefixtures("folder", "small")
@pytest.mark.parametrize(
    "main, file, prompts",
    [
        ("run", "birth_dev.tsv", r"Where was [A-Z][a-z]+ born\?⁇"),
        ("run", "birth_test_inputs.tsv", r"Where was [A-Z][a-z]+ born\?\n⁇"),
        ("sensitivity", "birth_dev.tsv", r"What is the birthplace of [A-Z][a-z]+\?⁇"),
    ],
)
def test_prompts_and_predictions(
    main: str, file: str, prompts: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects what the model is asked (sensitivity.py: other questions, same answers) and what becomes its answer.

    The continuations are made up: the text between the first two ⁇ counts; without a second ⁇, all of it; a line break
    in it does not shift the lines after it.
    """
    asked = []
    itos = cmu.dataset.CharCorruptionDataset(Path("wiki.txt").read_text(), 40).itos
    stoi = {char: id for id, char in itos.items()}
    answers = ["London⁇Rome⁇□", "", "⁇Paris", "Oslo\nOslo⁇"] + [f"{place}⁇" for place in PLACES * 2]

    def continued(model: nn.Module, x: Tensor, steps: int) -> Tensor:
        assert (x.shape[0], steps, x.dtype) == (1, 32, torch.int64)
        new = torch.tensor([[stoi[char] for char in answers[len(asked)]]], dtype=torch.long)
        asked.append("".join(itos[id] for id in x[0].tolist()))
        return torch.cat((x, new), dim=1)

    monkeypatch.setattr(cmu.run, "sample", continued)
    torch.save(cmu.run.build_model("rope", len(itos)).state_dict(), "p")
    command = f"evaluate rope wiki.txt --reading_params_path p --eval_corpus_path {file} --outputs_path out"
    run_all(command, getattr(cmu, main).main)
    lines = Path(file).read_text().splitlines()
    assert [re.findall("[A-Z][a-z]+", prompt)[-1] for prompt in asked] == [line.split()[2] for line in lines]
    assert all(re.fullmatch(prompts, prompt) for prompt in asked)
    expected = ["London", "", "", "Oslo Oslo", *PLACES * 2][: len(lines)]
    assert Path("out").read_text(encoding="utf-8") == "".join(f"{line}\n" for line in expected)
    right = sum(line.endswith(f"\t{place}") for line, place in zip(lines, expected, strict=True))
    printed = f"Correct: {float(right)} out of 12.0: {100 * right / 12}%"
    if file == "birth_test_inputs.tsv":
        printed = "Predictions written to out; no targets provided"
    assert capsys.readouterr().out == printed + "\n"


def test_rephrase_keeps_the_name_and_refuses_other_questions() -> None:
    """Protects 4(a): names of several words, names that hold the question's own words, the newline of test lines."""
    assert cmu.sensitivity.rephrase("Where was J. R. Ek born?\n") == "What is the birthplace of J. R. Ek?\n"
    assert cmu.sensitivity.rephrase("Where was Max Born born?") == "What is the birthplace of Max Born?"
    with pytest.raises(ValueError, match="Where was NAME born.*got 'Where is Ada"):
        cmu.sensitivity.rephrase("Where is Ada born?")


@pytest.mark.usefixtures("small")
def test_an_unknown_character_is_named() -> None:
    """Protects the message for a question that the vocabulary cannot spell."""
    corruption = cmu.dataset.CharCorruptionDataset("Where was Ada born?", 40)
    model = cmu.run.build_model("vanilla", corruption.vocab_size)
    with pytest.raises(ValueError, match="has no 'é', which occurs in 'Where was Adé born"):
        cmu.run.predict(model, corruption, "Where was Adé born?")


@pytest.mark.usefixtures("small")
def test_parameters_of_another_device_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects parameters that were saved on a GPU: they load where there is none."""
    model = cmu.run.build_model("rope", 9)
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(model.state_dict(), tmp_path / "p")
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(tmp_path / "p", weights_only=True)
    other = cmu.run.build_model("rope", 9)
    cmu.run.load_parameters(other, str(tmp_path / "p"))
    assert equal(model.state_dict(), other.state_dict())
    assert {parameter.device.type for parameter in other.parameters()} == {"cpu"}


def test_sensitivity_runs_as_a_command(folder: Path) -> None:
    """Protects the flat imports and the entry point of sensitivity.py, and of run.py in it, with the real sizes."""
    corruption = cmu.dataset.CharCorruptionDataset((folder / "wiki.txt").read_text(), 128)
    torch.save(cmu.run.build_model("rope", corruption.vocab_size).state_dict(), "rope.finetune.params")
    (folder / "birth_dev.tsv").write_text("Where was Ada born?\tLondon\n")
    command = "evaluate rope wiki.txt --reading_params_path rope.finetune.params --eval_corpus_path birth_dev.tsv"
    arguments = [*shlex.split(command), "--outputs_path", "out"]
    script = [sys.executable, "-B", str(SRC / "sensitivity.py")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [*script, *arguments], capture_output=True, text=True, check=True, cwd=folder, env=environment
    )
    assert SCORE.fullmatch(result.stdout.strip())
    assert (folder / "out").read_text(encoding="utf-8").count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_tensorboard_is_used_where_it_is_installed(small: pytest.MonkeyPatch) -> None:
    """Protects the optional log: a folder in expt/ for function and variant, loss and learning rate of each step."""
    logs: dict[str, list[tuple[str, float, int]]] = {}

    class SummaryWriter:
        def __init__(self, log_dir: str) -> None:
            self.log = logs.setdefault(log_dir, [])

        def add_scalar(self, name: str, value: float, step: int) -> None:
            self.log.append((name, value, step))

        def close(self) -> None:
            self.log.append(("closed", 0.0, 0))

    tensorboard: Any = ModuleType("torch.utils.tensorboard")
    tensorboard.SummaryWriter = SummaryWriter
    small.setitem(sys.modules, "torch.utils.tensorboard", tensorboard)
    run_all(f"{PRETRAINED.format('rope').splitlines()[0]} --tb_expt_name first")
    ((log_dir, log),) = logs.items()
    assert log_dir == "expt/first/pretrain_rope"
    # 25 documents are one batch
    assert [(name, step) for name, _, step in log] == [
        *[(name, step) for step in (1, 2) for name in ("train/loss", "train/lr")],
        ("closed", 0),
    ]
    assert all(math.isfinite(value) for _, value, _ in log)
