"""Finding right and wrong submissions in a folder, and refusing what would be judged by nobody."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from audit.edits import Bug
from audit.specimens import Specimen, SpecimenError, file_of, folder_of, specimens
from graders.homework import available, load

LayOut = Callable[[Mapping[str, str]], Path]
WHEAT = '"""By comparison."""\n'
CHAFF = '"""No diagonal.\n\nrejected by: mask.causal_agrees\n"""\n'
NAMED = '"""Upside down.\n\nrejected by: mask.causal_agrees\nmisconception: mask_inverted\n"""\n'
NOTE = 'sentence = "Upside down."\nrejected_by = "mask.causal_agrees"\nmisconception = "mask_inverted"\n'
LOSES = 'frozenset({"1"})'
BUG = f'Bug("strict", "Strictly below.", "] >= p", "] > p", {LOSES}, "mask.py", "strictly_lower")'
VARIANT = 'Variant("turned", "Turned.", (("] >= p", "] <= p"),), "mask.py")'
TABLE = "from audit.edits import Bug, Variant\n"


def brief(found: list[Specimen]) -> list[tuple[str, bool, str, str, frozenset[str] | None, str]]:
    """What is expected of each."""
    return [(s.name, s.right, s.sentence, s.rejected_by, s.loses, s.misconception) for s in found]


def test_every_form_is_found(own: Path, lay_out: LayOut) -> None:
    """Protects an instructor's folder: each of the six forms is read, with all that it says about the verdict."""
    folder = lay_out(
        {
            "wheats/mask/compares.py": WHEAT,
            "wheats/in_a_zip/mask.py": "",
            "variants.py": f"{TABLE}VARIANTS = ({VARIANT},)",
            "chaffs/mask/strict.py": CHAFF,
            "chaffs/mask/inverted.py": NAMED,
            "chaffs/whole/mask.py": "",
            "chaffs/whole/chaff.toml": NOTE,
            "chaffs/costs_both/chaff.toml": 'sentence = "Nothing is there."\nloses = ["1", "2"]\n',
            "bugs.py": f"{TABLE}BUGS = ({BUG},)",
        }
    )
    both = frozenset({"1", "2"})
    assert brief(specimens(load(str(own)), folder)) == [
        ("mask/compares", True, "By comparison.", "", None, ""),
        ("in_a_zip", True, "", "", None, ""),
        ("turned", True, "Turned.", "", None, ""),
        ("mask/inverted", False, "Upside down.", "mask.causal_agrees", None, "mask_inverted"),
        ("mask/strict", False, "No diagonal.", "mask.causal_agrees", None, ""),
        ("costs_both", False, "Nothing is there.", "", both, ""),
        ("whole", False, "Upside down.", "mask.causal_agrees", None, "mask_inverted"),
        ("strict", False, "Strictly below.", "", frozenset({"1"}), "strictly_lower"),
    ]


def test_a_task_selects_its_own(own: Path, lay_out: LayOut) -> None:
    """Protects `--task`: what is about another task, or about no single one, is left out."""
    folder = lay_out({"wheats/mask/a.py": WHEAT, "wheats/layer_norm/b.py": WHEAT, "wheats/whole/mask.py": ""})
    assert [each.name for each in specimens(load(str(own)), folder, "layer_norm")] == ["layer_norm/b"]


def test_each_form_is_written_as_it_is_handed_in(own: Path, lay_out: LayOut, tmp_path: Path) -> None:
    """Protects the real path: a file gets the name that the homework asks for, a note stays behind, an edit is made."""
    folder = lay_out(
        {
            "wheats/mask/compares.py": WHEAT,
            "chaffs/whole/src/mask.py": "# here",
            "chaffs/whole/chaff.toml": NOTE,
            "bugs.py": f"{TABLE}BUGS = ({BUG},)",
        }
    )
    homework, written = load(str(own)), {}
    for specimen in specimens(homework, folder):
        root = specimen.write(homework, str(own), tmp_path / "written" / specimen.name)
        written[specimen.name] = {
            str(path.relative_to(root)): path.read_text("utf-8") for path in root.rglob("*") if path.is_file()
        }
    assert written["mask/compares"] == {"mask.py": WHEAT}
    assert written["whole"] == {"src/mask.py": "# here"}
    assert sorted(written["strict"]) == ["layer_norm.py", "mask.py"]
    assert "position[:, None] > position" in written["strict"]["mask.py"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes.txt": ""}, r"found no submissions in .*: expected wheats/ and chaffs/, or bugs\.py"),
        ({"chaffs/mask/a.py": WHEAT}, r"a\.py: the docstring must be a sentence, .*`rejected by: CHECK`"),
        ({"chaffs/mask/a.py": NAMED.replace("mis", "Mis")}, r"a\.py: the docstring must be"),
        ({"chaffs/x/mask.py": ""}, r"x/chaff\.toml: cannot be read: .*No such file"),
        ({"chaffs/x/chaff.toml": "sentence = "}, r"x/chaff\.toml: cannot be read: "),
        ({"chaffs/x/chaff.toml": 'sentence = "S."'}, r"chaff\.toml: .*must have `rejected_by`.* or `loses`"),
        ({"chaffs/x/chaff.toml": 'rejected_by = "mask.shapes"'}, r"chaff\.toml: sentence: Field required"),
        ({"chaffs/x/chaff.toml": NOTE + 'looses = ["1"]'}, r"chaff\.toml: looses: Extra inputs"),
        ({"chaffs/x/chaff.toml": 'sentence = "S."\nloses = ["3"]'}, r"x loses 3: .*no such graded item; it has: 1, 2"),
        ({"bugs.py": f"{TABLE}BUGS = ({BUG})"}, r"bugs\.py: expected BUGS = \(Bug\(…\), …\)"),
        ({"bugs.py": f"{TABLE}BUGS = ({VARIANT},)"}, r"bugs\.py: expected BUGS = \(Bug\(…\), …\)"),
        ({"bugs.py": "BUG = ()"}, r"bugs\.py: expected BUGS = "),
        ({"variants.py": f"{TABLE}VARIANTS = [{VARIANT}]"}, r"variants\.py: expected VARIANTS = \(Variant\("),
        ({"bugs.py": "BUGS = ("}, r"bugs\.py: cannot be imported: SyntaxError"),
        ({"bugs.py": "import absent_package"}, r"bugs\.py: cannot be imported: ModuleNotFoundError: .*absent_package"),
        (
            {"bugs.py": f"{TABLE}BUGS = ({BUG.replace(LOSES, 'frozenset()')},)"},
            r"bugs\.py: strict: expected loses=frozenset\(\{…\}\) with one item or more, found frozenset\(\)",
        ),
        ({"bugs.py": f"{TABLE}BUGS = ({BUG.replace(LOSES, '1')},)"}, r"strict: .*found 1"),
        ({"bugs.py": f"{TABLE}BUGS = ({BUG}, {BUG})"}, r"bugs\.py: the name strict occurs twice, also in .*bugs\.py"),
        ({"wheats/mask.py": WHEAT}, r"wheats/mask\.py: expected folders only: wheats/TASK/mask\.py .* wheats/mask/"),
        ({"wheats/mask/src/mask.py": WHEAT}, r"wheats/mask: found no Python file\. .* another name"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_does_not_follow_the_form_is_refused(
    own: Path, lay_out: LayOut, files: dict[str, str], message: str
) -> None:
    """Protects against an audit that is blind in silence: the file is named, with what was found and what is expected."""
    folder = lay_out(files)
    with pytest.raises(SpecimenError, match=f"(?s){message}"):
        specimens(load(str(own)), folder)


def test_a_file_that_is_no_text_is_refused(own: Path, lay_out: LayOut) -> None:
    """Protects against a traceback: a chaff in another encoding is named."""
    folder = lay_out({"chaffs/mask/a.py": ""})
    (folder / "chaffs" / "mask" / "a.py").write_bytes(b'"""\xff"""')
    with pytest.raises(SpecimenError, match=r"a\.py: cannot be read: "):
        specimens(load(str(own)), folder)


def test_unknown_tasks_and_folders_are_refused(own: Path, tmp_path: Path) -> None:
    """Protects against a slip in the command: what there is, is told."""
    homework = load(str(own))
    with pytest.raises(SpecimenError, match="own has no task 'masks'; it has: mask, layer_norm"):
        specimens(homework, tmp_path, "masks")
    with pytest.raises(SpecimenError, match="found no submissions of the task mask in .*absent"):
        specimens(homework, tmp_path / "absent", "mask")


@pytest.mark.parametrize(
    ("old", "file", "message"),
    [
        ("softmax", "mask.py", r"bugs\.py: b: the text must occur once in the solution, found 0 times: 'softmax'"),
        ("ids", "mask.py", r"bugs\.py: b: the text must occur once in the solution, found \d+ times: 'ids'"),
        (">=", "", r"bugs\.py: b: the solution \(solution\) has 2 Python files: an edit must name its `file`"),
        (">=", "masks.py", r"bugs\.py: b: the solution \(solution\) has no file masks\.py"),
    ],
    ids=["absent", "many times", "no file", "unknown file"],
)
def test_an_edit_that_does_not_fit_is_refused(own: Path, old: str, file: str, message: str) -> None:
    """Protects tables when the solution is changed: the entry that has lost its text is named before anything is judged."""
    bug = Bug("b", "Wrong.", old, "", frozenset({"1"}), file)
    specimen = Specimen("b", False, "Wrong.", Path("bugs.py"), loses=bug.loses, edit=bug)
    with pytest.raises(SpecimenError, match=message):
        specimen.check_edit(str(own))


@pytest.mark.parametrize("name", available())
def test_what_ships_can_be_judged(name: str) -> None:
    """Protects our own folders: every wheat, chaff, bug and variant follows the form, and every edit fits its solution."""
    for specimen in specimens(load(name), folder_of(name)):
        specimen.check_edit(name)


def test_a_file_is_put_where_the_homework_wants_it(own: Path) -> None:
    """Protects single files: perplexity lives in loss.py, a homework with one file has one place, others say so."""
    core, example = load("core"), load(str(folder_of("core").parent / "examples/first_attention/first_attention.toml"))
    assert [file_of(task, core) for task in ("mask", "perplexity")] == ["mask.py", "loss.py"]
    assert file_of("attention", example) == "attend.py"
    with pytest.raises(SpecimenError, match=r"own has no file loss\.py: put a whole submission in a folder of its own"):
        file_of("loss", load(str(own)))


def test_an_instructors_folder_lies_beside_the_toml(own: Path) -> None:
    """Protects `headmaster audit my.toml`: nothing else needs to be said."""
    assert folder_of(str(own)) == own.parent / "submissions"
