"""Checks of trained models: predictions, the accuracy that they reach, and whether the code and the parameters made them.

They need the staff's data (`trained_data.py`), and say only what the homework's table `[trained]` holds. That a file and a
model do not fit together is put as a question: there are honest reasons, such as parameters of another run.
"""

import random
from collections.abc import Sequence

from sandbox.weights import Weights

from .check import check
from .compare import assert_true
from .proportions import Z_999, differ, in_words, wilson
from .trained import HONEST, PARTS, Again, Trained, figures, try_to_look
from .trained_classifier import accuracy_of, perplexity_of
from .trained_files import Predictions, read_accuracy, right_lines
from .trained_table import ModelTable, credit
from .verdict import CannotJudge, CheckFailed, Reason

CONFIRMING = {"dev": 60, "test": 180}  # questions by which an accuracy is confirmed, if there are enough
OF_RIGHT = 5 / 6  # of those of dev, how many have a right answer in the file: they are what it claims

# ------------------------------------------------------------------------------------------ without pretraining


@check(task="trained", group="invariance")
def test_no_pretraining_predictions(trained: Trained, rng: random.Random) -> None:
    """Without pretraining: both files of predictions are there, with one answer on a line for each question."""
    _files_are_sound(trained, "no_pretraining")


@check(task="trained", group="invariance")
def test_no_pretraining_parameters(trained: Trained, rng: random.Random) -> None:
    """Without pretraining: the parameters can be opened, fit your code, and are those of a model that was trained."""
    _parameters_are_sound(trained, "no_pretraining")


@check(task="trained", group="agreement", weight=2.0)
def test_no_pretraining_claims(trained: Trained, rng: random.Random) -> None:
    """Without pretraining: your code, with your parameters, answers as the files of predictions do."""
    _claims_hold(trained, "no_pretraining", rng)


@check(task="trained", group="property")
def test_no_pretraining_is_below(trained: Trained, rng: random.Random) -> None:
    """Without pretraining the accuracy on the dev questions is low, as the handout says."""
    model = trained.model("no_pretraining")
    found = _fitting(trained, model, "dev")
    below = model.below if model.below is not None else 1.0
    n_right, n = _counted(found, trained.birth_places.dev_places)
    assert_true(
        n_right / n <= below,
        f"{found.name}: {in_words(n_right, n)} are right. A model that was not pretrained stays below "
        f"{_percent(below)}. Are these predictions of another model?",
    )
    trained.notes.append(f"{found.name}: {in_words(n_right, n)} are right.")


@check(task="trained", group="property")
def test_london_baseline(trained: Trained, rng: random.Random) -> None:
    """The file with the baseline's accuracy says how many percent of the dev questions one answer to all gets right."""
    name, answer = trained.places_table.baseline
    number, decimals, remarks = read_accuracy(name, trained.bytes_of(name))
    places = trained.birth_places.dev_places
    share = places.count(answer) / len(places)
    trained.notes += remarks
    if abs(number - 100 * share) <= 0.5 * 10**-decimals + 1e-9:
        return
    if abs(number - share) <= 0.5 * 10**-decimals + 1e-9:
        raise CheckFailed(f"{name} says {number:g}, which is the share; expected percent, from 0 to 100: times 100.")
    raise CheckFailed(
        f"{name} says {number:g} %. Count again how many of the {len(places)} lines of the dev file have {answer} as their "
        "place, and divide by the number of lines."
    )


# ------------------------------------------------------------------------------------------ with pretraining


@check(task="trained", group="invariance")
def test_pretraining_predictions(trained: Trained, rng: random.Random) -> None:
    """With pretraining: both files of predictions are there, with one answer on a line for each question."""
    _files_are_sound(trained, "pretraining")


@check(task="trained", group="invariance")
def test_pretraining_parameters(trained: Trained, rng: random.Random) -> None:
    """With pretraining: the parameters can be opened, fit your code, and are those of a model that was trained."""
    _parameters_are_sound(trained, "pretraining")


@check(task="trained", group="agreement", weight=2.0)
def test_pretraining_claims(trained: Trained, rng: random.Random) -> None:
    """With pretraining: your code, with your parameters, answers as the files of predictions do."""
    _claims_hold(trained, "pretraining", rng)


@check(task="trained", group="agreement", weight=8.0)
def test_pretraining_accuracy_dev(trained: Trained, rng: random.Random) -> None:
    """With pretraining: the accuracy on the dev questions is what the handout asks for."""
    _accuracy_is_reached(trained, "pretraining", "dev", rng)


@check(task="trained", group="property")
def test_pretraining_accuracy_test(trained: Trained, rng: random.Random) -> None:
    """With pretraining: the accuracy on the test questions is similar to that on the dev questions."""
    _accuracy_may_be_reached(trained, "pretraining", "test")


# ------------------------------------------------------------------------------------------ RoPE


@check(task="trained", group="invariance")
def test_rope_predictions(trained: Trained, rng: random.Random) -> None:
    """With RoPE: both files of predictions are there, with one answer on a line for each question."""
    _files_are_sound(trained, "rope")


@check(task="trained", group="invariance")
def test_rope_parameters(trained: Trained, rng: random.Random) -> None:
    """With RoPE: the parameters can be opened, fit your code, and are those of a model that was trained."""
    _parameters_are_sound(trained, "rope")


@check(task="trained", group="agreement", weight=2.0)
def test_rope_claims(trained: Trained, rng: random.Random) -> None:
    """With RoPE: your code, with your parameters, answers as the files of predictions do."""
    _claims_hold(trained, "rope", rng)


@check(task="trained", group="agreement", weight=8.0)
def test_rope_accuracy_test(trained: Trained, rng: random.Random) -> None:
    """With RoPE: the accuracy on the test questions is what the handout asks for."""
    _accuracy_is_reached(trained, "rope", "test", rng)


@check(task="trained", group="property")
def test_rope_accuracy_dev(trained: Trained, rng: random.Random) -> None:
    """With RoPE: the accuracy on the dev questions is one that right solutions reach."""
    _accuracy_may_be_reached(trained, "rope", "dev")


# ------------------------------------------------------------------------------------------ other models


@check(task="trained", group="agreement")
def test_image_accuracy(trained: Trained, rng: random.Random) -> None:
    """Your model, with your parameters, classifies as many images as the handout asks for."""
    table = trained.table.images
    assert table is not None
    n_right, n = accuracy_of(trained, table, rng)
    earned = credit(n_right / n, table.threshold, table.partial)
    text = f"{table.parameters}: {in_words(n_right, n)} of the drawn images are classified rightly"
    if earned < 1:
        raise CheckFailed(f"{text}; {_percent(table.threshold)} is asked for.", credit=earned)
    trained.notes.append(f"{text}.")


@check(task="trained", group="agreement")
def test_perplexity(trained: Trained, rng: random.Random) -> None:
    """Your language model, with your parameters, has the perplexity that is asked for on a text that it has not seen."""
    table = trained.table.text
    assert table is not None
    found = perplexity_of(trained, table, rng)
    text = f"{table.parameters}: the perplexity is {found:.2f}"
    assert_true(found <= table.at_most, f"{text}; at most {table.at_most:g} is asked for.")
    trained.notes.append(f"{text}.")


# ------------------------------------------------------------------------------------------ what they share


def _files_are_sound(trained: Trained, name: str) -> None:
    """Both files have the form that they should have; all faults are told at once."""
    faults = []
    for part in PARTS:
        try:
            found = trained.predictions(trained.model(name), part)
        except CheckFailed as error:
            faults.append(str(error))
            continue
        faults += found.faults
        trained.notes += found.remarks
    assert_true(not faults, "\n".join(faults))


def _parameters_are_sound(trained: Trained, name: str) -> None:
    """What can be seen of the parameters themselves. Everything is looked at before student code runs."""
    model = trained.model(name)
    found = trained.look_at(model.parameters)
    others = {
        other.parameters: looked
        for other in trained.places_table.models.values()
        if other.parameters != model.parameters and (looked := try_to_look(trained, other.parameters)) is not None
    }
    for other_name, other in others.items():
        shared = [key for key in _learnt(found) if key in other.digests]
        equal = [key for key in shared if found.digests[key] == other.digests[key]]
        assert_true(
            not shared or 2 * len(equal) < len(shared),
            f"{model.parameters} and {other_name} hold the same numbers. Which model are they of? Each is trained on its own.",
        )
    known = trained.birth_places.digests
    matching = [key for key in _learnt(found) if found.digests[key] in known.get(key, ())]
    copied = 2 * len(matching) >= max(1, len(_learnt(found)))
    if matching:
        trained.staff.append(f"{model.parameters}: {len(matching)} tensors equal the staff's, such as {matching[0]}.")
    assert_true(
        not copied, f"{model.parameters} holds numbers that the staff knows already. Who has trained this model?"
    )
    flat = [key for key, (_, shape) in found.tensors.items() if len(shape) == 1]
    gains = [key for key in flat if key.endswith("weight")]
    unmoved = bool(gains) and all(found.constants.get(key) == 1 for key in gains)
    unmoved = unmoved and all(found.constants.get(key) == 0 for key in flat if key.endswith("bias"))
    assert_true(
        not unmoved,
        f"{model.parameters} is a model before its training: all gains of LayerNorm are still 1, and all biases 0. Save the "
        "parameters after the training.",
    )
    trained.notes += found.notes
    trained.opened(model)


def _learnt(found: Weights) -> list[str]:
    """The tensors of a checkpoint that training makes: no masks, caches, and what holds one value alone."""
    return [key for key in found.digests if key not in found.constants and not key.endswith(("mask", "rope_cache"))]


def _claims_hold(trained: Trained, name: str, rng: random.Random) -> None:
    """The model is asked again, dev and test questions."""
    model = trained.model(name)
    handed_in = {part: _fitting(trained, model, part) for part in PARTS}
    answering = trained.opened(model)
    n_test = trained.places_table.claims // 3
    counts = {"dev": trained.places_table.claims - n_test, "test": n_test}
    again = trained.put_again(answering, handed_in, counts, rng)
    _tell_staff(trained, name, again)
    if again.doubted is not None:
        raise CheckFailed(_question(model, again, "Hand in the files of one run."))
    _require_other_numbers(again)
    n, agree = sum(a.n for a in again.asked), sum(a.agree for a in again.asked)
    trained.notes.append(f"Of {n} questions picked at random, your code answers {agree} as the files do.")


def _accuracy_is_reached(trained: Trained, name: str, part: str, rng: random.Random) -> None:
    """The accuracy of the file, if the model confirms it; otherwise that of the model itself."""
    model = trained.model(name)
    assert model.threshold is not None
    places = trained.questions(part).places
    if places is None:
        raise CannotJudge(Reason.NO_ANSWERS)
    found = _fitting(trained, model, part)
    n_right, n = _counted(found, places)
    text = f"{found.name}: {in_words(n_right, n)} are right"
    if not credit(n_right / n, model.threshold, model.partial):
        more = "".join(f"\n{fault}" for fault in found.faults)
        raise CheckFailed(f"{text}; {_percent(model.threshold)} is asked for.{more}")
    if trained.find(model.parameters) is None:
        raise CheckFailed(
            f"{text}, but nothing confirms it: there is no file {model.parameters}. Add it, with this name."
        )
    answering = trained.opened(model)
    again = trained.put_again(answering, {part: found}, CONFIRMING, rng, OF_RIGHT)
    _tell_staff(trained, name, again)
    _require_other_numbers(again)
    if again.doubted is not None:
        n_right, n = trained.right_again(answering, part, rng, lambda n_right, n: _is_clear(model, n_right, n))
        trained.staff.append(f"{name}: the model itself answers {in_words(n_right, n)} rightly.")
        text = (
            f"{_question(model, again, 'The accuracy was taken from your code instead')}: "
            f"{in_words(n_right, n)} of its answers are right"
        )
    earned = credit(n_right / n, model.threshold, model.partial)
    if earned < 1:
        raise CheckFailed(f"{text}; {_percent(model.threshold)} is asked for.", credit=earned)
    trained.notes.append(f"{text}.")


def _is_clear(model: ModelTable, n_right: int, n: int) -> bool:
    """Whether an accuracy of so many of so many earns the same wherever in its 99.9 % interval it lies."""
    assert model.threshold is not None
    low, high = (credit(share, model.threshold, model.partial) for share in wilson(n_right, n, Z_999))
    return low == high


def _require_other_numbers(again: Again) -> None:
    """Leave to people what nothing could be asked of that tells code which looks its answers up.

    Raises:
        CannotJudge: the characters could not get other numbers.
    """
    if not again.relabelled:
        raise CannotJudge(
            Reason.UNSETTLED,
            "Not judged: the model's embedding and head are not where the starter has them (tok_emb, head), so the characters "
            "could not get other numbers, by which code that looks its answers up is told. The staff judges it.",
        )


def _accuracy_may_be_reached(trained: Trained, name: str, part: str) -> None:
    """Advice: the accuracy of a file, of which the handout does not say that it must be reached."""
    model = trained.model(name)
    places = trained.questions(part).places
    if places is None:
        raise CannotJudge(Reason.NO_ANSWERS)
    found = _fitting(trained, model, part)
    n_right, n = _counted(found, places)
    text = f"{found.name}: {in_words(n_right, n)} are right"
    if model.usual is not None and part == "dev":
        low, high = model.usual
        reached, expected = wilson(n_right, n)[1] >= low, f"right solutions reach {_percent(low)} to {_percent(high)}"
    else:
        least = model.threshold or 0.0
        reached, expected = wilson(n_right, n)[1] >= least, f"{_percent(least)} or so is expected"
    assert_true(reached, f"{text}; {expected}.")
    _require_similar(trained, model, text, part)
    trained.notes.append(f"{text}.")


def _require_similar(trained: Trained, model: ModelTable, text: str, part: str) -> None:
    """Advice: what is reached on one half of the questions is reached on the other, unless one of them was trained on."""
    counts = {}
    for each in PARTS:
        places = trained.questions(each).places
        if places is None or trained.find(model.predictions(each)) is None:
            return
        found = trained.predictions(model, each)
        if not found.fits:
            return
        counts[each] = _counted(found, places)
    if differ(counts["dev"], counts["test"]):
        other = "test" if part == "dev" else "dev"
        raise CheckFailed(
            f"{text}, and of the {other} questions {in_words(*counts[other])}: that is more than chance explains. Are the two "
            "put to the model in the same way, and is neither of them in what it was trained on?"
        )


def _counted(found: Predictions, places: Sequence[str]) -> tuple[int, int]:
    """How many lines of a file are right, and how many it has."""
    return len(right_lines(found.lines, places)), len(found.lines)


def _fitting(trained: Trained, model: ModelTable, part: str) -> Predictions:
    """Predictions that can be compared line by line with the questions.

    Raises:
        CheckFailed: they cannot.
    """
    found = trained.predictions(model, part)
    assert_true(found.fits, " ".join(found.faults))
    return found


def _question(model: ModelTable, again: Again, then: str) -> str:
    """What a student reads where files and model do not fit together: a question."""
    asked = again.asked
    n, agree = sum(a.n for a in asked), sum(a.agree for a in asked)
    if again.looks_up:
        return (
            f"Your code answers as {' and '.join(a.file for a in asked)} say, but no longer once the characters get other "
            "numbers, in the questions and in the parameters alike. That changes nothing for a model that computes its "
            f"answers from {model.parameters}. What else does your code look at? {then}"
        )
    each = " and ".join(f"{a.agree} of {a.n} as {a.file} does" for a in asked)
    return (
        f"Of {n} questions picked at random, your code with {model.parameters} answers {each}"
        f"{f' ({agree} in all)' if len(asked) > 1 else ''}. Which parameters made "
        f"{'these files' if len(asked) > 1 else 'that file'}? {then}"
    )


def _tell_staff(trained: Trained, name: str, again: Again) -> None:
    doubted, more = again.doubted, ""
    if doubted is not None:
        more += f"; P = {doubted:.1g} for an honest file, of which {_percent(HONEST)} may differ"
    if again.looks_up:
        more += "; under the usual numbers of characters it agrees: the code seems to look the answers up"
    if not again.relabelled:
        more += "; the characters could not get other numbers: no tok_emb and head"
    trained.staff.append(f"{name} asked again: {figures(again.asked)}{more}.")


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
