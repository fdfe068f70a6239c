"""An image made of a package: the zip unpacked and its setup.sh run, in a container or in a plain directory.

Images are kept in the cache folder by the package's contents, as the platform keeps them, the newest ones only. What setup.sh
installs is a layer below, shared by packages that ask for the same.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from . import harness
from .container import Bind, Limits, Ran, layered, run
from .rootfs import alone, base, cache
from .unpack import unpack

KEPT = {"images": 8, "environments": 3, "plain": 3}  # the last two take about a gigabyte each
_WHOLE = ".whole"  # the ending of an empty file beside an image that is whole
_HARNESS = Path(harness.__file__)
_SPARE_SECONDS = 120  # beside the time limit: for the container itself
_BUILD_SECONDS = 3600
_ENVIRONMENT = ("setup.sh", "requirements.txt", "constraints.txt")
_ONLY = ("--environment-only",)


class BuildError(Exception):
    """setup.sh has failed, or there is none; the message holds what it printed."""


@dataclass(frozen=True)
class Image:
    """What a package became.

    Attributes:
        folder: the layer above the root file system, or the plain directory.
        layers: what lies below it; () for a plain directory.
        log: what setup.sh printed; "" if the image was there already.
    """

    folder: Path
    layers: tuple[Path, ...]
    log: str = ""


def build(package: Path, *, plain: bool) -> Image:
    """Make the image, unless it is kept already.

    Args:
        package: the zip.
        plain: in a plain directory; else in a container.

    Raises:
        BuildError: the package has no setup.sh or run_autograder, or setup.sh has failed.
        UnpackError: the package cannot be unpacked.
        RootfsError, ContainerError: see there.
    """
    data = package.read_bytes()
    if plain:
        parts = [data, str(_interpreter()).encode()]
        return _kept(cache() / "plain", parts, (), lambda path: _build_plain(package, path))
    bottom = base()
    with tempfile.TemporaryDirectory(prefix="headmaster-") as folder:
        unpack(package, Path(folder))
        parts = [(Path(folder) / name).read_bytes() for name in _ENVIRONMENT if (Path(folder) / name).is_file()]
    parts.append(bottom.name.encode())
    below = _kept(cache() / "environments", parts, (bottom,), lambda path: _build(package, path, (bottom,), *_ONLY))
    layers = (below.folder, *below.layers)
    parts = [data, below.folder.name.encode()]
    made = _kept(cache() / "images", parts, layers, lambda path: _build(package, path, layers))
    return Image(made.folder, made.layers, below.log + made.log)


def _kept(folder: Path, parts: Sequence[bytes], layers: tuple[Path, ...], make: Callable[[Path], str]) -> Image:
    """The image that follows from some bytes; made unless it is there, whole."""
    key = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]
    path, whole = folder / key, folder / f"{key}{_WHOLE}"
    with alone(path):
        if whole.is_file():
            os.utime(whole)
            return Image(path, layers)
        shutil.rmtree(path, ignore_errors=True)
        try:
            log = make(path)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        whole.touch()
    _forget_old(folder)
    return Image(path, layers, log)


def grade(image: Image, incoming: Path, outgoing: Path, seconds: float, limits: Limits) -> Ran:
    """Let the harness grade one submission in a fresh copy of the image.

    Args:
        image: made by `build`.
        incoming: see `harness.run`.
        outgoing: an empty folder; `stored.json` will lie there unless the harness itself was ended.
        seconds: the platform's time limit.
        limits: memory and processor; without meaning in a plain directory.

    Raises:
        ContainerError: see `container.run`.
    """
    for folder in (incoming, outgoing):
        folder.chmod(0o700)
    if not image.layers:
        with alone(image.folder):  # there is one copy of it only
            command = [str(_HARNESS), str(image.folder / "autograder"), str(incoming), str(seconds)]
            return _plainly([sys.executable, *command, str(outgoing / "stored.json")], seconds + _SPARE_SECONDS)
    binds = [
        Bind(_HARNESS, "/run/harness.py"),
        Bind(incoming, "/run/incoming"),
        Bind(outgoing, "/run/outgoing", writable=True),
        *_network(),
    ]
    command = ["python3", "/run/harness.py", "/autograder", "/run/incoming", str(seconds), "/run/outgoing/stored.json"]
    with (
        tempfile.TemporaryDirectory(dir=image.folder.parent, prefix="run-") as scratch,
        layered([image.folder, *image.layers], Path(scratch, "upper")) as root,
    ):
        return run(root, command, binds=binds, limits=limits, seconds=seconds + _SPARE_SECONDS)


def _build(package: Path, upper: Path, layers: tuple[Path, ...], *options: str) -> str:
    with layered(layers, upper) as root:
        _lay_out(package, root / "autograder")
        binds, environment = _pip_settings()
        command = ["bash", "/autograder/source/setup.sh", *options]
        ran = run(root, command, binds=[*binds, *_network()], environment=environment, seconds=_BUILD_SECONDS)
        if ran.status != 0:
            raise BuildError(f"setup.sh has failed (status {ran.status}):\n{ran.output}")
        if options:  # a layer below packages, which bring their own
            shutil.rmtree(root / "autograder")
        for name in ("var/lib/apt/lists", "var/cache/apt/archives", "tmp", "var/tmp"):  # as the platform does
            for path in (root / name).iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return ran.output


def _build_plain(package: Path, folder: Path) -> str:
    folder.mkdir(mode=0o755, parents=True)
    _lay_out(package, folder / "autograder")
    variables = {"HEADMASTER_INSTALL": str(folder / "install"), "HEADMASTER_PYTHON": str(_interpreter())}
    command = ["bash", str(folder / "autograder" / "source" / "setup.sh")]
    ran = _plainly(command, _BUILD_SECONDS, variables)
    if ran.status != 0:
        raise BuildError(f"setup.sh has failed (status {ran.status}):\n{ran.output}")
    return ran.output


def _lay_out(package: Path, autograder: Path) -> None:
    source = autograder / "source"
    unpack(package, source)
    for name in ("setup.sh", "run_autograder"):
        if not (source / name).is_file():
            raise BuildError(f"{package} has no {name} at its root: zip the files themselves, not a folder with them")
    shutil.copy(source / "run_autograder", autograder)
    (autograder / "run_autograder").chmod(0o755)


def _interpreter() -> Path:
    """The Python for a plain directory: the system's, if it is of this version and whole, so that all users can read it."""
    system = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    if system.exists():
        probe = [str(system), "-c", "import ensurepip, venv"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return system
    return Path(sys.executable).resolve()


def _plainly(command: list[str], seconds: float, variables: dict[str, str] | None = None) -> Ran:
    """Run a command outside of any container, in a session of its own that is gone when this returns."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment | (variables or {}),
        )
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            status = -9
        finally:
            _end_session(process.pid)
            process.wait()
        output.seek(0)
        return Ran(status, output.read().decode("utf-8", errors="replace"))


def _end_session(number: int) -> None:
    try:
        os.killpg(number, 9)
    except (ProcessLookupError, PermissionError):
        pass  # all have ended


def _network() -> list[Bind]:
    """What a container needs to find other machines."""
    places = (Path("/etc/resolv.conf"), Path("/etc/hosts"))
    return [Bind(place.resolve(), str(place)) for place in places if place.exists()]


def _pip_settings() -> tuple[list[Bind], dict[str, str]]:
    """This machine's settings of pip and certificates: files and folders that the container sees, and variables."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name in names or name.lower().endswith("_proxy")
    }
    home = Path.home()
    known = {
        Path("/etc/pip.conf"): "/etc/pip.conf",
        Path("/etc/xdg/pip"): "/etc/xdg/pip",
        Path("/etc/ssl/certs"): "/etc/ssl/certs",
        home / ".config" / "pip": "/root/.config/pip",
        home / ".pip": "/root/.pip",
    }
    known |= {place: str(place) for place in _local_indexes()}
    return [Bind(place.resolve(), target) for place, target in known.items() if place.exists()], environment


def _local_indexes() -> list[Path]:
    """The folders of this machine that pip looks into, by its settings."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60, check=False
    )
    found = []
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        kind = key.rpartition(".")[2]
        if kind not in ("find-links", "index-url", "extra-index-url"):
            continue
        for word in " ".join(shlex.split(value)).split():
            url = urlparse(word)
            if url.scheme in ("", "file") and url.path.startswith("/"):
                place = Path(url.path)
                # an index's pages lead to files beside it
                found.append(place if kind == "find-links" or len(place.parts) < 4 else place.parent)
    return found


def _forget_old(folder: Path) -> None:
    """Keep the images that were used last."""
    marks = sorted(folder.glob(f"*{_WHOLE}"), key=lambda path: path.stat().st_mtime)
    for mark in marks[: -KEPT[folder.name]]:
        path = mark.with_suffix("")
        with alone(path):
            mark.unlink(missing_ok=True)
            shutil.rmtree(path, ignore_errors=True)
