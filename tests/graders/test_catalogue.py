"""All checks, read off the graders' test files: what each one must have, and in which order they run."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import graders
from graders.catalogue import all_checks, checks_of
from graders.check import Check, Group
from graders.homework import available, load

# with which a sentence may begin: they are code, and written as the student must write them
NAMES = {"x", "y", "generate", "temperature", "top_k", "top_p", "sample", "vocab", "max_vocab", "decode"}

# by file name, as the checks are found. Items list the checks of `rules`, about files, of `commands`, about programs, of
# `trained`, about files that code has made, and of `timing`, about other tasks, one by one
TASKS = [
    *("attention", "block", "commands", "decoder", "dialogue_tokenizer", "generate", "gpt", "layer_norm", "loss"),
    *("mask", "mlp"),
    *("multi_head", "multi_head_decoder", "nucleus_sampling", "patch_embedding", "perplexity", "rope", "rules"),
    *("samplers", "span_corruption", "stack", "temperature_sampling", "trained", "timing", "tokenizer", "training"),
]
FILES = [f"test_{'thresholds' if task == 'trained' else task}" for task in TASKS]


def test_every_check_is_found_once() -> None:
    """Protects from a check that is written and never run: ids are unique, the files are those that lie there."""
    ids = [check.id for check in all_checks()]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    files = sorted(path.stem for path in Path(graders.__file__).parent.glob("test_*.py"))
    assert files == FILES
    assert list(dict.fromkeys(check.task for check in all_checks())) == TASKS


def test_every_function_named_test_is_a_check() -> None:
    """Protects from a forgotten decorator: each `def test_` of the graders is in the catalogue."""
    written = [
        f"{TASKS[FILES.index(path.stem)]}.{line.removeprefix('def test_').partition('(')[0]}"
        for path in sorted(Path(graders.__file__).parent.glob("test_*.py"))
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("def test_")
    ]
    assert written == [check.id for check in all_checks()]


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.id)
def test_a_check_is_readable(check: Check) -> None:
    """Protects the student: each check is one line that starts like a sentence and ends like one, without markup."""
    sentence = check.sentence
    assert sentence.endswith(".")
    assert 20 < len(sentence) < 200
    assert set() == set(re.sub("<(pad|unk|bos|eos)>", "", sentence)) & set("\n`*<>")
    assert sentence[0].isupper() or sentence.startswith("<bos>") or re.split(r"\W", sentence)[0] in NAMES
    assert 0 < check.weight <= 10


@pytest.mark.parametrize("slug", available())
def test_each_task_has_its_gates_and_agreement(slug: str) -> None:
    """Protects gating and scoring: in each homework a task has an interface check, one of shapes, and agreement."""
    homework = load(slug)
    for task in (task for item in homework.config.auto_items for task in item.tasks):
        count = Counter(check.group for check in checks_of(homework) if check.task == task)
        assert (count[Group.INTERFACE], count[Group.SHAPE]) == (1, 1), task
        assert count[Group.AGREEMENT] >= 1, task


@pytest.mark.parametrize("slug", available())
def test_order_is_item_task_group_definition(slug: str) -> None:
    """Protects the order in which feedback leads: the handout's, gates first, then as the checks are written."""
    homework = load(slug)
    tasks = [task for item in homework.config.auto_items for task in item.tasks]
    found = [check for check in checks_of(homework) if check.task in tasks]
    place = {check.id: i for i, check in enumerate(all_checks())}
    keys = [(tasks.index(check.task), check.group.order, place[check.id]) for check in found]
    assert sorted(keys) == keys
    assert set(tasks) == {check.task for check in found}


def test_a_check_whose_capability_is_lacking_is_absent() -> None:
    """Protects from `not judged` for what a homework never asked: cmu has no mask argument, core no RoPE inside."""
    core, cmu = ({check.id for check in checks_of(load(slug).without_timing())} for slug in ("core", "cmu_birthplaces"))
    of_core_alone = {
        "multi_head.explicit_mask",
        "multi_head.residual_dropout",
        "rope.explicit_positions",
        "rope.base_is_used",
        "rope.any_leading_axes",
        "span_corruption.uses_the_encoder",
    }
    assert of_core_alone <= core - cmu
    of_cmu_alone = {name for name in cmu - core if not name.startswith("commands.")}
    assert {"rope.agrees_inside_attention", "rules.files_are_there", "rules.nothing_else_is_there"} == of_cmu_alone


def test_a_homework_with_all_capabilities_has_all_checks() -> None:
    """Protects from a check that no homework can have: each is offered by one that ships, or can be listed by one."""
    offered = {check.id for slug in available() for check in checks_of(load(slug))}
    offered |= {rule for slug in available() for item in load(slug).config.items for rule in item.rules}  # with data
    assert {check.id for check in all_checks() if check.task != "timing"} <= offered
    tasks = load("core").binding
    listed = {check.name for check in all_checks() if check.task == "timing"}
    assert {name for name in listed if not any(name.startswith(f"{task}_") for task in tasks)} == set()


def test_capabilities_are_known() -> None:
    """Protects from a misspelt capability, which would make a check vanish without a word."""
    required = {(check.task, name) for check in all_checks() for name in check.requires}
    offered = {(task, name) for slug in available() for task, offer in load(slug).binding.items()
               for name in offer.capabilities}  # fmt: skip
    assert required <= offered


def test_an_item_without_a_task_has_no_checks() -> None:
    """Protects manual items: only what is graded here is judged."""
    homework = load("core")
    items: tuple[Any, ...] = tuple(item for item in homework.config.items if "mask" in item.tasks)
    smaller = homework.model_copy(update={"config": homework.config.model_copy(update={"items": items})})
    assert {"mask"} == {check.task for check in checks_of(smaller)}


def test_checks_compare_by_what_they_are() -> None:
    """Protects sets and dictionaries of checks: the function does not count, the weight does."""
    one = all_checks()[0]
    assert one == replace(one, function=lambda: None)
    assert one != replace(one, weight=7.0)
