r"""Pretrain, finetune and evaluate a model: question 2, parts (c), (d), (f) and (g).

    python src/run.py pretrain vanilla wiki.txt --writing_params_path vanilla.pretrain.params
    python src/run.py finetune vanilla wiki.txt --reading_params_path vanilla.pretrain.params \
        --writing_params_path vanilla.finetune.params --finetune_corpus_path birth_places_train.tsv
    python src/run.py evaluate vanilla wiki.txt --reading_params_path vanilla.finetune.params \
        --eval_corpus_path birth_dev.tsv --outputs_path vanilla.pretrain.dev.predictions

Finetuning without --reading_params_path starts from a new model. The variant `rope` takes the place of `vanilla`.
All commands need the pretraining text, for its vocabulary.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from dataset import MASK_CHAR, CharCorruptionDataset, NameDataset
from models import GPT, GPTConfig
from tqdm import tqdm
from trainer import Trainer, TrainerConfig
from utils import evaluate_places, sample, set_seed

BLOCK_SIZE = 128
MODEL_SIZE = {"n_layer": 4, "n_head": 8, "n_embd": 256}

WARMUP_TOKENS = 512 * 20
PRETRAIN_EPOCHS = 650
PRETRAIN_BATCH_SIZE = 128
FINETUNE_EPOCHS_FROM_SCRATCH = 75
FINETUNE_EPOCHS_PRETRAINED = 10
FINETUNE_BATCH_SIZE = 256
# the learning rate's fall is stretched over so many passes through the pretraining text, though training stops earlier
FINETUNE_DECAY_EPOCHS = 200

ANSWER_STEPS = 32

# the flags that a function cannot do without
NEEDED_FLAGS = {
    "pretrain": ["writing_params_path"],
    "finetune": ["writing_params_path", "finetune_corpus_path"],
    "evaluate": ["reading_params_path", "eval_corpus_path", "outputs_path"],
}


def build_model(variant: str, vocab_size: int) -> GPT:
    """Make a new model.

    Args:
        variant: `vanilla` (learned position embeddings) or `rope`.
        vocab_size: V.
    """
    config = GPTConfig(vocab_size, BLOCK_SIZE, **MODEL_SIZE)
    if variant == "vanilla":
        # <solution> part c: return a new model with learned position embeddings
        return GPT(config)
        # </solution>
        # <template>
        # | # [part c] The model's class and its config are in models.py.
        # | raise NotImplementedError("part c: make the vanilla model in build_model")
        # </template>
    # <solution> part g: return a new model with RoPE
    config.rope = True
    return GPT(config)
    # </solution>
    # <template>
    # | # [part g] As above, but the config asks for RoPE.
    # | raise NotImplementedError("part g: make the model with RoPE in build_model")
    # </template>


def pretrain(model: GPT, corruption: CharCorruptionDataset, learning_rate: float, writer: Any = None) -> None:
    """Train a new model to fill in hidden spans.

    Args:
        model: trained in place, on its own device.
        corruption: the text.
        learning_rate: the highest one.
        writer: given to the trainer, which logs to it; None logs nothing.
    """
    # <solution> part f: train the model on span corruption
    config = TrainerConfig(
        max_epochs=PRETRAIN_EPOCHS,
        batch_size=PRETRAIN_BATCH_SIZE,
        learning_rate=learning_rate,
        lr_decay=True,
        warmup_tokens=WARMUP_TOKENS,
        final_tokens=PRETRAIN_EPOCHS * len(corruption) * BLOCK_SIZE,
        writer=writer,
    )
    Trainer(model, corruption, None, config).train()
    # </solution>
    # <template>
    # | # [part f] Train with the Trainer and these hyperparameters:
    # | #     max_epochs      PRETRAIN_EPOCHS
    # | #     batch_size      PRETRAIN_BATCH_SIZE
    # | #     learning_rate   the function's argument
    # | #     lr_decay        on
    # | #     warmup_tokens   WARMUP_TOKENS
    # | #     final_tokens    PRETRAIN_EPOCHS times the number of documents times BLOCK_SIZE
    # | #     writer          the function's argument
    # | # There is no test set. `main` saves the parameters.
    # | raise NotImplementedError("part f: train on span corruption in pretrain")
    # </template>


def finetune(
    model: GPT,
    corruption: CharCorruptionDataset,
    names: NameDataset,
    learning_rate: float,
    reading_params_path: str | None = None,
    writer: Any = None,
) -> None:
    """Train a model to answer where somebody was born.

    Args:
        model: trained in place, on its own device.
        corruption: the pretraining text; its length sets how slowly the learning rate falls.
        names: questions and places.
        learning_rate: the highest one.
        reading_params_path: pretrained parameters to start from; None starts from the model as it is.
        writer: given to the trainer, which logs to it; None logs nothing.
    """
    if reading_params_path is not None:
        # <solution> part f: start from the pretrained parameters
        load_parameters(model, reading_params_path)
        # </solution>
        # <template>
        # | # [part f] Put the pretrained parameters in the model before it is trained: see load_parameters below.
        # | raise NotImplementedError("part f: start from the pretrained parameters in finetune")
        # </template>
    # <solution> part c, part f: train the model on questions and places
    config = TrainerConfig(
        max_epochs=FINETUNE_EPOCHS_FROM_SCRATCH if reading_params_path is None else FINETUNE_EPOCHS_PRETRAINED,
        batch_size=FINETUNE_BATCH_SIZE,
        learning_rate=learning_rate,
        lr_decay=True,
        warmup_tokens=WARMUP_TOKENS,
        final_tokens=FINETUNE_DECAY_EPOCHS * len(corruption) * BLOCK_SIZE,
        writer=writer,
    )
    Trainer(model, names, None, config).train()
    # </solution>
    # <template>
    # | # [part c] Train with the Trainer and these hyperparameters:
    # | #     max_epochs      FINETUNE_EPOCHS_FROM_SCRATCH; with pretrained parameters FINETUNE_EPOCHS_PRETRAINED [part f]
    # | #     batch_size      FINETUNE_BATCH_SIZE
    # | #     learning_rate   the function's argument
    # | #     lr_decay        on
    # | #     warmup_tokens   WARMUP_TOKENS
    # | #     final_tokens    FINETUNE_DECAY_EPOCHS times the number of documents in `corruption` times BLOCK_SIZE
    # | #     writer          the function's argument
    # | # There is no test set. `main` saves the parameters.
    # | raise NotImplementedError("part c: train on questions and places in finetune")
    # </template>


def load_parameters(model: GPT, path: str) -> None:
    """Put saved parameters in a model, on the device where it is; they may have been saved on another one."""
    device = next(model.parameters()).device
    model.load_state_dict(torch.load(path, map_location=device, weights_only=True))


def predict(model: GPT, corruption: CharCorruptionDataset, question: str) -> str:
    """Let the model answer a question: what it puts between the first two ⁇ of its greedy continuation.

    Raises:
        ValueError: the question has a character that the pretraining text lacks.
    """
    prompt = question + MASK_CHAR
    unknown = sorted(set(prompt) - set(corruption.stoi))
    if unknown:
        raise ValueError(f"the pretraining text has no {', '.join(map(repr, unknown))}, which occurs in {question!r}")
    device = next(model.parameters()).device
    ids = torch.tensor([[corruption.stoi[char] for char in prompt]], dtype=torch.long, device=device)  # (1, T)
    continued = sample(model, ids, ANSWER_STEPS)[0]  # (T + ANSWER_STEPS,)
    return "".join(corruption.itos[id] for id in continued.tolist()).split(MASK_CHAR)[1]


def evaluate(
    model: GPT,
    corruption: CharCorruptionDataset,
    eval_corpus_path: str,
    outputs_path: str,
    change_question: Callable[[str], str] = lambda question: question,
) -> None:
    """Answer all questions of a file, write the predictions, one on a line, and print how many are right.

    Args:
        model: put in eval mode.
        corruption: the pretraining text, for its vocabulary.
        eval_corpus_path: UTF-8, one `question<tab>place` on a line, or questions alone.
        outputs_path: the predictions' file; replaced if it is there.
        change_question: what the model is asked in a question's place.
    """
    with open(eval_corpus_path, encoding="utf-8") as file:
        # of a line without a place the newline is part of the question
        questions = [line.split("\t")[0] for line in file if line.strip()]
    predictions = [predict(model, corruption, change_question(question)) for question in tqdm(questions)]
    with open(outputs_path, "w", encoding="utf-8", newline="\n") as file:
        # a line break inside a prediction would shift all that follow
        file.writelines(prediction.replace("\n", " ").replace("\r", " ") + "\n" for prediction in predictions)
    total, correct = evaluate_places(eval_corpus_path, predictions)
    if total:
        print(score_line(total, correct))
    else:
        print(f"Predictions written to {outputs_path}; no targets provided")


def score_line(total: float, correct: float) -> str:
    """Put a score in words."""
    return f"Correct: {correct} out of {total}: {100 * correct / total}%"


def tensorboard_writer(folder: str) -> Any:
    """Open a log for `tensorboard --logdir expt/`; None where tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(log_dir=folder)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; without a flag that the function needs, say so and exit."""
    parser = argparse.ArgumentParser(description="Pretrain, finetune or evaluate a model.")
    parser.add_argument("function", choices=list(NEEDED_FLAGS))
    parser.add_argument("variant", choices=["vanilla", "rope"])
    parser.add_argument("pretrain_corpus_path", help="the pretraining text, a document on each line")
    parser.add_argument("--reading_params_path", help="parameters to start from")
    parser.add_argument("--writing_params_path", help="where to save the trained parameters")
    parser.add_argument("--finetune_corpus_path", help="questions and places to train on")
    parser.add_argument("--eval_corpus_path", help="questions to answer, with places or without")
    parser.add_argument("--outputs_path", help="where to write the predictions")
    parser.add_argument("--pretrain_lr", type=float, default=6e-3, help="the highest learning rate of pretraining")
    parser.add_argument("--finetune_lr", type=float, default=6e-4, help="the highest learning rate of finetuning")
    parser.add_argument("--tb_expt_name", default="run", help="folder in expt/ of tensorboard's logs")
    args = parser.parse_args(arguments)
    missing = [f"--{flag}" for flag in NEEDED_FLAGS[args.function] if getattr(args, flag) is None]
    if missing:
        parser.error(f"{args.function} needs {', '.join(missing)}")
    return args


def main(
    arguments: Sequence[str] | None = None, change_question: Callable[[str], str] = lambda question: question
) -> None:
    """Run one of the three functions.

    Args:
        arguments: the command line; None takes the process's own.
        change_question: see `evaluate`.
    """
    args = parse(arguments)
    set_seed(0)
    text = Path(args.pretrain_corpus_path).read_text(encoding="utf-8")
    corruption = CharCorruptionDataset(text, BLOCK_SIZE)
    model = build_model(args.variant, corruption.vocab_size).to("cuda" if torch.cuda.is_available() else "cpu")
    if args.function == "evaluate":
        load_parameters(model, args.reading_params_path)
        evaluate(model, corruption, args.eval_corpus_path, args.outputs_path, change_question)
        return
    writer = tensorboard_writer(f"expt/{args.tb_expt_name}/{args.function}_{args.variant}")
    if args.function == "pretrain":
        pretrain(model, corruption, args.pretrain_lr, writer)
    else:
        names = NameDataset(corruption, Path(args.finetune_corpus_path).read_text(encoding="utf-8"))
        finetune(model, corruption, names, args.finetune_lr, args.reading_params_path, writer)
    torch.save(model.state_dict(), args.writing_params_path)
    if writer is not None:
        writer.close()


if __name__ == "__main__":
    main()
