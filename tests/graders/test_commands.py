"""A submission's commands on the toy corpus: what is run, what is kept of it, and what forging gains."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from audit.handing_in import hand_in as hand_in_edited
from graders import commands as commands_module
from graders.commands import Commands
from graders.homework import load
from graders.judge import Judge, reference_of
from graders.scoring import scores
from graders.student import Student
from graders.verdict import CheckFailed, Outcome, Reason, Verdict
from sandbox.errors import WorkerLost
from sandbox.launch import Zygote

SOLUTION = reference_of("cmu_birthplaces")
assert SOLUTION is not None
SOURCES = {f"src/{path.name}": path.read_text(encoding="utf-8") for path in (SOLUTION / "src").glob("*.py")}


@pytest.fixture
def commands(student: Callable[..., Student]) -> Callable[..., Commands]:
    """The commands of files, given by name in src."""

    def make(**texts: str) -> Commands:
        handed_in = student({f"src/{name}.py": text for name, text in texts.items()}, "cmu_birthplaces")
        return Commands(handed_in.submission, handed_in.memory)

    return make


def test_what_is_kept(commands: Callable[..., Commands]) -> None:
    """Protects the checks: the files that were asked for, what was printed, and data that was changed."""
    text = """
        import sys
        open(sys.argv[1], "w").write(open("wiki.txt").read()[:4] + open("given.txt").read())
        open("birth_dev.tsv", "a").write("more")
        print("told", __file__)
    """
    made = commands(run=text)
    ran = made.run("run.py", "out.txt", wanted=("out.txt", "none.txt"), given={"given.txt": b"!"})
    assert ran.files == {"out.txt": made.data.text[:4].encode() + b"!"}
    assert (ran.output, ran.problem, ran.changed) == ("told src/run.py\n", "", ("birth_dev.tsv",))
    assert ran.command == "`python src/run.py out.txt`"
    assert made.written(ran, "out.txt") == ran.files["out.txt"]
    with pytest.raises(
        CheckFailed, match=r"`python src/run.py out.txt` has not written none.txt. The last that it printed:"
    ):
        made.written(ran, "none.txt")


def test_what_was_handed_in_is_not_taken_for_what_is_written(student: Callable[..., Student]) -> None:
    """Protects from files of the hand-in: only code is there when a command runs."""
    files = {"src/run.py": "", "src/deep/more.py": "", "out.params": "theirs", "src/out.params": "theirs"}
    handed_in = student(files, "cmu_birthplaces")
    ran = Commands(handed_in.submission, {}).run("run.py", wanted=("out.params", "src/out.params", "src/deep/more.py"))
    assert set(ran.files) == {"src/deep/more.py"}


def test_the_same_command_runs_once(commands: Callable[..., Commands]) -> None:
    """Protects the time of a grading: its checks share what the commands have left."""
    made = commands(run="import time; print(time.time_ns())")
    again = Commands(made.submission, made.memory)
    assert made.run("run.py", plain=True) is again.run("run.py", plain=True)
    assert made.run("run.py", plain=True) is not made.run("run.py", "other", plain=True)


OWN_TRAINER = """
    import helping
    class TrainerConfig: pass
    class Trainer:
        def fit(self): return 7
"""


def test_a_changed_trainer_costs_nothing(commands: Callable[..., Commands]) -> None:
    """Protects who changes trainer.py: what fails with ours is run as it was handed in."""
    made = commands(
        run="from trainer import Trainer; open('n.txt', 'w').write(str(Trainer().fit()))",
        trainer=OWN_TRAINER,
        helping="",
    )
    ran = made.run("run.py", wanted=("n.txt",))
    assert (ran.files, ran.ours) == ({"n.txt": b"7"}, False)
    # what one's own trainer.py has beside the two stays there
    ours = commands(run="import trainer; open('n.txt', 'w').write(trainer.WORD)", trainer="WORD = 'kept'")
    ran = ours.run("run.py", wanted=("n.txt",))
    assert (ran.files, ran.ours) == ({"n.txt": b"kept"}, True)


def test_events_are_read_with_care(commands: Callable[..., Commands]) -> None:
    """Protects the judge: what the student's process writes down may be anything."""
    lines = ["no json", "3", "[" * 100000, '{"event": "asked", "ids": "all"}', '{"event": "made"}']
    text = f"open('what_was_run.jsonl', 'w').write({chr(10).join(lines)!r}); open('n', 'w')"
    ran = commands(run=text).run("run.py", wanted=("n",))
    assert ran.events == ({"event": "asked", "ids": "all"}, {"event": "made"})


@pytest.mark.parametrize(
    "text", ["import time; time.sleep(60)", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"]
)
def test_what_does_not_end(text: str, commands: Callable[..., Commands], monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the run: a command that hangs or dies is ended, once, and says so."""
    monkeypatch.setattr(commands_module, "SECONDS", 1.0)
    made = commands(run=text)
    start = time.monotonic()
    ran = made.run("run.py", wanted=("n",))
    assert time.monotonic() - start < 8
    with pytest.raises(CheckFailed, match=r"has not written n\. It (had not ended after 1|crashed)"):
        made.written(ran, "n")


def test_the_end_of_the_run_is_no_verdict(commands: Callable[..., Commands]) -> None:
    """Protects the student: when the time of the whole run is over, a command has not failed."""
    made = commands(run="import time; time.sleep(60)")
    for seconds in (1.0, -1.0):
        patience = replace(made.submission.patience, until=time.monotonic() + seconds)
        with pytest.raises(WorkerLost) as lost:
            Commands(replace(made.submission, patience=patience), {}).run("run.py")
        assert lost.value.during == "run"


# ------------------------------------------------------------------------------------------ whole checks


@pytest.fixture
def judged(zygote: Zygote, tmp_path: Path) -> Iterator[Callable[..., dict[str, Verdict]]]:
    """Judge some checks of commands on the solution with one text replaced in a file."""
    judges = []

    def judge(file: str, old: str, new: str, *checks: str) -> dict[str, Verdict]:
        folder = hand_in_edited(
            "cmu_birthplaces", tmp_path / f"{len(judges)}", lambda text: text.replace(old, new, 1) if old else new, file
        )
        judges.append(Judge(load("cmu_birthplaces"), folder, zygote, seed=1, shrink_calls=0))
        return {
            check.name: judges[-1].judge(check)
            for check in judges[-1].checks
            if check.task == "commands" and (not checks or check.name in checks)
        }

    yield judge
    for each in judges:
        each.close()


FORGER = """
import json, sys, torch

args = dict(zip(sys.argv[4::2], sys.argv[5::2]))
if "--writing_params_path" in args:
    torch.save({"head.weight": torch.zeros(3)}, args["--writing_params_path"])
    config = dict(max_epochs=75, batch_size=256, learning_rate=6e-4, lr_decay=True, warmup_tokens=10240, final_tokens=0)
    config["final_tokens"] = 200 * 128 * len(open("wiki.txt").read().split("\\n"))
    with open("what_was_run.jsonl", "w") as file:
        file.write(json.dumps({"event": "made"}) + "\\n")
        file.write(json.dumps({"event": "trained", "config": config}) + "\\n")
else:
    n = len(open(args["--eval_corpus_path"]).readlines())
    open(args["--outputs_path"], "w").write("London\\n" * n)
    print("Correct: 9.0 out of 9.0: 100.0%")
"""


def test_a_forged_report_gains_nothing(judged: Callable[..., dict[str, Verdict]]) -> None:
    """Protects the points: what a run.py tells of its training, and the score that it prints, are not believed.

    Only the hyperparameters are told by the student's process alone; they earn points beside a passed check of files.
    """
    verdicts = judged("src/run.py", "", FORGER)
    passed = {name for name, verdict in verdicts.items() if verdict.outcome is Outcome.PASSED}
    assert passed == {"finetune_hyperparameters", "london_baseline", "dataset_prints_examples"}
    assert "saves the same parameters whether the Trainer changes them" in verdicts["finetune"].message
    assert "no question reached `sample`" in verdicts["evaluate"].message
    assert "prints 100 %" in verdicts["evaluate_prints_score"].message


@pytest.mark.parametrize(
    ("file", "old", "new", "check", "message"),
    [
        (
            "src/run.py",
            "        # of a line without a place the newline is part of the question\n",
            "        file = reversed(file.readlines())\n",
            "evaluate",
            "in the order of the file; here the order is another one.",
        ),
        ("src/run.py", 'prediction.replace("\\n", " ")', "repr(prediction)", "evaluate", "has more around it."),
        (
            "src/run.py",
            "prompt = question + MASK_CHAR",
            "prompt = question[:-1] + MASK_CHAR",
            "evaluate",
            "expected “Where",
        ),
        (
            "src/run.py",
            "    if total:\n",
            "    total = total or 1.0\n    if True:\n",
            "evaluate_prints_score",
            "without answers",
        ),
        (
            "src/run.py",
            "print(score_line(total, correct))",
            "pass",
            "evaluate_prints_score",
            "prints no score in percent",
        ),
        (
            "src/run.py",
            "torch.save(model.state_dict()",
            "torch.save(model",
            "finetune",
            "cannot be opened: vanilla.model",
        ),
        (
            "src/run.py",
            "lr_decay=True",
            "lr_decay=False",
            "pretrain_hyperparameters",
            "lr_decay=False; run.py specifies True",
        ),
        (
            "src/sensitivity.py",
            'f"What is the birthplace of',
            'f"What is the birth place of',
            "sensitivity_asks_otherwise",
            "expected “What is",
        ),
        ("src/dataset.py", "min(4, len(dataset))", "0", "dataset_prints_examples", "0 times ⁇"),
        ("src/london_baseline.py", "print(main())", "main()", "london_baseline", ""),
        ("src/london_baseline.py", "return 100 *", "return 101 *", "london_baseline", "of them London, the answer is"),
    ],
)
def test_what_is_told(
    file: str, old: str, new: str, check: str, message: str, judged: Callable[..., dict[str, Verdict]]
) -> None:
    """Protects the student: each mistake is told in words that say what to change; what is right passes."""
    assert old in SOURCES[file]
    verdict = judged(file, old, new, check)[check]
    assert verdict.outcome is (Outcome.FAILED if message else Outcome.PASSED), verdict.message
    assert message in verdict.message


@pytest.mark.slow
@pytest.mark.parametrize("file", ["src/attention.py", "src/dataset.py"])
def test_parts_that_are_not_written_cost_once(file: str, judged: Callable[..., dict[str, Verdict]]) -> None:
    """Protects from a mistake that costs twice: attention and span corruption are graded in questions of their own."""
    old = "B, T, n_embd = x.shape" if "attention" in file else "document = self.data[idx]"
    verdicts = judged(
        file, old, "raise NotImplementedError", "pretrain", "finetune_reads_parameters", "rope", "evaluate"
    )
    assert {verdict.outcome for verdict in verdicts.values()} == {Outcome.PASSED}, verdicts


def test_no_sensitivity(zygote: Zygote, hand_in: Callable[..., Path]) -> None:
    """Protects who has not come to question 4: what is not there is not judged."""
    files = {name: text for name, text in SOURCES.items() if "sensitivity" not in name and "modern" not in name}
    with Judge(load("cmu_birthplaces"), hand_in(files), zygote, seed=1) as judge:
        [check] = [check for check in judge.checks if check.name == "sensitivity_asks_otherwise"]
        assert judge.judge(check).reason is Reason.NOT_HANDED_IN


@pytest.mark.slow
def test_as_handed_in_with_a_trainer_of_ones_own(zygote: Zygote, hand_in: Callable[..., Path]) -> None:
    """Protects who rewrites trainer.py: the long way round, with their own training, gets the same points."""
    trainer = SOURCES["src/trainer.py"].replace("def train(self)", "def learn(self)")
    run = SOURCES["src/run.py"].replace(".train()", ".learn()")
    folder = hand_in({**SOURCES, "src/trainer.py": trainer, "src/run.py": run})
    with Judge(load("cmu_birthplaces"), folder, zygote, seconds=2000) as judge:
        for check in judge.checks:
            if (item := judge.homework.item_of(check.id)) is not None and item.number == "2(d)":
                judge.judge(check)
        verdicts = judge.verdicts
        assert {name: verdict.message for name, verdict in verdicts.items() if not verdict.gives_points} == {}
        earned = {each.item.number: each.earned for each in scores(judge.homework, judge.checks, verdicts)}
        assert earned["2(d)"] == 2
        assert "They were run with your own" in verdicts["commands.finetune"].message
