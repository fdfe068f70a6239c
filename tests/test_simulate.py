"""From the checkout to a graded submission, as an instructor does it: package, image, submissions, in a container.

The container holds Debian's packages and the package alone: there is no checkout in it. CI does two homeworks, `make simulate`
all of them (HEADMASTER_SIMULATE=all).
"""

import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from graders.homework import available
from graders.judge import reference_of
from graders.secret import DEFAULT_SECRET, SECRET_FILE
from gradescope import container
from gradescope.autograder import main as grade
from gradescope.demo import MISTAKES
from gradescope.image import BuildError, Image, build
from gradescope.manifest import NAME, Manifest, digests
from gradescope.package import package_of, write
from gradescope.results import Results, read
from gradescope.simulate import MEMORY_MIB, Simulated, main, simulate, where_not

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).resolve().parent.parent
OWN = str(ROOT / "examples" / "first_attention" / "first_attention.toml")
SLUGS = available() if os.environ.get("HEADMASTER_SIMULATE") == "all" else ["cmu_birthplaces", "core"]
SUBMISSIONS = ("solution", "template", "chaff")
HOSTILE = """
import os
def tried(what):
    try:
        return what()
    except OSError as error:
        return type(error).__name__
raise RuntimeError("|".join([
    str(tried(lambda: open("/autograder/source/SECRET").read())),
    str(tried(lambda: os.listdir("/autograder/source/reference"))),
    str(tried(lambda: open("/autograder/results/results.json").read())),
    str(tried(lambda: open("/autograder/results/mine", "w").close())),
    str(tried(lambda: open("/autograder/submission_metadata.json").read())),
]))
"""


@pytest.fixture(scope="module")
def plain() -> bool:
    """Whether there can be no container here; in CI that is an error, since the tests would prove less than they say."""
    why = where_not()
    if os.environ.get("CI") == "true":
        assert why == "", f"in CI the simulation must run in a container: {why}"
        assert container.can_limit(), "in CI memory and processor must be limited"
    return why != ""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Makes packages by name, each once; the secret is the one of runs at home, so that both get the same cases."""
    folder = tmp_path_factory.mktemp("packages")

    class Packages(dict[str, Path]):
        def __missing__(self, name: str) -> Path:
            path = folder / f"{Path(name).stem}.zip"
            write(package_of(name, DEFAULT_SECRET), path)
            self[name] = path
            return path

    return Packages()


def submission(name: str, kind: str, folder: Path) -> Path:
    """A folder with what is handed in."""
    if kind == "template":
        return ROOT / "student_template" / name
    solution = reference_of(name)
    assert solution is not None
    place = folder / kind
    shutil.copytree(solution, place, ignore=shutil.ignore_patterns("homeworks", "__pycache__"))
    if kind == "chaff":
        mistake = MISTAKES[name]
        file = place / mistake.file
        file.write_text(file.read_text(encoding="utf-8").replace(mistake.old, mistake.new), encoding="utf-8")
    return place


def zipped(folder: Path, target: Path) -> Path:
    """A folder as a student's zip."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
    return target


def verdicts(results: Results) -> dict[str, str]:
    """The outcome of each check."""
    return {name: check["outcome"] for name, check in results.extra_data["checks"].items()}


def well(found: Simulated, plain: bool) -> Results:
    """The results of a run in which nothing went wrong, within the platform's smallest machine and default time."""
    assert found.error == "", found.stdout
    assert found.seconds < 600
    assert not found.out_of_memory
    if not plain:
        assert found.peak_mib is not None
        assert found.peak_mib < MEMORY_MIB
    return Results.model_validate(found.results)


@pytest.mark.parametrize("kind", SUBMISSIONS)
@pytest.mark.parametrize("name", SLUGS)
def test_scores_are_those_at_home(
    name: str, kind: str, package: dict[str, Path], plain: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Protects the grade: each item and each check comes out in the container as by `pytest graders` here."""
    image = build(package[name], plain=plain)
    folder = submission(name, kind, tmp_path)
    found = simulate(image, zipped(folder, tmp_path / "submission.zip"))
    with capfd.disabled():
        memory = "" if found.peak_mib is None else f", {found.peak_mib:.0f} MiB"
        print(f"\n{name} {kind}: {found.score} points, {found.seconds:.0f} s{memory}{' (plain)' if plain else ''}")
    there = well(found, plain)
    assert grade([f"--homework={name}", f"--submission={folder}", f"--results={tmp_path / 'r.json'}", "--quiet"]) == 0
    here = read(tmp_path / "r.json")
    assert [(test.number, test.score, test.max_score) for test in here.tests] == [
        (test.number, test.score, test.max_score) for test in there.tests
    ]
    assert verdicts(here) == verdicts(there)
    assert (there.score == there.max_score) == (kind == "solution")
    assert (there.score == 0) == (kind == "template")
    assert there.extra_data["confinement"]["layers"]["uid"] or plain


@pytest.fixture(scope="module")
def own(package: dict[str, Path], plain: bool) -> Image:
    """The image of an instructor's own homework."""
    return build(package[OWN], plain=plain)


def test_homework_of_an_instructor(own: Image, plain: bool) -> None:
    """Protects homeworks outside of the repository: the solution gets all points, the template none."""
    folder = Path(OWN).parent
    assert well(simulate(own, folder / "solution"), plain).score == 8
    assert well(simulate(own, folder / "template" / "attend.py"), plain).score == 0


def test_student_code_reaches_nothing(own: Image, plain: bool, tmp_path: Path) -> None:
    """Protects secret, key, results and names of students from code that is handed in."""
    (tmp_path / "attend.py").write_text(HOSTILE)
    results = well(simulate(own, tmp_path), plain)
    assert results.score == 0
    if not plain:
        assert "|".join(["PermissionError"] * 5) in results.tests[0].output


def test_a_run_ends_before_the_platforms_limit(own: Image, tmp_path: Path) -> None:
    """Protects the results: code that never answers does not bring the run to the limit at which all of it is thrown away."""
    (tmp_path / "attend.py").write_text("import time\ntime.sleep(3600)\n")
    found = simulate(own, tmp_path, seconds=25)
    assert (found.error, found.score) == ("", 0.0)
    assert found.seconds < 25
    assert [test["max_score"] for test in found.results["tests"]] == [8.0]


def test_image_is_closed(own: Image, plain: bool) -> None:
    """Protects what lies in the image: nothing of the package can be read by others, the environment by all."""
    source = own.folder / "autograder" / "source"
    paths = [path for path in [source, *source.rglob("*")] if not path.is_symlink()]
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert (source / SECRET_FILE).read_text() == f"{DEFAULT_SECRET}\n"
    environment = (own.folder if plain else own.layers[0]) / ("install" if plain else "opt/headmaster") / "venv"
    assert stat.S_IMODE(environment.stat().st_mode) & 0o005 == 0o005
    assert stat.S_IMODE((environment / "pyvenv.cfg").stat().st_mode) & 0o004


@pytest.mark.parametrize(
    ("hidden", "says"),
    [
        (False, "homework/solution/attend.py has been changed. Make it anew"),
        (True, "the solution did not get all points: 1 0/8"),
    ],
)
def test_broken_package_fails_while_it_is_built(hidden: bool, says: str, plain: bool, tmp_path: Path) -> None:
    """Protects deadline night: neither an edited package nor one that cannot grade becomes an image."""
    broken = package_of(OWN, DEFAULT_SECRET)
    file = "homework/solution/attend.py"
    broken.files[file] = b"def attend(q, k, v, visible):\n    return v, v\n"
    if hidden:  # the manifest is right, the code is not
        manifest = Manifest.model_validate_json(broken.files[NAME])
        files = manifest.files | digests({file: broken.files[file]})
        broken.files[NAME] = manifest.model_copy(update={"files": files}).model_dump_json().encode()
    write(broken, tmp_path / "autograder.zip")
    with pytest.raises(BuildError) as caught:
        build(tmp_path / "autograder.zip", plain=plain)
    assert says in str(caught.value)
    assert "headmaster: ERROR: the package was installed, but could not grade: see above" in str(caught.value)


def test_plain_directory(package: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    """Protects whoever has no container: the same command works in a plain directory, and says that it is one."""
    assert main([str(package[OWN]), str(Path(OWN).parent / "solution"), "--plain"]) == 0
    printed = capfd.readouterr().out
    assert printed.startswith("in a plain directory: it was asked for\nmemory and processor are not limited here\n")
    assert "Autograder Score: 8 / 8" in printed


def test_system_python_is_left_alone(own: Image, plain: bool) -> None:
    """Protects Gradescope's own harness, which runs on the system's Python: no package is added to it, none removed."""
    if plain:
        pytest.skip("a plain directory has no system of its own")
    for layer in (own.folder, own.layers[0]):
        for place in ("usr/lib/python3/dist-packages", "usr/local/lib"):
            found = [
                path for path in (layer / place).rglob("*") if path.suffix in (".py", ".so") or "site" in path.name
            ]
            assert found == []
