"""`headmaster doctor`: the machine, the layers, what was tried, and what to do; its status says whether it holds."""

import dataclasses
import sys

import pytest
from rich.console import Console

from graders import doctor
from sandbox.confine import LAYERS
from sandbox.probes import PROBES
from sandbox.self_test import Confinement

FULL = Confinement(dict.fromkeys(LAYERS, True), dict.fromkeys(PROBES, True), 7, "")


def test_every_layer_is_explained() -> None:
    """Protects the table: a new layer must be put in words."""
    assert set(doctor.LAYERS) == set(LAYERS)


def test_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the reader: what succeeded is marked, what is required too, and the conclusion comes last."""
    stopped = FULL.stopped | {"runs programs": False}
    doctor.show(dataclasses.replace(FULL, stopped=stopped), Console(width=120))
    lines = capsys.readouterr().out.splitlines()
    assert any("✗" in line and "runs programs" in line and "not required" not in line for line in lines)
    assert any("✓" in line and "writes to /tmp" in line and "not required" in line for line in lines)
    assert any(line.startswith("NOT CONFINED: student code runs programs") for line in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")
def test_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the command: it finds out, and its status is 0 where confinement holds."""
    assert doctor.main([]) == 0
    assert "attempts to break out were stopped" in capsys.readouterr().out.replace("\n", " ")
