"""Fuzzes what takes bytes from students, or a TOML from an instructor: one target after the other, for some time each.

python -m tests.fuzz TARGET|all --seconds N [--out FOLDER]
python -m tests.fuzz TARGET --input FILE
"""

import argparse
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

# the targets, and how long their inputs get
TARGETS = {
    "frames": 1 << 14,
    "structures": 1 << 14,
    "trees": 1 << 8,
    "notebooks": 1 << 13,
    "sources": 1 << 12,
    "tomls": 1 << 13,
}
# one input may take so long by the clock before libFuzzer calls it a hang, and the process may hold so many MiB
OPTIONS = ("-timeout=60", "-rss_limit_mb=3072")
_DONE = re.compile(r"^Done (\d+) runs in (\d+) second", re.MULTILINE)
_COVERED = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")
_ARTIFACT = re.compile(r"Test unit written to (.+)")


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 1 if a target has failed, 2 if atheris is not there."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, allow_abbrev=False)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="inputs are kept here (default: out/fuzz)")
    parser.add_argument("--input", type=Path, help="run this input once, without atheris")
    given = parser.parse_args(arguments)
    if given.input is not None:
        if given.target == "all":
            parser.error("--input needs one target, found 'all': name the one that the input is for")
        importlib.import_module(f"tests.fuzz.{given.target}").target(given.input.read_bytes())
        print(f"{given.target}: {given.input} passes")
        return 0
    if given.seconds < 1:
        parser.error(f"--seconds must be at least 1, found {given.seconds}")
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install --editable '.[fuzz]' (Linux on x86-64)", file=sys.stderr)
        return 2
    names = list(TARGETS) if given.target == "all" else [given.target]
    return max([_fuzz(name, given.seconds, given.out / name) for name in names])


def _fuzz(name: str, seconds: int, folder: Path) -> int:
    """Fuzz a target in a process of its own; 1 if it has failed."""
    folder.mkdir(parents=True, exist_ok=True)
    options = (f"-max_total_time={seconds}", f"-max_len={TARGETS[name]}", *OPTIONS)
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(folder), *options]
    log = folder / "log"
    with log.open("wb") as file:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT).returncode
    return tell(name, status, log)


def tell(name: str, status: int, log: Path) -> int:
    """Print how it went, from libFuzzer's own words; 1 if it has failed, or tried nothing."""
    text = log.read_text(encoding="utf-8", errors="replace")
    done, covered, artifact = _DONE.search(text), _COVERED.findall(text), _ARTIFACT.search(text)
    if status == 0 and done and int(done[1]) and covered:
        print(f"{name}: {done[1]} inputs in {done[2]} s, {covered[-1][0]} places and {covered[-1][1]} features reached")
        return 0
    print(f"{name}: FAILED with status {status}, see {log}\n{text[-3000:]}")
    if artifact:
        print(f"repeat it: python -m tests.fuzz {name} --input {artifact[1]}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
