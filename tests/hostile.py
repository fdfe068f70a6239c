"""What a hostile submission is after, laid out in a folder, and how to tell that it has got it."""

import ctypes
import json
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ATTACKS = Path(__file__).parent / "attacks"
# what the checks of time say of a submission that attacks them: a piece of the message
TIMED = {
    "too slow": "times the reference's; allowed is",
    "not right": "the time of code is taken once its answers are right",
    "busy": "Between two calls, when there is nothing to do",
}
LAYERS = ("worker", "judge", "uid", "landlock", "seccomp", "rlimits", "intake", "output")
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
THROUGH = "GOT THROUGH"  # what an attack prints that has been allowed something
HEADER = re.compile(
    r'\A"""(?P<sentence>[^\n]+)\n\ncatalogue: (?P<rows>\d+(, \d+)*)\nstopped by: (?P<layer>\w+)\n'
    r'(?P<earns>earns: yes\n)?(only: (?P<machine>\w+)\n)?(timed: (?P<timed>[^\n]+)\n)?naive: (?P<naive>[^\n]+)\n"""\n'
)


@dataclass(frozen=True)
class Attack:
    """One hostile submission, as its header describes it.

    Attributes:
        path: the file.
        rows: of the catalogue of attacks.
        layer: what stops it.
        earns: whether it also computes rightly, and must keep its points.
        machine: the only kind of machine on which it means anything; "" = all.
        naive: how a naive grader compares to fall for it; "" = it is not shown.
        timed: for attacks on the taking of time, what is said of it: a key of `TIMED`; "" = it is none.
    """

    path: Path
    rows: tuple[int, ...]
    layer: str
    earns: bool
    machine: str
    naive: str
    timed: str = ""


def attacks() -> list[Attack]:
    """Every attack that is one file; a header that does not follow the form is an error."""
    found = []
    for path in sorted(ATTACKS.glob("*.py")):
        if path.name == "naive.py":
            continue
        header = HEADER.match(path.read_text(encoding="utf-8"))
        if header is None or header["layer"] not in LAYERS or header["timed"] not in (None, *TIMED):
            raise ValueError(f"{path}: the docstring does not have the form that README.md describes")
        rows = tuple(int(row) for row in header["rows"].split(", "))
        naive = "" if header["naive"].startswith("no (") else header["naive"]
        facts = (header["layer"], header["earns"] is not None, header["machine"] or "", naive, header["timed"] or "")
        found.append(Attack(path, rows, *facts))
    return found


@dataclass
class Prey:
    """A folder that holds what attacks are after.

    Attributes:
        folder: everybody may enter it.
        mark: how files are called that an attack leaves.
        secret: what the hidden file says.
        submission: what is handed in.
    """

    folder: Path
    mark: str = field(default_factory=lambda: f"mark-{secrets.token_hex(8)}")
    secret: str = field(default_factory=lambda: f"hidden {secrets.token_hex(8)}")

    def __post_init__(self) -> None:
        self.submission = self.folder / "submission"
        for name, mode in (("hidden", 0o700), ("results", 0o700), ("open", 0o777), ("grader", 0o755)):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(mode)
        self.submission.mkdir()
        for path, text in (("hidden/secret", self.secret), ("results/results.json", '{"score": 0}')):
            (self.folder / path).write_text(text)
            (self.folder / path).chmod(0o600)
        metadata = self.folder / "submission_metadata.json"
        metadata.write_text(f'{{"users": [{{"name": "{self.secret}"}}]}}')
        metadata.chmod(0o600)
        (self.folder / "grader/points.py").write_text(f"POINTS = 20  # {self.secret}\n")
        self._stack = ExitStack()
        self.tcp, self.udp = (
            self._socket(socket.AF_INET, socket.SOCK_STREAM),
            self._socket(socket.AF_INET, socket.SOCK_DGRAM),
        )
        self.tcp.bind(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.stream, self.datagram = (
            self._socket(socket.AF_UNIX, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        )
        for local, name in ((self.stream, "stream"), (self.datagram, "datagram")):
            local.bind(str(self.folder / name))
            (self.folder / name).chmod(0o777)
        self.tcp.listen()
        self.stream.listen()
        self.before = self.state()

    def _socket(self, family: int, kind: int) -> socket.socket:
        made = self._stack.enter_context(socket.socket(family, kind))
        made.setblocking(False)
        return made

    def hand_in(self, path: Path, judge: str) -> None:
        """Put a file into the submission as attention.py, beside one that tells it all that an attacker may know."""
        shutil.copy(path, self.submission / "attention.py")
        values = {
            "SECRET": str(self.folder / "hidden/secret"),
            "RESULTS": str(self.folder / "results"),
            "METADATA": str(self.folder / "submission_metadata.json"),
            "GRADER": str(self.folder / "grader/points.py"),
            "OPEN": str(self.folder / "open"),
            "MARK": self.mark,
            "PORT": self.port,
            "SOCKET": str(self.folder / "stream"),
            "DATAGRAM": str(self.folder / "datagram"),
        }
        lines = ["import os", f"JUDGE = {judge}", *(f"{name} = {value!r}" for name, value in values.items())]
        (self.submission / "targets.py").write_text("\n".join(lines) + "\n")

    def state(self) -> dict[str, tuple[object, ...]]:
        """Mode, owner, time and bytes of everything but the submission and the results that a grader writes itself."""
        found: dict[str, tuple[object, ...]] = {}
        for top in ("hidden", "results", "open", "grader"):
            for path in (self.folder / top, *sorted((self.folder / top).rglob("*"))):
                facts = path.lstat()
                data = path.read_bytes() if stat.S_ISREG(facts.st_mode) else b""
                found[str(path.relative_to(self.folder))] = (
                    *(facts.st_mode, facts.st_uid, facts.st_gid, facts.st_mtime_ns, facts.st_size, data[:4096]),
                )
        return found

    def score(self) -> float:
        """What the results say."""
        path = self.folder / "results/results.json"
        return float(json.loads(path.read_text())["score"]) if path.is_file() else 0.0

    def marks(self) -> list[Path]:
        """What has been left in the places that all users share, and in the submission."""
        places = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), self.folder, self.submission)
        return [path for place in places if place.is_dir() for path in place.glob(f"{self.mark}*")]

    def taken(self, said: str, changes: Callable[[str], bool] = lambda path: True) -> set[str]:
        """What an attack has got, in words; empty if nothing.

        Args:
            said: all that can be read of what it printed and raised.
            changes: which of the files count, by their paths.
        """
        after = self.state()
        found = {
            f"changed {path}"
            for path in self.before.keys() | after.keys()
            if changes(path) and self.before.get(path) != after.get(path)
        }
        found |= {f"left {path}" for path in self.marks()}
        found |= {"read the secret"} if self.secret in said else set()
        found |= {"says so"} if THROUGH in said else set()
        for name, receive in (
            ("tcp", lambda: self.tcp.accept()[0].close()),
            ("udp", lambda: self.udp.recv(1)),
            ("stream", lambda: self.stream.accept()[0].close()),
            ("datagram", lambda: self.datagram.recv(1)),
        ):
            try:
                receive()
                found.add(f"reached the {name} socket")
            except BlockingIOError:
                pass
        return found

    def close(self) -> None:
        """Remove everything."""
        self._stack.close()
        for path in self.marks():
            path.unlink()
        shutil.rmtree(self.folder)


@contextmanager
def prey() -> Iterator[Prey]:
    """A fresh folder, in a place that other users can enter."""
    folder = Path(tempfile.mkdtemp(prefix="prey-"))
    folder.chmod(0o755)
    laid_out = Prey(folder)
    try:
        yield laid_out
    finally:
        laid_out.close()


def adopt_orphans() -> None:
    """Become the parent of every process below this one that loses its own, so that `living` finds it."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def living(parent: int | None = None, owners: set[int] | None = None) -> set[int]:
    """Processes that are not dead: the children of one, or those of some users."""
    found = set()
    for name in os.listdir("/proc"):
        try:
            fields = Path(f"/proc/{int(name)}/stat").read_text().rpartition(")")[2].split()
            owner = Path(f"/proc/{name}").stat().st_uid
        except (ValueError, OSError):
            continue
        wanted = int(fields[1]) == parent or (owners is not None and owner in owners)
        if wanted and fields[0] not in "ZX":
            found.add(int(name))
    return found
