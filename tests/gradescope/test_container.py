"""The container's settings. That runc takes them, and that limits hold, is shown by tests/test_simulate.py."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from gradescope import container
from gradescope.container import CAPABILITIES, Bind, Limits, problem

pytestmark = pytest.mark.torch_free


def config(limits: Limits | None = None, binds: tuple[Bind, ...] = ()) -> dict[str, Any]:
    """The settings of a container."""
    return container._config(Path("/image/fs"), ["sh"], "name", binds, {"X": "1"}, limits or Limits())


def test_rights_are_those_of_docker() -> None:
    """Protects from a simulation with more rights than the platform has: Docker's fourteen, and no others."""
    assert len(set(CAPABILITIES)) == 14
    assert not {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_ADMIN"} & set(CAPABILITIES)
    process = config()["process"]
    assert process["capabilities"] == {kind: list(CAPABILITIES) for kind in ("bounding", "effective", "permitted")}
    assert (process["user"], process["cwd"], process["args"]) == ({"uid": 0, "gid": 0}, "/autograder", ["sh"])
    assert "X=1" in process["env"]


def test_namespaces() -> None:
    """Protects this machine's processes from what runs there; the network alone is shared."""
    kinds = {entry["type"] for entry in config()["linux"]["namespaces"]}
    assert kinds == {"pid", "ipc", "uts", "mount"}


def test_limits() -> None:
    """Protects the measurement: memory in bytes, half a processor as half of each period; without limits neither."""
    resources = config(Limits(768, 0.5))["linux"]["resources"]
    assert resources["memory"] == {"limit": 805306368}
    assert resources["cpu"] == {"quota": 50_000, "period": 100_000}
    assert set(config()["linux"]["resources"]) == {"devices"}


def test_binds_cannot_be_written_unless_said() -> None:
    """Protects this machine's files."""
    mounts = config(binds=(Bind(Path("/a"), "/b"), Bind(Path("/c"), "/d", writable=True)))["mounts"][-2:]
    assert [(m["source"], m["destination"], m["options"]) for m in mounts] == [
        *(("/a", "/b", ["rbind", "ro"]), ("/c", "/d", ["rbind", "rw"])),
    ]


@pytest.mark.parametrize("version", ["first", "second"])
def test_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Protects the numbers that are told: the most memory, without cached files, and a process that was ended."""
    top = tmp_path / "memory" if version == "first" else tmp_path
    folder = top / "headmaster" / "name"
    folder.mkdir(parents=True)
    monkeypatch.setattr(container, "_CGROUPS", tmp_path)
    watch = container._Watch("name")
    watch.look()
    assert (watch.peak, watch.killed) == (None, False)
    name = "total_rss" if version == "first" else "anon"
    for mib in (100, 300, 200):
        (folder / "memory.stat").write_text(f"cache 999\n{name} {mib << 20}\n")
        watch.look()
    assert (watch.peak, watch.killed) == (300.0, False)
    events = "memory.oom_control" if version == "first" else "memory.events"
    (folder / events).write_text("under_oom 0\noom_kill 1\n")
    watch.look()
    assert watch.killed


def test_why_there_is_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who gets a plain directory: the reason is said, with the packages to install."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert problem() == "it takes root"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert problem() == "debootstrap and runc missing: apt-get install debootstrap runc"
    monkeypatch.setattr(container.sys, "platform", "darwin")
    assert problem() == "it is no Linux"
