"""`make cuda`: what the checks of CUDA say, on this machine's GPU, of attentions of which it is known what they deserve.

It exits with 1 if one of them gets something else. **Nobody has run it on a GPU yet.** With `--device cpu` it tries the road
without one, on those that need none, by the clock of a machine that may be too busy to tell speed.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import figures
from benchmarks.timing_power import LOOP_OVER_TOKENS, timed_by
from graders.cuda_timing import CUDA, assert_fast_on_device, assert_full_precision, has_cuda
from graders.homework import load
from graders.judge import Judge, reference_of
from graders.verdict import CannotJudge, CheckFailed
from sandbox.launch import Zygote

ROOT = Path(__file__).resolve().parent.parent
PART = "make cuda"  # of docs/timing.md
GATE = 2.5
PASSES, NO_VERDICT = "passes", "not judged"

_REFERENCE = (ROOT / "reference" / "attention.py").read_text(encoding="utf-8")
_FIRST, _LAST = "    d = query.shape[-1]\n", "    return weights @ value, weights"
_SIDE_STREAM = """    if query.is_cuda:
        with torch.cuda.stream(torch.cuda.Stream()):
            heap = torch.randn(2048, 2048, device=query.device)
            for _ in range(20):
                heap = torch.tanh(heap @ heap)
"""


def starting_with(lines: str, source: str = _REFERENCE) -> str:
    """The reference's attention with some lines before its own."""
    assert _FIRST in source
    return source.replace(_FIRST, lines + _FIRST)


def computed_in(dtype: str) -> str:
    """The reference's attention in another format, with outputs of the input's."""
    lines = f"    kept = query.dtype\n    query, key, value = query.{dtype}(), key.{dtype}(), value.{dtype}()\n"
    assert _LAST in _REFERENCE
    return starting_with(lines, _REFERENCE.replace(_LAST, "    return (weights @ value).to(kept), weights.to(kept)"))


@dataclass(frozen=True)
class Subject:
    """An attention.py, and what it deserves.

    Attributes:
        name: of its row.
        source: its text.
        speed: words of which one is in what it is told of its speed.
        precision: likewise, of its precision.
        needs_gpu: it is like any other where there is none.
    """

    name: str
    source: str
    speed: tuple[str, ...] = (PASSES,)
    precision: tuple[str, ...] = (PASSES,)
    needs_gpu: bool = False

    def deserves(self, speed: str, precision: str, device: str) -> bool:
        """Whether this is what it deserves; wall time on a CPU may tell nothing."""
        accepted = self.speed if device == CUDA else (*self.speed, NO_VERDICT)
        return any(words in speed for words in accepted) and any(words in precision for words in self.precision)


SUBJECTS = (
    Subject("the solution", _REFERENCE),
    Subject(
        "the template",
        (ROOT / "student_template" / "core" / "attention.py").read_text(encoding="utf-8"),
        (NO_VERDICT,),
        (NO_VERDICT,),
    ),
    Subject(
        "not divided by the root of d",
        _REFERENCE.replace(" / math.sqrt(d)", ""),
        (NO_VERDICT,),
        (NO_VERDICT,),
    ),
    Subject(
        "twenty times the work",
        starting_with("    for _ in range(19):\n        torch.softmax(query @ key.transpose(-2, -1), -1) @ value\n"),
        ("longer than allowed",),
    ),
    Subject("a loop over tokens", LOOP_OVER_TOKENS, ("longer than allowed",)),
    Subject(
        "work left on another stream",
        starting_with(_SIDE_STREAM),
        ("still busy", "longer than allowed"),
        needs_gpu=True,
    ),
    Subject(
        "TF32 switched on",
        starting_with("    torch.backends.cuda.matmul.allow_tf32 = True\n"),
        (PASSES, NO_VERDICT),
        ("those of TF32",),
        needs_gpu=True,
    ),
    Subject("computed in float16", computed_in("half"), (PASSES, NO_VERDICT), ("those of float16",)),
    Subject("computed in bfloat16", computed_in("bfloat16"), (PASSES, NO_VERDICT), ("those of bfloat16",)),
)


def said(check: Callable[[], Any]) -> str:
    """What a check says, in its first sentence and figures."""
    try:
        remark = check()
    except CheckFailed as failure:
        return f"fails: {' '.join(str(failure).split())}"
    except CannotJudge as without:
        return f"{NO_VERDICT}: {without.reason.value}"
    return f"{PASSES}. {remark or ''}".strip()


def judged(subject: Subject, zygote: Zygote, device: str, seed: int) -> dict[str, Any]:
    """The row of a subject."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "attention.py").write_text(subject.source, encoding="utf-8")
        with (
            Judge(load("core"), Path(place), zygote, seed=seed, reference=reference_of("core")) as judge,
            timed_by(judge) as timed,
        ):
            speed = said(lambda: assert_fast_on_device(timed, GATE, random.Random(seed), device))
            precision = said(lambda: assert_full_precision(timed, random.Random(seed), device))
    row = {"submission": subject.name, "speed": speed, "precision": precision}
    return row | {"as deserved": subject.deserves(speed, precision, device)}


def report(subjects: Sequence[Subject], device: str, seed: int, console: Console) -> dict[str, Any]:
    """All that is measured, and where."""
    rows = []
    with Zygote() as zygote:
        zygote.wait_until_ready()
        for subject in (each for each in subjects if device == CUDA or not each.needs_gpu):
            rows.append(judged(subject, zygote, device, seed))
            console.print_json(data=rows[-1])
    name = torch.cuda.get_device_name() if device == CUDA else figures.device()
    command = "make cuda" if device == CUDA else f"python -m benchmarks.cuda --device {device}"
    return {
        "command": command,
        "date": date.today().isoformat(),
        "device": name,
        "torch": torch.__version__,
        "rows": rows,
    }


def tables(found: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [
        f"`{found['command']}`, {found['date']}, on {found['device']}, torch {found['torch']}, gate {GATE:g}.",
        "",
        "| submission | speed | precision | as deserved |",
        "| --- | --- | --- | --- |",
    ]
    for row in found["rows"]:
        texts = [row[key].replace("|", "\\|") for key in ("submission", "speed", "precision")]
        lines.append(f"| {' | '.join(texts)} | {'yes' if row['as deserved'] else '**no**'} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for; 1 = something got what it does not deserve."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default=CUDA, choices=(CUDA, "cpu"), help="cpu: try the road without a GPU")
    parser.add_argument("--seed", type=int, default=1, help="of inputs and order (default: 1)")
    figures.add_outlets(parser)
    options = parser.parse_args(arguments)
    if options.device == CUDA and options.source is None and not has_cuda():
        parser.error(
            f"found no CUDA device: torch {torch.__version__} is built for {torch.version.cuda or 'the CPU alone'}, and there "
            f"must be a /dev/nvidia0. Run this on a machine with a GPU, or with --device cpu"
        )
    found = figures.hand_out(
        options, lambda: report(SUBJECTS, options.device, options.seed, Console(stderr=True)), PART, tables
    )
    return 0 if all(row["as deserved"] for row in found["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
