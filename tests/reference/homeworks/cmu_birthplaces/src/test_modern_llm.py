"""The language model of question 4(b, c), on a tiny random one with a tokenizer and a chat template of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.reference.homeworks.cmu_modules import cmu

llm = cmu.modern_llm
SPECIAL = ["<user>", "<end>", "<reply>"]
TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<reply>{% endif %}"
)
QUESTIONS = ["Where was Ada Lovelace-Byron born?", "Where was Bob born?", "Where was Cleo Diaz born?"]
STEPS = 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two small layers, saved as the real ones are: a token is a printable ASCII character."""
    path = tmp_path_factory.mktemp("tiny_llm")
    characters = [chr(code) for code in range(33, 127)] + ["Ġ"]  # the byte-level alphabet's space
    vocabulary = {token: id for id, token in enumerate([*SPECIAL, *characters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    # no padding token, as with Llama
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", chat_template=TEMPLATE)
    wrapped.save_pretrained(path)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.4,
        bos_token_id=None,
        eos_token_id=vocabulary["<end>"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(path)
    return path


@pytest.fixture(autouse=True)
def _small_and_offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(llm, "BATCH_SIZE", 2)
    monkeypatch.setattr(llm, "REPLY_STEPS", STEPS)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


@torch.no_grad()
def greedy(folder: Path, prompt: str) -> str:
    """The reply to one prompt, token by token, with the chat template written out."""
    model = LlamaForCausalLM.from_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    ids = torch.tensor([tokenizer.encode(f"<user>{prompt}<end><reply>", add_special_tokens=False)])  # (1, T)
    new: list[int] = []
    while len(new) < STEPS and tokenizer.eos_token_id not in new:
        new.append(int(model(ids).logits[0, -1].argmax()))
        ids = torch.cat((ids, torch.tensor([new[-1:]])), dim=1)  # one token longer
    text: Any = tokenizer.decode([id for id in new if id >= len(SPECIAL)])
    return str(text)


def test_it_loads_what_it_can_pad(folder: Path) -> None:
    """Protects batches: the tokenizer pads on the left, with its end token where it has no other; dropout sleeps."""
    model, tokenizer = llm.load(str(folder))
    assert (tokenizer.padding_side, tokenizer.pad_token) == ("left", "<end>")
    assert not model.training


def test_replies_equal_those_of_single_prompts(folder: Path) -> None:
    """Protects `reply`: chat template once, no padding seen, no prompt in the reply, greedy, in order, all batches."""
    model, tokenizer = llm.load(str(folder))
    replies = llm.reply(model, tokenizer, QUESTIONS)
    assert replies == [greedy(folder, question) for question in QUESTIONS]
    assert len(set(replies)) == 3
    assert not model.training


@pytest.mark.parametrize("part", ["b", "c"])
def test_command_scores_both_wordings(
    part: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects both parts: what is asked, exact comparison in b, instruction and parsing in c, the printed scores."""
    wordings = [QUESTIONS, [cmu.sensitivity.rephrase(question) for question in QUESTIONS]]
    if part == "c":
        wordings = [[llm.instruct(question) for question in questions] for questions in wordings]
    replies = [[greedy(folder, prompt) for prompt in prompts] for prompts in wordings]
    change = llm.parse_place if part == "c" else str
    # the first place is the first wording's reply, the second one the second wording's, the third one neither's
    places = [change(replies[0][0]), change(replies[1][1]), "Nowhere"]
    lines = [f"{question}\t{place}\n" for question, place in zip(QUESTIONS, places, strict=True)]
    (tmp_path / "birth_dev.tsv").write_text("".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    llm.main([part, "--model", str(folder)])
    expected = []
    for name, texts in zip(("Where was ... born?", "What is the birthplace of ...?"), replies, strict=True):
        correct = sum(change(text) == place for text, place in zip(texts, places, strict=True))
        assert correct >= 1
        expected += [name, f"Correct: {float(correct)} out of 3.0: {100 * correct / 3}%"]
        expected += [f"    {text!r}" for text in texts]
    assert capsys.readouterr().out.splitlines() == expected


def test_questions_without_places_are_refused(folder: Path, tmp_path: Path) -> None:
    """Protects the message for the test set, whose places are not public."""
    path = tmp_path / "birth_test_inputs.tsv"
    path.write_text("Where was Bob born?\n", encoding="utf-8")
    with pytest.raises(ValueError, match="must have a place after each question"):
        llm.score(*llm.load(str(folder)), str(path), "b", str)


def test_the_instruction_is_added_to_the_question() -> None:
    """Protects 4(c): the question stays, and something follows it."""
    assert llm.instruct("Where was Ada born?").startswith("Where was Ada born? ")


@pytest.mark.parametrize(
    "text, place",
    [
        ("London", "London"),
        (" London.\n", "London"),
        ("Atlanta, Georgia", "Atlanta"),
        ("Ada Lovelace was born in London, England.", "London"),
        ("She was born at Oslo (Norway)", "Oslo"),
        ("**Paris**.\nIt is the capital.", "Paris"),
        ("He was born at Rome (Italy).\nHe grew up there.", "Rome"),
        ("**St. Louis**\n\nIt is a city.", "St. Louis"),
        ('"New York City"', "New York City"),
        ("", ""),
        ("\n \n", ""),
    ],
)
def test_parse_place(text: str, place: str) -> None:
    """Protects 4(c): a place is found in the usual forms of a reply."""
    assert llm.parse_place(text) == place


def test_models_are_the_handouts() -> None:
    """Protects the choice of instruction-tuned models that the handout gives, and a default that needs no account."""
    assert set(llm.MODELS) == {
        "Qwen/Qwen3-1.7B",
        "meta-llama/Llama-3.2-1B-Instruct",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
    }
    assert not llm.MODELS[0].startswith("meta-llama")
