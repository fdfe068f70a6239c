"""The same questions to an instruction-tuned language model of today: questions 4(b) and 4(c).

    python src/modern_llm.py b        the question alone; the whole reply is compared with the place
    python src/modern_llm.py c        with an instruction; the reply is parsed

Both ask each question in both wordings. The first run downloads the model.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from run import score_line
from sensitivity import rephrase
from tqdm import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer
from utils import evaluate_places

# the handout's three; meta-llama's asks for an account and a consent
MODELS = ("HuggingFaceTB/SmolLM2-1.7B-Instruct", "Qwen/Qwen3-1.7B", "meta-llama/Llama-3.2-1B-Instruct")
BATCH_SIZE = 32
REPLY_STEPS = 64


def load(name: str) -> tuple[Any, Any]:
    """Load an instruction-tuned model.

    Args:
        name: one of `MODELS`, or a folder with such a model.

    Returns:
        The model, in eval mode and on the GPU if there is one, and its tokenizer, which pads on the left: a reply
        must follow its prompt directly.
    """
    # [part 4b] AutoTokenizer and AutoModelForCausalLM have a method for this. Not every tokenizer comes with a
    # padding token; its end-of-sequence token will do.
    raise NotImplementedError("part 4b: load the model and its tokenizer in load")


@torch.no_grad()
def reply(model: Any, tokenizer: Any, prompts: Sequence[str]) -> list[str]:
    """Let the model reply to prompts of a user, greedily.

    Args:
        model, tokenizer: what `load` returns.
        prompts: what the user says, each in a conversation of its own.

    Returns:
        The replies, in the prompts' order: at most REPLY_STEPS new tokens, without the prompt and special tokens.
    """
    # [part 4b] Take BATCH_SIZE prompts at a time:
    # 1. tokenizer.apply_chat_template, with a generation prompt: a chat is [{"role": "user", "content": prompt}];
    # 2. model.generate without sampling; it needs the attention mask, because prompts differ in length;
    # 3. drop the prompt's tokens and decode the others without special tokens.
    raise NotImplementedError("part 4b: let the model reply in reply")


def instruct(question: str) -> str:
    """Add to a question how it is to be answered."""
    # [part 4c] Look at the replies of part 4b: what keeps them from being a place such as the data's?
    raise NotImplementedError("part 4c: add an instruction to the question in instruct")


def parse_place(text: str) -> str:
    """Find the place in a reply; an empty reply gives an empty place."""
    # [part 4c] Replies may still be a sentence, or name the country after the city.
    raise NotImplementedError("part 4c: find the place in parse_place")


def score(model: Any, tokenizer: Any, path: str, part: str, wording: Callable[[str], str]) -> str:
    """Ask all questions of a file and compare what comes back with the places: equal or not.

    Args:
        model, tokenizer: what `load` returns.
        path: UTF-8, one `question<tab>place` on a line.
        part: `b` asks the question alone and compares the whole reply, `c` adds the instruction and parses the reply.
        wording: what becomes of a question first.

    Returns:
        The score in words, and below it the first five replies.

    Raises:
        ValueError: the file has no places.
    """
    with open(path, encoding="utf-8") as file:
        questions = [wording(line.split("\t")[0]) for line in file if line.strip()]
    replies = reply(model, tokenizer, [instruct(question) for question in questions] if part == "c" else questions)
    places = [parse_place(text) for text in replies] if part == "c" else replies
    total, correct = evaluate_places(path, places)
    if not total:
        raise ValueError(f"{path} must have a place after each question")
    return "\n".join([score_line(total, correct), *(f"    {text!r}" for text in replies[:5])])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the scores of a part: with the data's wording of the questions, then with the other one."""
    parser = argparse.ArgumentParser(description="Ask an instruction-tuned language model.")
    parser.add_argument("part", choices=["b", "c"])
    parser.add_argument("--model", default=MODELS[0], help=f"one of {', '.join(MODELS)}, or a folder")
    parser.add_argument("--eval_corpus_path", default="birth_dev.tsv", help="questions and places")
    args = parser.parse_args(arguments)
    model, tokenizer = load(args.model)
    for name, wording in (("Where was ... born?", str), ("What is the birthplace of ...?", rephrase)):
        print(name)
        print(score(model, tokenizer, args.eval_corpus_path, args.part, wording))


if __name__ == "__main__":
    main()
