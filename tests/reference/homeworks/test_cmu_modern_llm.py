"""modern_llm.py of cmu_birthplaces, with the real loading code, on a tiny random model that is made on the spot."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.reference.homeworks.cmu_modules import cmu

llm = cmu.modern_llm
# as instruction-tuned models have: who speaks, then the text, then the turn of the model
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|end|>", "<|user|>", "<|assistant|>"]
DEV = "Where was Ada Lovelace born?\tLondon\nWhere was Bo born?\tOslo\nWhere was Cy of Somewhere Far Away born?\tRome\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of one layer whose tokens are bytes; its tokenizer has no padding token."""
    place = tmp_path_factory.mktemp("llm")
    vocabulary = {token: i for i, token in enumerate([*sorted(pre_tokenizers.ByteLevel.alphabet()), *SPECIAL])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", additional_special_tokens=SPECIAL[1:], chat_template=TEMPLATE
    )
    fast.save_pretrained(place)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
        eos_token_id=vocabulary["<|end|>"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        LlamaForCausalLM(config).save_pretrained(place)
    return place


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked for on the hub."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_it_loads_what_it_can_pad(folder: Path) -> None:
    """Protects batches: the tokenizer pads on the left, with its end token where it has no other; dropout sleeps."""
    model, tokenizer = llm.load(str(folder))
    assert (tokenizer.padding_side, tokenizer.pad_token) == ("left", "<|end|>")
    assert not model.training


def test_replies_do_not_depend_on_the_batch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from padding that is attended to: together or alone, a prompt gets the same reply, without the prompt."""
    model, tokenizer = llm.load(str(folder))
    prompts = [line.split("\t")[0] for line in DEV.splitlines()]
    monkeypatch.setattr(llm, "REPLY_STEPS", 12)
    together = llm.reply(model, tokenizer, prompts)
    assert together == [llm.reply(model, tokenizer, [prompt])[0] for prompt in prompts]
    monkeypatch.setattr(llm, "BATCH_SIZE", 2)
    assert llm.reply(model, tokenizer, prompts) == together
    assert not any(prompt in text or "<|" in text for prompt, text in zip(prompts, together, strict=True))


def test_replies_are_greedy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects what is reported: each new token is the likeliest after the chat template's text."""
    model, tokenizer = llm.load(str(folder))
    monkeypatch.setattr(llm, "REPLY_STEPS", 6)
    [text] = llm.reply(model, tokenizer, ["Where?"])
    ids = tokenizer("<|user|>Where?<|end|><|assistant|>", add_special_tokens=False, return_tensors="pt")["input_ids"]
    start = ids.shape[1]
    with torch.no_grad():
        for _ in range(6):
            token = model(ids).logits[:, -1].argmax(-1, keepdim=True)
            if token.item() == tokenizer.eos_token_id:
                break
            ids = torch.cat((ids, token), dim=1)
    assert text == tokenizer.decode(ids[0, start:], skip_special_tokens=True)


@pytest.mark.parametrize("part", ["b", "c"])
def test_the_command_runs(
    part: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects questions 4(b) and 4(c): both wordings are asked and scored; a random model knows nothing."""
    (tmp_path / "birth_dev.tsv").write_text(DEV, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(llm, "REPLY_STEPS", 4)
    asked: list[str] = []
    reply = llm.reply

    def noted(model: Any, tokenizer: Any, prompts: list[str]) -> Any:
        asked.extend(prompts)
        return reply(model, tokenizer, prompts)

    monkeypatch.setattr(llm, "reply", noted)
    llm.main([part, "--model", str(folder)])
    printed = capsys.readouterr().out
    assert printed.count("Correct: 0.0 out of 3.0: 0.0%") == 2
    assert printed.splitlines()[0] == "Where was ... born?"
    extra = "" if part == "b" else llm.instruct("")
    assert asked[0] == f"Where was Ada Lovelace born?{extra}"
    assert asked[4] == f"What is the birthplace of Bo?{extra}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("London", "London"),
        ("Ada Lovelace was born in London, England.", "London"),
        ("**Paris**.\nIt is the capital.", "Paris"),
        ("She was born at Oslo (Norway)", "Oslo"),
        ("", ""),
    ],
)
def test_places_in_replies(text: str, place: str) -> None:
    """Protects 4(c): the place is found in a sentence, in mark-up, and with its country."""
    assert llm.parse_place(text) == place


def test_a_file_without_places(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever takes the test file: nothing can be scored, and the message says why."""
    path = tmp_path / "inputs.tsv"
    path.write_text("Where was Bo born?\n", encoding="utf-8")
    monkeypatch.setattr(llm, "REPLY_STEPS", 2)
    with pytest.raises(ValueError, match="must have a place after each question"):
        llm.score(*llm.load(str(folder)), str(path), "b", str)
