"""Images: made once, kept while they are used, never half; and what of this machine's settings a container sees."""

import os
import select
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from gradescope import image
from gradescope.image import KEPT, BuildError, Image

pytestmark = pytest.mark.torch_free


def kept(folder: Path, part: bytes, made: list[Path], layers: tuple[Path, ...] = ()) -> Image:
    """An image of some bytes; `made` grows when it is made anew."""

    def make(path: Path) -> str:
        path.mkdir(parents=True)
        made.append(path)
        return "log"

    return image._kept(folder, [part], layers, make)


def test_made_once(tmp_path: Path) -> None:
    """Protects the second simulation from the first one's wait: the same bytes are the same image, others another."""
    made: list[Path] = []
    first = kept(tmp_path / "images", b"a", made)
    assert (first.folder, first.log) == (made[0], "log")
    assert kept(tmp_path / "images", b"a", made) == Image(first.folder, ())
    assert kept(tmp_path / "images", b"b", made).folder != first.folder
    assert len(made) == 2


def test_half_an_image_is_none(tmp_path: Path) -> None:
    """Protects from a build that failed or was ended: what it left is not taken for an image."""

    def fails(path: Path) -> str:
        path.mkdir(parents=True)
        raise BuildError("setup.sh has failed")

    with pytest.raises(BuildError):
        image._kept(tmp_path / "images", [b"a"], (), fails)
    assert [path for path in (tmp_path / "images").iterdir() if path.is_dir()] == []
    made: list[Path] = []
    place = kept(tmp_path / "images", b"a", made).folder
    place.with_name(f"{place.name}.whole").unlink()  # as if it had been ended before
    (place / "half").touch()
    kept(tmp_path / "images", b"a", made)
    assert len(made) == 2
    assert list(place.iterdir()) == []


def test_the_oldest_goes(tmp_path: Path) -> None:
    """Protects the disk: of each kind a few images stay, those that were used last."""
    made: list[Path] = []
    for number in range(KEPT["plain"]):
        place = kept(tmp_path / "plain", bytes([number]), made).folder
        os.utime(place.with_name(f"{place.name}.whole"), (number, number))
    kept(tmp_path / "plain", bytes([0]), made)  # used again: it is the newest now
    kept(tmp_path / "plain", b"one more", made)
    assert [path for path in made if not path.is_dir()] == [made[1]]


@pytest.mark.parametrize("missing", ["setup.sh", "run_autograder"])
def test_zip_of_a_folder(tmp_path: Path, missing: str) -> None:
    """Protects who zipped the folder in place of its files: what is missing at the root is said."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in {"setup.sh", "run_autograder"} - {missing}:
            archive.writestr(name, "")
        archive.writestr(f"folder/{missing}", "")
    with pytest.raises(BuildError, match=f"has no {missing} at its root: zip the files themselves"):
        image._lay_out(tmp_path / "a.zip", tmp_path / "autograder")


def test_laid_out_as_the_platform_does(tmp_path: Path) -> None:
    """Protects run_autograder: its copy beside the folder `source` can be executed, whatever the zip says."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("setup.sh", "")
        archive.writestr("run_autograder", "#!/bin/sh\n")
    image._lay_out(tmp_path / "a.zip", tmp_path / "autograder")
    assert os.access(tmp_path / "autograder" / "run_autograder", os.X_OK)
    assert sorted(os.listdir(tmp_path / "autograder" / "source")) == ["run_autograder", "setup.sh"]


def test_folders_that_pip_looks_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects offline machines: folders of wheels and of indexes are seen in the container, other settings are not."""
    listed = """:env:.find-links='/srv/wheels'
global.cert='/etc/ssl/x.crt'
global.extra-index-url='file:///srv/pypi/simple https://index.example.org/simple file:///simple'
"""
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=listed))
    assert image._local_indexes() == [Path("/srv/wheels"), Path("/srv/pypi"), Path("/simple")]


def test_variables_of_pip_and_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects secrets of whoever simulates: the container gets pip's, proxies' and certificates' variables, no others."""
    monkeypatch.setattr(image, "_local_indexes", list)
    monkeypatch.setattr(
        os, "environ", {"PIP_CERT": "a", "HTTPS_PROXY": "b", "SSL_CERT_FILE": "c", "TOKEN": "d", "PYTHONPATH": "e"}
    )
    assert image._pip_settings()[1] == {"PIP_CERT": "a", "HTTPS_PROXY": "b", "SSL_CERT_FILE": "c"}


def test_nothing_outlives_a_plain_run(tmp_path: Path) -> None:
    """Protects this machine: what a run leaves in the background is ended with it."""
    script = f"sleep 60 & echo $! > {tmp_path}/pid; echo printed; exit 3"
    ran = image._plainly(["sh", "-c", script], 30)
    assert (ran.status, ran.output) == (3, "printed\n")
    pid = int((tmp_path / "pid").read_text())
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([process], [], [], 10)[0], "it is still running"
    finally:
        os.close(process)
