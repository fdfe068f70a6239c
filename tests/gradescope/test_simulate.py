"""`headmaster simulate`: what it says of where it runs, of misuse, and of a run. The real thing: tests/test_simulate.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from gradescope import container, simulate
from gradescope.container import Limits, Ran
from gradescope.image import BuildError, Image
from gradescope.simulate import main

pytestmark = pytest.mark.torch_free

STORED = {
    "results": {"output": "All right.", "tests": [{"name": "attend", "score": 8, "max_score": 8, "output": "fine"}]},
    "stdout": "8 of 8",
    "execution_time": 21.4,
    "exit_status": 0,
    "error": "",
}


class Platform:
    """Stands in for images and containers: notes how a run was started, and stores a result."""

    def __init__(self) -> None:
        self.plain: bool | None = None
        self.limits: Limits | None = None
        self.seconds = 0.0
        self.incoming: dict[str, str] = {}
        self.stored: dict[str, Any] | None = STORED
        self.ran = Ran(0, "", 312.4)

    def build(self, package: Path, *, plain: bool) -> Image:
        """Pretend to make an image."""
        self.plain = plain
        if package.read_text() == "broken":
            raise BuildError("setup.sh has failed (status 1):\nno such version")
        return Image(package, (), "headmaster: verifying")

    def grade(self, image: Image, incoming: Path, outgoing: Path, seconds: float, limits: Limits) -> Ran:
        """Pretend to grade."""
        files = (path for path in incoming.rglob("*") if path.is_file())
        self.incoming = {path.relative_to(incoming).as_posix(): path.read_text() for path in files}
        self.seconds, self.limits = seconds, limits
        if self.stored is not None:
            (outgoing / "stored.json").write_text(json.dumps(self.stored))
        return self.ran


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    """A platform that can make containers and limit them; files `a.zip` and `attend.py` lie in the working directory."""
    found = Platform()
    monkeypatch.setattr(simulate, "build", found.build)
    monkeypatch.setattr(simulate, "grade", found.grade)
    monkeypatch.setattr(simulate, "where_not", lambda: "")
    monkeypatch.setattr(container, "can_limit", lambda: True)
    monkeypatch.chdir(tmp_path)
    Path("a.zip").write_text("package")
    Path("attend.py").write_text("x = 1")
    return found


def test_a_run(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects what an instructor reads: where it ran, the build, the student's page, the staff's part, time and memory."""
    assert main(["a.zip", "attend.py", "--out", "kept"]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[:2] == ["in a container: runc, Debian's packages", "headmaster: verifying"]
    assert "Autograder Score: 8 / 8\n\nAll right.\n" in printed
    assert printed.endswith("8 of 8\n\n21 s, at most 312 MiB\n")
    assert (platform.plain, platform.limits, platform.seconds) == (False, Limits(768, 0.5), 600)
    assert platform.incoming["submission/attend.py"] == "x = 1"
    assert json.loads(platform.incoming["submission_metadata.json"])["users"] == [
        {"email": "student@example.com", "id": 1, "name": "A Student"}
    ]
    assert json.loads(Path("kept/1-attend/results.json").read_text()) == STORED["results"]
    assert Path("kept/1-attend/stdout.txt").read_text() == "8 of 8"


def test_options(platform: Platform) -> None:
    """Protects a dry run with the settings that were chosen: limits, time and metadata reach the run."""
    Path("meta.json").write_text('{"id": 9}')
    given = ["--minutes=2", "--memory-mib=3000", "--cpus=1", "--metadata=meta.json"]
    assert main(["a.zip", "attend.py", *given]) == 0
    assert (platform.limits, platform.seconds) == (Limits(3000, 1), 120)
    assert platform.incoming["submission_metadata.json"] == '{"id": 9}'


def test_plain_directory_is_said(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects from a simulation that proves less than it seems to: the first line says which, and why."""
    monkeypatch.setattr(simulate, "where_not", lambda: "it takes root")
    assert main(["a.zip", "attend.py"]) == 0
    assert capsys.readouterr().out.startswith(
        "in a plain directory: it takes root\nmemory and processor are not limited here\n"
    )
    assert platform.plain
    monkeypatch.setattr(simulate, "where_not", lambda: "")
    assert main(["a.zip", "attend.py", "--plain"]) == 0
    assert capsys.readouterr().out.startswith("in a plain directory: it was asked for\n")


def test_limits_that_cannot_be_set_are_said(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects from a wrong belief: where no limit can be set, none is claimed."""
    monkeypatch.setattr(container, "can_limit", lambda: False)
    assert main(["a.zip", "attend.py"]) == 0
    assert platform.limits == Limits()
    assert "memory and processor are not limited here" in capsys.readouterr().out


def test_run_that_failed(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects scripts: a run that the platform would call failed is status 1, also if its harness was killed."""
    platform.stored = STORED | {"error": "timeout"}
    assert main(["a.zip", "attend.py"]) == 1
    assert "; error: timeout" in capsys.readouterr().out
    platform.stored, platform.ran = None, Ran(137, "", 767.0, out_of_memory=True)
    assert main(["a.zip", "attend.py"]) == 1
    printed = capsys.readouterr().out
    assert "; error: killed\na process was ended because memory ran out\n" in printed


def test_one_bad_upload_does_not_stop_the_class(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects a dry run: what cannot be unpacked is said, and the next submission is graded; the status is 2.

    What is not there at all is said before the image is built.
    """
    Path("bad.zip").write_text("no zip")
    assert main(["a.zip", "bad.zip", "attend.py"]) == 2
    captured = capsys.readouterr()
    assert "bad.zip cannot be unpacked: " in captured.err
    assert "──── attend.py: what the student sees ────" in captured.out
    assert platform.incoming["submission/attend.py"] == "x = 1"


def test_build_that_failed(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects deadline night: a package that cannot be built is status 1, with what setup.sh printed."""
    Path("a.zip").write_text("broken")
    assert main(["a.zip", "attend.py"]) == 1
    assert capsys.readouterr().err == "headmaster simulate: setup.sh has failed (status 1):\nno such version\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["b.zip", "attend.py"], "there is no package b.zip: `headmaster package HOMEWORK` makes one"),
        (["a.zip", "nothing"], "there is no submission nothing"),
        (["a.zip", "attend.py", "--metadata=nowhere.json"], "No such file or directory: 'nowhere.json'"),
        (["a.zip", "attend.py", "--metadata=attend.py"], "attend.py is no JSON"),
    ],
)
@pytest.mark.usefixtures("platform")
def test_misuse(given: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects who mistypes: status 2 and one sentence."""
    assert main(given) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--minutes=0", "--minutes=nan", "--cpus=-1", "--memory-mib=x", "--memory-mib=0"])
@pytest.mark.usefixtures("platform")
def test_numbers_that_are_none(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the limits: what is no number above 0 is refused."""
    with pytest.raises(SystemExit) as caught:
        main(["a.zip", "attend.py", option])
    assert caught.value.code == 2
    assert option.partition("=")[0] in capsys.readouterr().err
