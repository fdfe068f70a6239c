"""Commands of a submission that are run as programs: in a folder of their own, and never beyond their end."""

import os
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import intake
from sandbox.programs import Ended, run
from tests.grounds import Recording

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")


@pytest.fixture(scope="module")
def zygote() -> Iterator[Recording]:
    """Where the workers come from."""
    with Recording() as zygote:
        yield zygote


class Command:
    """Writes a program, runs it, and keeps how it ended and what it left."""

    def __init__(self, zygote: Recording, folder: Path) -> None:
        self.zygote, self.folder = zygote, folder
        self.left: dict[str, bytes] = {}

    def __call__(self, source: str, *arguments: str, seconds: float = 20, folder_bytes: int = 8 << 20) -> Ended:
        (self.folder / "src").mkdir(exist_ok=True)
        (self.folder / "src" / "run.py").write_text(textwrap.dedent(source))
        with (
            intake.take(self.folder) as snapshot,
            run(
                self.zygote,
                snapshot,
                ["src/run.py", *arguments],
                seconds=seconds,
                folder_bytes=folder_bytes,
                also={"data/numbers.txt": b"1 2 3\n"},
            ) as ended,
        ):
            if ended.files is not None:
                self.left = {name: (ended.files.root / name).read_bytes() for name in ended.files.files}
        return ended


@pytest.fixture
def command(zygote: Recording, tmp_path: Path) -> Command:
    """A command of a fresh submission."""
    return Command(zygote, tmp_path)


def test_runs_like_python(command: Command) -> None:
    """Protects the contract of a command: arguments, working directory, imports from its own folder, output, status."""
    (command.folder / "src").mkdir()
    (command.folder / "src" / "model.py").write_text("import torch\nNUMBER = int(torch.ones(3).sum())\n")
    ended = command(
        """
        import argparse, sys
        from model import NUMBER
        parser = argparse.ArgumentParser()
        parser.add_argument("function"), parser.add_argument("--out")
        options = parser.parse_args()
        if __name__ == "__main__":
            numbers = [int(word) for word in open("data/numbers.txt").read().split()]
            open(options.out, "w").write(f"{options.function} {NUMBER} {sum(numbers)}")
            print("Correct: 3 out of 3")
            sys.exit(7)
        """,
        *("pretrain", "--out", "made.txt"),
    )
    assert (ended.status, ended.problem, ended.output) == (7, "", "Correct: 3 out of 3\n")
    assert command.left["made.txt"] == b"pretrain 3 6"
    assert set(command.left) == {"made.txt", "data/numbers.txt", "src/run.py", "src/model.py"}


def test_saves_and_replaces_files(command: Command) -> None:
    """Protects what trainers do: folders, parameters, copies with their modes, files replaced and removed."""
    ended = command(
        """
        import os, shutil, tempfile, torch
        os.makedirs("out/deep")
        torch.save({"weight": torch.zeros(3)}, "out/deep/model.params")
        assert torch.load("out/deep/model.params")["weight"].shape == (3,)
        shutil.copy2("out/deep/model.params", "copy.params")
        os.replace("copy.params", "final.params")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        os.remove("out/deep/model.params")
        shutil.rmtree("out")
        os.remove("data/numbers.txt")
        """
    )
    assert (ended.status, ended.output) == (0, "")
    assert set(command.left) == {"final.params", "src/run.py"}


def test_traceback_is_printed(command: Command) -> None:
    """Protects the student's own message: what Python would print is printed, and the status is 1."""
    ended = command("raise ValueError('no such corpus')")
    assert (ended.status, ended.problem) == (1, "")
    assert ended.output.endswith("ValueError: no such corpus\n")


def test_makes_python_processes_only(command: Command) -> None:
    """Protects the profile: this Python can be run in another process, no other program can."""
    ended = command(
        """
        import subprocess, sys
        done = subprocess.run([sys.executable, "-c", "import json; print(6 * 7)"], capture_output=True, text=True)
        print(done.stdout.strip(), done.stderr)
        for program in ("/bin/sh", "/usr/bin/env", "/bin/true"):
            try:
                subprocess.run([program])
                print("ran", program)
            except PermissionError:
                print("refused")
        """
    )
    assert ended.output == "42 \nrefused\nrefused\nrefused\n"


def test_nothing_outlives_it(command: Command) -> None:
    """Protects the machine: processes that a command leaves behind end with it, whatever they do to stay."""
    command.zygote.workers.clear()
    ended = command(
        """
        import os, signal, time
        for _ in range(3):
            if os.fork() == 0:
                for leave in (os.setsid, os.setpgrp):
                    try:
                        leave()
                        print("left the group")
                    except OSError:
                        pass
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                if os.fork() == 0:
                    time.sleep(60)
                    open("late.txt", "w").close()
                time.sleep(60)
        print("done")
        """
    )
    assert (ended.status, ended.output) == (0, "done\n")
    until = time.monotonic() + 5
    while (left := _groups() & set(command.zygote.workers)) and time.monotonic() < until:
        time.sleep(0.01)  # a killed process needs a moment to leave
    assert not left


def _groups() -> set[int]:
    """The groups of all processes that are not dead."""
    found = set()
    for name in os.listdir("/proc"):
        try:
            state, _, group = Path(f"/proc/{int(name)}/stat").read_text().rpartition(")")[2].split()[:3]
        except (ValueError, OSError):
            continue
        if state not in "ZX":
            found.add(int(group))
    return found


def test_endless_is_ended(command: Command) -> None:
    """Protects the run: a command that never ends is ended, and the message says after how long."""
    ended = command("while True: pass", seconds=1)
    assert (ended.status, ended.problem, ended.files) == (None, "it had not ended after 1 s", None)


def test_folder_is_bounded(command: Command) -> None:
    """Protects the disk: neither large files nor many can fill it."""
    large = command(
        """
        for i in range(1000):
            open(f"{i}", "wb").write(bytes(1 << 20))
        """
    )
    many = command(
        """
        while True:
            for i in range(100_000):
                open(f"{i}", "wb").close()
        """
    )
    assert large.problem.startswith("its folder held ")
    assert large.problem.endswith(" at most 8 MiB in 2000 files are allowed")
    assert many.problem.startswith("its folder held ")


def test_cannot_reach_others(command: Command, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Protects everything else: a program reads, writes, signals and calls no more than other workers do."""
    secret = tmp_path_factory.mktemp("hidden") / "secret"
    secret.write_text("hidden")
    secret.chmod(0o600)
    ended = command(
        f"""
        import os, signal, socket
        def attempt(name, action):
            try:
                action()
                print(name)
            except OSError:
                pass
        attempt("reads", lambda: open({str(secret)!r}).read())
        attempt("writes", lambda: open("/tmp/headmaster-escape", "w"))
        attempt("links", lambda: os.symlink({str(secret)!r}, "link"))
        attempt("signals", lambda: os.kill({os.getpid()}, 0))
        attempt("calls", lambda: socket.socket())
        attempt("traces", lambda: open("/proc/{os.getpid()}/mem"))
        os.chmod("/", 0o777)  # does nothing, and says that it did
        print("end")
        """
    )
    assert ended.output == "end\n"
    assert os.stat("/").st_mode & 0o777 == 0o755


def test_a_missing_file_is_named(command: Command) -> None:
    """Protects the message where the command does not exist."""
    with intake.take(command.folder) as snapshot, run(command.zygote, snapshot, ["src/none.py"], seconds=5) as ended:
        assert ended.status == 1
        assert "No such file" in ended.output


def test_only_some_files(zygote: Recording, tmp_path: Path) -> None:
    """Protects what is said of files that a command writes: those that were handed in under their names can be left out."""
    for name in ("src/run.py", "src/deep/more.py", "out.txt", "src/out.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    with (
        intake.take(tmp_path) as snapshot,
        run(zygote, snapshot, ["src/run.py"], seconds=20, also={"data.txt": b"1"}, only="*.py") as ended,
    ):
        assert ended.files is not None
        assert set(ended.files.files) == {"data.txt", "src/deep/more.py", "src/run.py"}
