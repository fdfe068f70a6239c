"""All that is tried against the judge: the hostile files, what one file cannot express, and two controls."""

import os
import platform
import py_compile
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hostile import Attack, Prey, attacks

ROOT = Path(__file__).parent.parent
RIGHT = (ROOT / "reference" / "attention.py").read_text(encoding="utf-8")
WRONG = "def attention(query, key, value, mask=None):\n    return query, key\n"


@dataclass(frozen=True)
class Trial:
    """One submission, and what it may earn.

    Attributes:
        name: of the attack.
        layer: what stops it; "" for a control.
        earns: whether it computes rightly, and must keep its points.
        hand_in: puts it into the folder of the submission; its second argument says where the judge's number comes from.
        machine: the only kind of machine on which it means anything; "" = all.
        is_file: whether it is one file, which says "refused" where the kernel refuses.
    """

    name: str
    layer: str
    earns: bool
    hand_in: Callable[[Prey, str], None]
    machine: str = ""
    is_file: bool = False

    @property
    def is_control(self) -> bool:
        """Whether it attacks nothing."""
        return not self.layer

    @property
    def means_something(self) -> bool:
        """Whether this machine is of the kind that it is about."""
        return self.machine in ("", platform.machine())


def of_file(attack: Attack) -> Trial:
    """The trial of an attack that is one file."""

    def hand_in(laid_out: Prey, judge: str) -> None:
        laid_out.hand_in(attack.path, judge)

    return Trial(attack.path.stem, attack.layer, attack.earns, hand_in, attack.machine, True)


def of_text(name: str, text: str, earns: bool, layer: str = "", build: Callable[[Prey], None] | None = None) -> Trial:
    """The trial of a text, changed by a function after it has been handed in."""

    def hand_in(laid_out: Prey, judge: str) -> None:
        (laid_out.folder / "handed_in.py").write_text(text, encoding="utf-8")
        laid_out.hand_in(laid_out.folder / "handed_in.py", judge)
        if build is not None:
            build(laid_out)

    return Trial(name, layer, earns, hand_in)


def shadow(laid_out: Prey) -> None:
    """Files with the names of what the grader and the worker import."""
    line = f"open({str(laid_out.folder / 'open' / laid_out.mark)!r}, 'w').close(); print('GOT THROUGH')\n"
    names = ("torch", "random", "socket", "json", "sandbox", "graders", "_headmaster", "conftest", "sitecustomize")
    for name in (*names, "usercustomize", "hypothesis", "landlockpy", "seccompy", "numpy"):
        (laid_out.submission / f"{name}.py").write_text(line)
    (laid_out.submission / "evil.pth").write_text(f"import os; {line}")
    (laid_out.submission / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")


def compiled(laid_out: Prey) -> None:
    """A right answer as compiled code beside a wrong source, marked so that it is not compared with it."""
    source = laid_out.folder / "right.py"
    source.write_text(RIGHT, encoding="utf-8")
    cache = laid_out.submission / "__pycache__"
    cache.mkdir()
    for target in (cache / f"attention.{sys.implementation.cache_tag}.pyc", laid_out.submission / "attention.pyc"):
        py_compile.compile(str(source), str(target), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def linked(laid_out: Prey) -> None:
    """A link to the answer key in the place of the file, and one to its folder."""
    (laid_out.submission / "attention.py").unlink()
    (laid_out.submission / "attention.py").symlink_to(ROOT / "reference" / "attention.py")
    (laid_out.submission / "more").symlink_to(laid_out.folder / "hidden")


def piped(laid_out: Prey) -> None:
    """A pipe in the place of the file: whoever reads it waits for ever."""
    (laid_out.submission / "attention.py").unlink()
    os.mkfifo(laid_out.submission / "attention.py")


def foldered(laid_out: Prey) -> None:
    """A folder in the place of the file."""
    (laid_out.submission / "attention.py").unlink()
    (laid_out.submission / "attention.py").mkdir()


def same_but_for_case(laid_out: Prey) -> None:
    """A second file that differs in case only, with the right answer."""
    (laid_out.submission / "Attention.py").write_text(RIGHT, encoding="utf-8")
    (laid_out.submission / "attention.PY").write_text(RIGHT, encoding="utf-8")
    (laid_out.submission / "\u202eyp.noitnetta\x1b[2J").write_text(RIGHT, encoding="utf-8")


BUILT = tuple(
    of_text(build.__name__, WRONG, False, "intake", build)
    for build in (compiled, linked, piped, foldered, same_but_for_case)
)
SHADOWS = of_text("shadow", RIGHT, True, "worker", shadow)
CONTROLS = (of_text("honest", RIGHT, True), of_text("wrong", WRONG, False))


def trials() -> list[Trial]:
    """The controls, then every attack that means something on this machine."""
    found = [*CONTROLS, *map(of_file, attacks()), *BUILT, SHADOWS]
    return [trial for trial in found if trial.means_something]
