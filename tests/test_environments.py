"""The three environments: a container as Docker makes it, and hostile submissions in it and under a plain user."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import attack_run
from tests.attack_run import Report, run, total
from tests.environments import place as places
from tests.environments.container import CAPABILITIES, PROFILE, config, seccomp
from tests.environments.environment import ENVIRONMENTS
from tests.environments.place import ROOT, EnvironmentMissing, Place, prepared, readable_python
from tests.trials import Trial, trials

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the environments are Linux's")
# of each layer some, both kinds of controls, what only stands in other ways in a container, and what is built
SOME = (
    *(
        "honest",
        "wrong",
        "kills_judge",
        "signals_everybody",
        "steals_descriptors",
        "reads_secret",
        "reads_through_proc",
    ),
    *("writes_results", "results_mode", "daemon", "shell", "spares_itself", "slows_judge", "memory_bomb"),
    *("measures_secret", "thread_bomb", "second_reply", "linked"),
)
BY_NAME = {environment.name: environment for environment in ENVIRONMENTS}
MODERN = (6, 1)
PLACE = Place(Path("/p"), Path("/p/checkout"), Path("/p/venv/bin/python"), Path("/usr"))


def allowed() -> set[str]:
    """The calls that the container's profile allows whatever their arguments."""
    found = seccomp(json.loads(PROFILE.read_text(encoding="utf-8")), "x86_64", MODERN)
    calls = found["syscalls"]
    assert isinstance(calls, list)
    return {
        name for call in calls if call["action"] == "SCMP_ACT_ALLOW" and not call.get("args") for name in call["names"]
    }


def test_the_profile_is_dockers() -> None:
    """Protects honesty: the container is confined by the file that Docker ships, byte for byte."""
    digest = hashlib.sha256(PROFILE.read_bytes()).hexdigest()
    assert digest == "9c1025c88ccaa517b648da571961838744ea2137f176bfe6a48b21294cae9c76"


def test_the_capabilities_are_dockers() -> None:
    """Protects honesty: the set is the one that a process in a default container has, 0xa80425fb."""
    numbers = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
    assert sum(1 << number for number in numbers) == 0xA80425FB
    assert (len(CAPABILITIES), len(set(CAPABILITIES))) == (14, 14)


def test_the_profile_allows_what_dockers_does() -> None:
    """Entries count only if their capabilities, machine and kernel are those of the container."""
    calls = allowed()
    assert {"landlock_restrict_self", "seccomp", "setresuid", "ptrace", "chroot"} <= calls
    assert (
        calls & {"bpf", "mount", "unshare", "setns", "open_by_handle_at", "pidfd_getfd", "kcmp", "io_uring_setup"}
        == set()
    )


def test_clone3_is_said_to_be_missing() -> None:
    """Without it, threads could not be made: libraries go back to clone only when clone3 is not there."""
    found = seccomp(json.loads(PROFILE.read_text(encoding="utf-8")), "x86_64", MODERN)["syscalls"]
    assert isinstance(found, list)
    assert [call for call in found if "clone3" in call["names"]] == [
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
    ]


def test_ptrace_needs_a_kernel_that_is_new_enough() -> None:
    """Docker allows it from 4.8 on, where a filter cannot be gone around with it."""
    profile = json.loads(PROFILE.read_text(encoding="utf-8"))
    names = [name for call in seccomp(profile, "x86_64", (4, 7))["syscalls"] for name in call["names"]]  # type: ignore[attr-defined]
    assert "ptrace" not in names


def test_an_unknown_machine_is_told() -> None:
    """A profile for another kind of machine would confine nothing."""
    with pytest.raises(EnvironmentMissing, match="known for x86_64, aarch64, and this machine is vax"):
        seccomp({}, "vax", MODERN)


def test_the_container_shows_the_place_read_only() -> None:
    """No attack can change the grader's files or this machine's: what is shown of them cannot be written."""
    written = config(Path("/root"), PLACE, ["true"], {"HOME": "/"})
    mounts = written["mounts"]
    assert isinstance(mounts, list)
    shown = {mount["destination"]: mount["options"] for mount in mounts if mount["type"] == "bind"}
    assert {path: "ro" in options for path, options in shown.items()} == {"/usr": True, "/p": True}


class Scripted:
    """An environment whose judges are small programs."""

    def __init__(self, *programs: str, known_open: dict[str, str] | None = None) -> None:
        self.name, self.layers, self.known_open = "scripted", frozenset({"seccomp"}), known_open or {}
        self.programs = list(programs)
        self.asked: list[list[str]] = []

    @contextmanager
    def started(self, place: Place, arguments: list[str], errors: object) -> Iterator["subprocess.Popen[str]"]:
        self.asked.append(arguments[2:])
        command = [sys.executable, "-I", "-c", self.programs.pop(0)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:  # type: ignore[call-overload]
            try:
                yield process
            finally:
                process.kill()


def lines(*records: Mapping[str, object]) -> str:
    """A program that writes these."""
    return "".join(f"print({json.dumps(record)!r}, flush=True)\n" for record in records)


START = {"summary": "confined", "layers": {"seccomp": True}, "open": []}
FIRST, SECOND = (next(trial for trial in trials() if trial.name == name) for name in ("measures_secret", "daemon"))


def held(environment: Scripted, *wanted: Trial) -> Report:
    """Run a scripted environment."""
    return run(environment, PLACE, wanted, lambda line: None)  # type: ignore[arg-type]


def ended(trial: Trial, *problems: list[str]) -> tuple[dict[str, object], dict[str, object]]:
    """What a judge writes about a trial."""
    return {"begin": trial.name}, {"end": trial.name, "problems": list(problems), "seconds": 1}


def test_a_judge_that_dies_loses_its_trial_only() -> None:
    """The trial in which it died counts as lost, and another judge holds those after it."""
    environment = Scripted(lines(START, {"begin": FIRST.name}), lines(START, *ended(SECOND)))
    report = held(environment, FIRST, SECOND)
    assert report.outcomes == {FIRST.name: "LOST: the judge died or fell silent", SECOND.name: ""}
    assert environment.asked == [[FIRST.name, SECOND.name], [SECOND.name]]
    assert not report.clean


def test_a_silent_judge_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that hangs costs its trial, not the run."""
    monkeypatch.setattr(attack_run, "SILENCE_SECONDS", 2)
    hanging = f"{lines(START, {'begin': FIRST.name})}import time; time.sleep(60)"
    report = held(Scripted(hanging), FIRST)
    assert report.counts == Counter({"lost": 1})


def test_a_judge_that_never_starts_is_told() -> None:
    """Nothing held is not nothing found: the run ends, with what the judge wrote."""
    report = held(Scripted("raise SystemExit('no torch')"), FIRST)
    assert (report.clean, report.outcomes) == (False, {})
    assert "no torch" in report.faults[0]


def test_a_missing_layer_is_a_fault() -> None:
    """An environment without what it should have proves nothing, even if every attack fails there."""
    bare = {"summary": "", "layers": {"seccomp": False}, "open": ["writes to /tmp"]}
    report = held(Scripted(lines(bare, *ended(FIRST))), FIRST)
    assert report.faults == ["scripted: lacks the layer seccomp", "scripted: student code writes to /tmp"]


def test_a_process_that_outlives_its_judge_is_found() -> None:
    """What no trial sees, since its judge has died before, is seen at the end, and ended."""
    orphan = "import subprocess; subprocess.Popen(['sleep', '60'])"
    program = (
        "import subprocess, sys; from tests import attack_run; attack_run.LEAVING_SECONDS = 0; attack_run.adopt_orphans();"
        f'subprocess.run([sys.executable, "-I", "-c", {orphan!r}]);'
        "print(len(attack_run.left_behind())); import os; os.wait(); print(len(attack_run.left_behind()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["1", "0"], "")


@pytest.mark.parametrize(
    ("problems", "clean"),
    [
        ([["forged", "says so"], ["untried", "neither refused nor through"]], True),
        ([["forged", "says so"], ["forged", "read the secret"]], False),
        ([], False),
    ],
    ids=["as documented", "more", "no longer"],
)
def test_a_known_opening_is_exactly_that(problems: list[list[str]], clean: bool) -> None:
    """What the documentation says is open may be open, and nothing more; and it is told when it no longer is."""
    environment = Scripted(lines(START, *ended(FIRST, *problems)), known_open={FIRST.name: "stat()"})
    assert held(environment, FIRST).clean == clean


def test_the_last_line_counts() -> None:
    """Problems of all environments are added up; what fits in none of the three numbers is told too."""
    reports = [
        Report("a", counts=Counter({"forged": 1, "survivor": 2})),
        Report("b", counts=Counter({"lost": 3, "untried": 1}), faults=["x"]),
    ]
    assert total(reports, [FIRST, SECOND]) == (
        "2 attacks in 2 environments: 1 forged, 3 lost, 2 survivors, 1 that tried nothing, 1 faults of environments"
    )


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that cannot be made is told, not passed over."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with (
        pytest.raises(EnvironmentMissing, match="'container' needs root: run as root, or choose 'user' alone"),
        BY_NAME["container"].started(PLACE, [], sys.stderr.buffer),
    ):
        pass


def test_a_python_that_others_cannot_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers with users of their own could load nothing: it says what was found, and what to do."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(places, "unreadable", lambda folders: "/home/private")
    with pytest.raises(EnvironmentMissing, match="which is private, and neither .* Install it for the whole system"):
        readable_python()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """What all users can read; where it cannot be prepared, CI fails and others are told why it is skipped."""
    try:
        with prepared() as place:
            yield place
    except EnvironmentMissing as error:
        missing(str(error))


def missing(reason: str) -> None:
    """Skip, but never in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must have every environment: {reason}")
    pytest.skip(reason)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["user", "container"])
def test_attacks_get_nothing_in(name: str, place: Place) -> None:
    """A few of each kind, in the environments that this process is not in itself; `make attacks` holds them all."""
    if name == "container" and (
        os.geteuid() != 0 or shutil.which("runc", path=f"{os.environ['PATH']}:/usr/sbin") is None
    ):
        missing("the container needs root and runc: `make runc` as root")
    known = {trial.name: trial for trial in trials()}
    told: list[str] = []
    report = run(BY_NAME[name], place, [known[each] for each in SOME], told.append)
    assert report.faults == []
    assert {attack: wrong for attack, wrong in report.outcomes.items() if wrong} == {}
    assert list(report.outcomes) == list(SOME)
    assert report.clean, "\n".join(told)
