"""Checks of task training: a student's own model and loss learn, and learn nothing that they cannot know.

Adam takes the steps, in the worker; the judge computes every loss itself, from the logits that come back.
"""

import math
from random import Random

import torch
from torch import Tensor

from .check import check, derive
from .compare import assert_true
from .tasks import GptSizes
from .training import MAX_NAMES, Learners, TrainingRun, cross_entropy

# handouts fix neither initialisation nor widths: the limits below are wide (docs/training-checks.md has the figures)
SIZES = GptSizes(vocab_size=19, block_size=8, n_layers=2, n_heads=2, d_model=32, d_hidden=128)
FIRST_ID = 3  # the ids below are padding and other special tokens in some homeworks
N_IDS = SIZES.vocab_size - FIRST_ID
LN_IDS = math.log(N_IDS)
LR = 3e-3


def _random(n: int, seed: int, *, distinct: bool = False) -> Tensor:
    """n sequences (n, block_size) of ids, each equally likely; if wanted, no two begin with the same."""
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(FIRST_ID, SIZES.vocab_size, (n, SIZES.block_size), generator=rng)
    if distinct:
        ids[:, 0] = FIRST_ID + torch.randperm(N_IDS, generator=rng)[:n]
    return ids


def _overfitted(training: Learners, seed: int, steps: int) -> tuple[Tensor, TrainingRun]:
    """Ten examples, and a model that has been trained on nothing else."""
    examples = _random(10, derive(seed, "examples"), distinct=True)
    return examples, training.train(SIZES, examples[None], steps, [examples], seed=derive(seed, "weights"), lr=LR)


@check(task="training", group="interface")
def test_can_be_trained(training: Learners, rng: Random) -> None:
    """A small model can be made, gives a loss for a batch, and takes a step along its gradient."""
    _overfitted(training, rng.getrandbits(62), 1)


@check(task="training", group="shape")
def test_gives_finite_logits(training: Learners, rng: Random) -> None:
    """The logits of a new model, and of one that has taken five steps, are finite numbers."""
    _, run = _overfitted(training, rng.getrandbits(62), 5)
    for logits, when in ((run.before, "before"), (run.after[0], "after")):
        assert_true(bool(logits.isfinite().all()), f"The logits {when} five steps of training hold NaN or infinity.")


@check(task="training", group="agreement")
def test_overfits_ten_examples(training: Learners, rng: Random) -> None:
    """Model and loss learn ten short examples by heart within 150 steps of Adam.

    Our solutions reach less than 0.05 nats; the limit is 1, for initial weights that learn slowly. Where it began is not
    asked.
    """
    examples, run = _overfitted(training, rng.getrandbits(62), 150)
    start, end = cross_entropy(run.before, examples), cross_entropy(run.after[0], examples)
    assert_true(
        end < 1.0,
        f"Ten examples of {SIZES.block_size} tokens, no two of which begin alike, should be learnt by heart: after 150 "
        f"steps of Adam (learning rate {LR:g}) the loss should be below 1, it went from {start:.2f} to {end:.2f}. "
        "Look at what the loss compares, at the gradients, and at what keeps tokens apart.",
    )


@check(task="training", group="property")
def test_every_parameter_learns(training: Learners, rng: Random) -> None:
    """In the first ten steps of training a gradient reaches every weight matrix and embedding.

    Vectors are not looked at: the keys' bias cancels in the softmax, and gains that a template gives may lie idle beside an
    nn.LayerNorm.
    """
    _, run = _overfitted(training, rng.getrandbits(62), 10)
    none = list(run.none)
    zero = list(run.zero)
    assert_true(
        not none,
        f"No gradient reaches {_listed(none)}: it is not used for the logits, or something on the way is detached.",
    )
    assert_true(
        not zero,
        f"The gradients of {_listed(zero)} are 0 in each of ten steps: what they are used for changes nothing.",
    )


@check(task="training", group="property")
def test_first_loss_is_near_ln_v(training: Learners, rng: Random) -> None:
    """A new model knows nothing: its loss on random ids is about ln V, the loss of guessing, or somewhat above.

    Lower than that by 0.3 is impossible for a model that does not see the answers, but for chance (see the next check);
    above, all depends on the initial weights, and the limit is far: 12 ln V, what PyTorch's own initial values reach in a
    model whose head is its embedding is 8 ln V.
    """
    ids = _random(40, derive(rng.getrandbits(62), "new"))
    run = training.train(SIZES, ids[None], 1, [ids], seed=rng.getrandbits(62), lr=LR)
    loss = cross_entropy(run.before, ids)
    told = f"The loss of a new model on random ids is {loss:.2f}"
    assert_true(loss > LN_IDS - 0.3, f"{told}, below ln {N_IDS} = {LN_IDS:.2f}, that of guessing: it sees the answers.")
    assert_true(
        loss < 12 * LN_IDS,
        f"{told}; that of guessing is ln {N_IDS} = {LN_IDS:.2f}. Look at the size of the initial weights, and at a "
        "missing scaling.",
    )


@check(task="training", group="property")
def test_cannot_learn_what_is_random(training: Learners, rng: Random) -> None:
    """Trained on random ids, fresh ones in each step, the model does not learn to predict the next: it must not see it.

    Null hypothesis: the logits at a position do not depend on the ids behind it. Then the expected product of the ratios
    N · p(next id), over n positions, is 1, and by Markov's inequality the mean loss lies below ln N − 0.3 with probability
    below exp(−0.3 n), for n = 280 less than 1e-36, whatever the model is.
    """
    seed = rng.getrandbits(62)
    steps, new = 60, _random(40, derive(seed, "new"))
    batches = _random(20 * steps, derive(seed, "batches")).view(steps, 20, -1)
    changed = new.clone()
    cut = SIZES.block_size // 2
    changed[:, cut:] = _random(40, derive(seed, "changed"))[:, cut:]
    run = training.train(SIZES, batches, steps, [new, changed], seed=derive(seed, "weights"), lr=LR)
    loss = cross_entropy(run.after[0], new)
    assert_true(
        loss > LN_IDS - 0.3,
        f"After {steps} steps on random ids the loss on new random ids is {loss:.2f}. Without a look at the next id it "
        f"cannot be below ln {N_IDS} = {LN_IDS:.2f}: the model sees what it is to predict. Look at the causal mask.",
    )
    moved = float((run.after[0] - run.after[1])[:, :cut].abs().max())
    assert_true(
        moved < 1e-3,
        f"After training, the logits of the first {cut} tokens change by {moved:.2g} when only later tokens do. Look at the "
        "causal mask.",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMES]) + (f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else "")
