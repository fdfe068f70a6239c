"""The self-test tells what confinement really stops, and says so where it does not."""

import dataclasses
import os
import sys

import pytest

from sandbox import self_test as module
from sandbox.launch import Zygote
from sandbox.probes import PROBES
from sandbox.self_test import REQUIRED, Confinement, self_test

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")

FULL = Confinement(dict.fromkeys(("uid", "landlock", "seccomp"), True), dict.fromkeys(PROBES, True), 7, "")


def without(*names: str, **layers: bool) -> Confinement:
    """One in which some probes succeed, and some layers are missing."""
    return dataclasses.replace(FULL, layers=FULL.layers | layers, stopped=FULL.stopped | dict.fromkeys(names, False))


def test_everything_is_stopped_here(zygote: Zygote) -> None:
    """Protects the machine that this runs on: whatever a worker tries is stopped, by some layer."""
    found = self_test(zygote)
    assert found.open == ()
    assert found.holds
    assert set(found.stopped) == set(PROBES)
    assert found.layers["landlock"] or found.layers["uid"]
    assert found.layers["seccomp"]


def test_an_unconfined_worker_is_found_out(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the self-test from believing intentions: each probe succeeds in a process that nothing confines."""
    from sandbox import probes

    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # this process is its own judge here
        try:
            import socket
            import tempfile
            from pathlib import Path

            place = Path(tempfile.mkdtemp())
            (place / "secret").write_bytes(b"x")
            (place / "results").mkdir()
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(place / "socket"))
                listener.listen()
                targets = probes.Targets(
                    os.getpid(), str(place / "secret"), str(place / "results"), str(place / "socket")
                )
                found = probes.run(targets)
            os.write(write, repr([name for name, stopped in found.items() if not stopped]).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as file:
        succeeded = set(eval(file.read()))  # our own text
    os.waitpid(child, 0)
    # nobody can trace itself; every other attempt gets through
    assert set(PROBES) - {"traces the judge"} <= succeeded


def test_required_probes_exist() -> None:
    """Protects the refusal of hidden checks from a misspelt name."""
    assert set(PROBES) >= REQUIRED


@pytest.mark.parametrize(
    ("found", "holds", "says"),
    [
        (FULL, True, f"confined: all {len(PROBES)} attempts to break out were stopped (uid, landlock, seccomp)"),
        (
            without("writes to /tmp"),
            True,
            "confined but for this: student code writes to /tmp (layers: uid, landlock, seccomp)",
        ),
        (
            without("reads hidden files", "writes to /tmp", landlock=False),
            False,
            "NOT CONFINED: student code reads hidden files, writes to /tmp (layers: uid, seccomp)",
        ),
        (Confinement({}, {}, 0, ""), False, "NOT CONFINED: the self-test did not answer"),
    ],
)
def test_what_it_says(found: Confinement, holds: bool, says: str) -> None:
    """Protects the staff from a run that looks safe: one open probe of those required is enough to say NOT CONFINED."""
    assert (found.holds, found.summary) == (holds, says)
    assert found.as_json()["holds"] is holds
    assert found.as_json()["open"] == list(found.open)


def test_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever has to repair it: what is missing is named, with what to do."""
    assert FULL.advice() == []
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    private = dataclasses.replace(without(uid=False), unreadable="/root")
    assert private.advice() == [
        "Other users cannot enter /root, where this Python lies: install Python and its packages outside of private homes, "
        "for example under /opt."
    ]
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000)
    [own_user, landlock, seccomp] = without(uid=False, landlock=False, seccomp=False).advice()
    assert own_user == "Workers have the judge's own user: run as root, and each gets a user of its own."
    assert landlock.startswith("The kernel offers no Landlock")
    assert seccomp.startswith("No filter of system calls could be installed")
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert len(FULL.advice()) == 1
