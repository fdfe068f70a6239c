"""The checks of weaker graders: they accept what is right, can fail, and accept much that is wrong."""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.peers.naive import NAIVE
from audit.peers.peer import DESCRIBED, PEER
from graders.check import Check
from graders.verdict import Outcome
from sandbox.launch import Zygote
from tests.matrix import HERE, TASKS, judging, wheats

# for each task a chaff that even a naive check rejects, and one that it accepts
NAIVE_REJECTS = {
    "attention": "no_scaling", "mask": "triu", "multi_head": "no_causal_mask", "layer_norm": "no_centring", "mlp": "relu",
    "block": "no_residuals", "gpt": "no_position_embedding", "loss": "shifts_again", "perplexity": "no_exp",
    "samplers": "ignores_tau", "generate": "new_tokens_only", "rope": "identity", "span_corruption": "no_shift",
    "tokenizer": "joins_without_spaces", "patch_embedding": "reshape_without_permute",
}  # fmt: skip
NAIVE_ACCEPTS = {
    "attention": "ignores_mask", "mask": "pad_id_always_0", "multi_head": "split_without_transpose",
    "layer_norm": "no_gain", "mlp": "gelu_by_tanh", "block": "norm1_twice", "gpt": "tied_by_copy",
    "loss": "mask_inverted", "perplexity": "mean_of_batch_losses", "samplers": "drops_the_boundary_token",
    "generate": "crops_to_the_beginning", "rope": "ignores_positions", "span_corruption": "reverses_the_content",
    "tokenizer": "rarest_first", "patch_embedding": "reversed_channels",
}  # fmt: skip
PEER_REJECTS = {
    "attention": "ignores_mask", "multi_head": "no_causal_mask", "layer_norm": "no_centring", "mlp": "relu",
    "block": "not_causal", "gpt": "only_the_last_position", "loss": "shifts_again", "samplers": "keeps_the_smallest",
    "rope": "scales_by_cos", "patch_embedding": "patches_last",
}  # fmt: skip
PEER_ACCEPTS = {
    "attention": "no_scaling", "multi_head": "swaps_query_and_key", "layer_norm": "no_eps",
    "mlp": "activation_before_the_first_layer", "block": "no_residuals", "gpt": "no_position_embedding",
    "loss": "mask_inverted", "samplers": "drops_the_boundary_token", "rope": "identity",
    "patch_embedding": "reshape_without_permute",
}  # fmt: skip

_SAMPLER = """
    import torch

    def temperature(logits, tau):
        return logits / tau

    def top_k(logits, k):
        return logits.masked_fill(logits < logits.topk(min(k, logits.shape[-1])).values[..., -1:], float("-inf"))

    def top_p(logits, p):
        return logits

    def sample(logits, tau=1.0, k=None, p=None, generator=None):
        logits = temperature(logits, tau)
        if k is not None:
            logits = top_k(logits, k)
        return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
"""
_PATCHES = """
    from torch import nn

    class PatchEmbedding(nn.Module):
        def __init__(self, image_size, patch_size, n_channels, d_model):
            super().__init__()
            self.n_patches = (image_size // patch_size) ** 2
            self.width = n_channels * patch_size**2
            self.proj = nn.Linear(self.width, d_model)

        def forward(self, x):
            return self.proj(PATCHES)
"""
_ROTATION = """
    import torch

    def rope_cache(dim, n_positions, base=10000.0):
        return torch.zeros(n_positions, dim // 2, 2)

    def apply_rope(x, cache, positions=None):
        return ROTATED
"""
_ATTENTION = """
    import torch

    def attention(query, key, value, mask=None):
        causal = torch.ones(query.shape[-2], key.shape[-2]).tril()
        weights = WEIGHTS
        return weights @ value, weights
"""
# the wrong answers of which it is known that the public judge accepts them
KNOWN = {
    "RoPE is the identity": ("rope", _ROTATION.replace("ROTATED", "x * 1")),
    "RoPE reverses the channels": ("rope", _ROTATION.replace("ROTATED", "x.flip(-1)")),
    "patches by a bare reshape": (
        "patch_embedding",
        _PATCHES.replace("PATCHES", "x.reshape(len(x), self.n_patches, self.width)"),
    ),
    "mean colour": (
        "patch_embedding",
        _PATCHES.replace("PATCHES", "x.mean((1, 2, 3))[:, None, None].expand(-1, self.n_patches, self.width)"),
    ),
    "p is ignored": ("samplers", _SAMPLER),
    "no scaling": (
        "attention",
        _ATTENTION.replace("WEIGHTS", "(query @ key.mT).masked_fill(causal == 0, -torch.inf).softmax(-1)"),
    ),
    "running mean": ("attention", _ATTENTION.replace("WEIGHTS", "causal / causal.sum(-1, keepdim=True)")),
    "the values themselves": ("attention", _ATTENTION.replace("WEIGHTS", "torch.eye(query.shape[-2])")),
}


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One zygote for all of them."""
    with Zygote() as zygote:
        yield zygote


@pytest.fixture(scope="module")
def outcome(zygote: Zygote) -> Callable[[Check, Path], Outcome]:
    """Run a check on a file of its task; the grader itself must not stumble."""

    def run(check: Check, path: Path) -> Outcome:
        with judging(path, zygote) as judge:
            verdict = check.run(judge.student, judge.seed_of(check))
        assert verdict.staff == "", verdict.staff
        return verdict.outcome

    return run


def chaff(task: str, name: str) -> Path:
    """The file of a chaff."""
    return HERE / "chaffs" / task / f"{name}.py"


def test_every_task_has_a_naive_check() -> None:
    """The table in the documentation has no gaps, and says of no task that the judge is known for it where it is not."""
    assert set(NAIVE) == set(TASKS)
    assert DESCRIBED < set(PEER) < set(TASKS)
    assert all(task == check.task for table in (NAIVE, PEER) for task, check in table.items())


@pytest.mark.parametrize("task", TASKS)
def test_wheats_pass(task: str, outcome: Callable[[Check, Path], Outcome]) -> None:
    """What a check of others accepts can be counted only if it accepts right solutions: the comparison is fair."""
    refused = [
        (check.id, path.name)
        for path in wheats()
        for check in (NAIVE[task], PEER.get(task))
        if path.parent.name == task and check is not None and outcome(check, path) is not Outcome.PASSED
    ]
    assert refused == []


@pytest.mark.parametrize("task", NAIVE)
def test_naive_checks_can_fail_and_miss(task: str, outcome: Callable[[Check, Path], Outcome]) -> None:
    """A naive check is no straw man, which would accept anything, and is as weak as its kind."""
    assert outcome(NAIVE[task], chaff(task, NAIVE_REJECTS[task])) is Outcome.FAILED
    assert outcome(NAIVE[task], chaff(task, NAIVE_ACCEPTS[task])) is Outcome.PASSED


@pytest.mark.parametrize("task", PEER)
def test_peer_checks_can_fail_and_miss(task: str, outcome: Callable[[Check, Path], Outcome]) -> None:
    """A re-stated assertion is no straw man either."""
    assert outcome(PEER[task], chaff(task, PEER_REJECTS[task])) is Outcome.FAILED
    assert outcome(PEER[task], chaff(task, PEER_ACCEPTS[task])) is Outcome.PASSED


@pytest.mark.parametrize("answer", KNOWN)
def test_peer_checks_accept_what_the_judge_is_known_to_accept(
    answer: str, outcome: Callable[[Check, Path], Outcome], tmp_path: Path
) -> None:
    """The re-statement is not stricter than what it re-states, on the eight wrong answers that are known."""
    task, text = KNOWN[answer]
    path = tmp_path / task / "answer.py"
    path.parent.mkdir()
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    assert outcome(PEER[task], path) is Outcome.PASSED
