"""Checkpoints are opened in a worker, within caps; each hostile or mistaken file gets a sentence that says what it is."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from sandbox.checkpoint import CheckpointCaps, CheckpointError, answer, read
from sandbox.client import Submission
from sandbox.errors import Loss, StudentError, WorkerLost
from sandbox.weights import Weights, describe, load
from tests import hostile_checkpoints as hostile
from tests.hostile_checkpoints import HOSTILE, HOSTILE_SAFETENSORS, entry, good, in_safetensors, saved, write

MakeSubmission = Callable[..., Submission]
PROJ = {"proj.weight": ("float32", (3, 4)), "proj.bias": ("float32", (3,))}
MODEL = """
    from torch import nn

    class Model(nn.Module):
        def __init__(self, n=3):
            super().__init__()
            self.proj = nn.Linear(4, n)

        def forward(self, x):
            return self.proj(x)
"""


@pytest.fixture
def handed_in(submission: MakeSubmission, tmp_path: Path) -> Callable[..., Submission]:
    """Hand in files of bytes beside files of text."""

    def hand_in(files: dict[str, bytes], **texts: str) -> Submission:
        made = submission({f"{name}.py": text for name, text in texts.items()})
        for name, data in files.items():
            (made.snapshot.root / name).write_bytes(data)  # as if it had been taken in with the others
            (made.snapshot.root / name).chmod(0o644)
        return made

    return hand_in


# ------------------------------------------------------------------------------------------ what is opened


@pytest.mark.parametrize("name", ["model.params", "model.pt", "model.pth", "model.BIN"])
def test_what_torch_saves(name: str, tmp_path: Path) -> None:
    """Protects honest files: every suffix, values and order as they were saved."""
    write(tmp_path / name, saved(good()))
    tensors, notes = read(str(tmp_path), name)
    assert (list(tensors), notes) == (list(good()), [])
    assert all(torch.equal(tensors[key], value) for key, value in good().items())


def test_what_safetensors_saves(tmp_path: Path) -> None:
    """Protects honest files: what the library itself writes is read, in every dtype that is taken, empty and scalar too."""
    from safetensors.torch import save_file

    dtypes = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16)
    values = {str(dtype)[6:]: torch.arange(6).view(2, 3).to(dtype) for dtype in (*dtypes, torch.int8, torch.uint8)}
    values |= {"bool": torch.tensor([True, False, True]), "empty": torch.empty(0, 5), "scalar": torch.tensor(2.5)}
    save_file(values, tmp_path / "m.safetensors", metadata={"format": "pt"})
    tensors, notes = read(str(tmp_path), "m.safetensors")
    assert (tensors.keys(), notes) == (values.keys(), [])
    for name, value in values.items():
        assert (tensors[name].dtype, tensors[name].shape) == (value.dtype, value.shape)
        assert torch.equal(tensors[name], value), name


def test_saved_on_a_gpu(tmp_path: Path) -> None:
    """Protects students who train on a GPU and do not move the weights before they save them."""
    name = write(tmp_path / "m.pt", hostile.saved_on_gpu())
    assert b"cuda:0" in (tmp_path / name).read_bytes()
    tensors, _ = read(str(tmp_path), name)
    assert {tensor.device.type for tensor in tensors.values()} == {"cpu"}


def test_data_parallel(tmp_path: Path) -> None:
    """Protects students of DataParallel: `module.` is taken off all names, unless the model has it too, and said."""
    name = write(tmp_path / "m.pt", hostile.data_parallel())
    tensors, notes = read(str(tmp_path), name)
    assert list(tensors) == list(good())
    assert notes == ["All names begin with 'module.' (DataParallel or torch.compile): it was taken off."]
    tensors, notes = read(str(tmp_path), name, expected=["module.proj.weight", "module.proj.bias"])
    assert (list(tensors), notes) == (["module.proj.weight", "module.proj.bias"], [])
    write(tmp_path / "m.pt", saved({"module.a": torch.ones(1), "b": torch.ones(1)}))
    assert list(read(str(tmp_path), name)[0]) == ["module.a", "b"]


def test_a_training_state(tmp_path: Path) -> None:
    """Protects students who save the epoch and the optimizer too: the model's part is taken, and said."""
    name = write(tmp_path / "m.pt", hostile.in_a_training_state())
    tensors, notes = read(str(tmp_path), name)
    assert list(tensors) == list(good())
    assert notes == ["The weights were taken from 'model_state_dict' in m.pt."]


def test_right_but_not_plain(tmp_path: Path) -> None:
    """Protects models with tied weights, transposed weights and masks as buffers; what comes out is contiguous."""
    name = write(tmp_path / "m.pt", hostile.tied())
    tensors, _ = read(str(tmp_path), name)
    assert torch.equal(tensors["turned"], good()["proj.weight"].T)
    assert torch.equal(tensors["tied"], good()["proj.weight"])
    assert (tensors["mask"] == float("-inf")).sum() == 3
    assert all(tensor.is_contiguous() and type(tensor) is torch.Tensor for tensor in tensors.values())
    assert not any(tensor.requires_grad for tensor in tensors.values())


# ------------------------------------------------------------------------------------------ what is not


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, handed_in: Callable[..., Submission]) -> None:
    """Protects points and patience: a confined worker answers each file with its reason, and lives on."""
    build, message = HOSTILE[name]
    with handed_in({"m.pt": build()}).open(seed=1) as worker:
        with pytest.raises(StudentError) as caught:
            describe(worker, "m.pt")
        assert caught.value.kind == "checkpoint"
        assert message in caught.value.facts["message"]
        assert caught.value.facts["message"].startswith("m.pt")
        assert "weights_only" not in caught.value.facts["message"]
        assert worker.layers()


@pytest.mark.parametrize("name", HOSTILE_SAFETENSORS)
def test_hostile_safetensors(name: str, tmp_path: Path) -> None:
    """Protects memory from headers that announce too much, and the judge from files that are read in two ways."""
    build, message = HOSTILE_SAFETENSORS[name]
    write(tmp_path / "m.safetensors", build())
    with pytest.raises(CheckpointError) as caught:
        read(str(tmp_path), "m.safetensors")
    assert message in str(caught.value)
    assert str(caught.value).startswith("m.safetensors")


TOO_MUCH = {"400,000 tensors", "2001 tensors", "long header", "odd name", "NaN", "other dtype", "no tensors"}


@pytest.mark.parametrize("name", sorted(HOSTILE_SAFETENSORS.keys() - TOO_MUCH))
def test_the_library_agrees(name: str, tmp_path: Path) -> None:
    """Protects honest files: what is called malformed here, the format's own library refuses too."""
    from safetensors import SafetensorError, safe_open

    path = tmp_path / "m.safetensors"
    write(path, HOSTILE_SAFETENSORS[name][0]())
    with pytest.raises(SafetensorError), safe_open(path, "pt"):
        pass


NAIVE = """
    import builtins
    import torch

    def naive(path):
        try:
            torch.load(path, weights_only=False)
        except Exception as error:
            print(error)
        return owned()

    def owned():
        return hasattr(builtins, "owned")
"""


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (hostile.evil_pickle, "m.pt holds more than tensors: exec. Save the weights alone"),
        (hostile.bare_evil_pickle, "m.pt is not what torch.save writes"),
    ],
)
def test_evil_pickles(build: Callable[[], bytes], message: str, handed_in: Callable[..., Submission]) -> None:
    """Protects from the files that run code: a naive reader runs it, here it is only named."""
    made = handed_in({"m.pt": build()}, student=NAIVE)
    with made.open(seed=1) as worker:
        assert worker.resolve("student", "naive")(str(made.snapshot.root / "m.pt")) is True
    with made.open(seed=1) as worker:
        with pytest.raises(StudentError) as caught:
            describe(worker, "m.pt")
        assert worker.resolve("student", "owned")() is False
    assert message in caught.value.facts["message"]


def test_too_large_a_file(tmp_path: Path) -> None:
    """Protects memory: a file beyond the cap is not read at all, one of exactly the cap is."""
    name = write(tmp_path / "m.pt", saved(good()))
    size = (tmp_path / name).stat().st_size
    read(str(tmp_path), name, CheckpointCaps(file_bytes=size))
    with pytest.raises(CheckpointError, match=r"m\.pt has 0 MiB, at most 0 MiB are opened: save the weights alone"):
        read(str(tmp_path), name, CheckpointCaps(file_bytes=size - 1))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.pt", r"There is no file none\.pt in the submission"),
        ("../m.pt", r"\.\./m\.pt does not lie in the submission"),
        ("/etc/passwd.pt", "does not lie in the submission"),
        ("m.txt", r"m\.txt: weights are read from \.params, \.pt, \.pth, \.bin or \.safetensors files"),
        ("folder.pt", r"folder\.pt cannot be read: Is a directory"),
        ("link.pt", r"link\.pt cannot be read"),
        ("pipe.pt", r"pipe\.pt is not a file"),
    ],
)
def test_paths(path: str, message: str, tmp_path: Path) -> None:
    """Protects other files, and whoever forgets the file: what cannot be opened is said in one sentence."""
    write(tmp_path / "m.pt", saved(good()))
    (tmp_path / "top" / "folder.pt").mkdir(parents=True)
    (tmp_path / "top" / "link.pt").symlink_to(tmp_path / "m.pt")
    os.mkfifo(tmp_path / "top" / "pipe.pt")
    with pytest.raises(CheckpointError, match=message):
        read(str(tmp_path / "top"), path)


@pytest.mark.parametrize("version", ["2.9.1+cpu", "1.13.1", "2.6.0", "unknown"])
def test_old_torch_opens_nothing(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from torch's own holes: releases whose weights_only can be got around are refused, in words."""
    monkeypatch.setattr(torch, "__version__", version)
    name = write(tmp_path / "m.pt", saved(good()))
    with pytest.raises(CheckpointError, match=r"opened by torch 2\.10 or later only"):
        read(str(tmp_path), name)


@pytest.mark.parametrize("version", ["2.10.0", "2.13.0+cpu", "3.0.0a0"])
def test_new_torch_opens_files(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects honest files from a comparison of versions that takes 2.10 for 2.1."""
    monkeypatch.setattr(torch, "__version__", version)
    assert read(str(tmp_path), write(tmp_path / "m.pt", saved(good())))[0].keys() == good().keys()


# ------------------------------------------------------------------------------------------ through a worker


def test_describing(handed_in: Callable[..., Submission]) -> None:
    """Protects the first look: names, dtypes and shapes come from a confined worker, in both formats."""
    table = {"w": entry(0, 12, [3, 2], "BF16")}
    files = {"a.params": saved(good()), "b.safetensors": in_safetensors(table, bytes(12))}
    with handed_in(files).open(seed=1) as worker:
        assert describe(worker, "a.params") == Weights(PROJ, (), ())
        assert describe(worker, "b.safetensors") == Weights({"w": ("bfloat16", (3, 2))}, (), ())
        layers = worker.layers()
        assert layers["seccomp"] or not sys.platform.startswith("linux")


def test_telling_files_apart(handed_in: Callable[..., Submission]) -> None:
    """Protects the question whose weights these are: equal tensors have equal digests, and one value alone is told."""
    first = good() | {"norm.weight": torch.ones(4), "n": torch.tensor(3), "half": torch.zeros(2, dtype=torch.bfloat16)}
    second = first | {"proj.bias": first["proj.bias"] + 1e-7, "norm.weight": torch.ones(4)}
    files = {"a.pt": saved(first), "b.pt": saved(second), "bool.pt": saved({"mask": torch.ones(2, 2).bool()})}
    with handed_in(files).open(seed=1) as worker:
        one, other = describe(worker, "a.pt"), describe(worker, "b.pt")
        expected = hashlib.sha256(good()["proj.weight"].numpy().tobytes()).hexdigest()
        assert (one.digests["proj.weight"], one.constants) == (expected, {"norm.weight": 1, "n": 3, "half": 0})
        assert {name for name in first if one.digests[name] != other.digests[name]} == {"proj.bias"}
        assert describe(worker, "bool.pt").constants == {"mask": 1}


def test_loading_into_a_module(handed_in: Callable[..., Submission]) -> None:
    """Protects the verdict on trained weights: the module computes with those of the file."""
    with handed_in({"m.params": hostile.data_parallel()}, student=MODEL).open(seed=1) as worker:
        model = worker.resolve("student", "Model").construct()
        loaded = load(model, "m.params")
        assert (loaded.tensors, loaded.problems) == (PROJ, ())
        assert len(loaded.notes) == 1
        x = torch.linspace(0, 1, 8).view(2, 4)
        expected = nn.functional.linear(x, good()["proj.weight"], good()["proj.bias"])
        assert torch.allclose(model(x), expected)


def test_what_does_not_fit(handed_in: Callable[..., Submission]) -> None:
    """Protects students from a bare error: what is missing, too much, or of another shape or kind is said in words."""
    weights = good() | {"head.bias": torch.ones(2)}
    del weights["proj.bias"]
    files = {"m.pt": saved(weights), "ids.pt": saved({name: value.long() for name, value in good().items()})}
    with handed_in(files, student=MODEL).open(seed=1) as worker:
        model = worker.resolve("student", "Model").construct(5)
        before = model.method("proj", torch.zeros(4))
        assert load(model, "m.pt").problems == (
            "m.pt lacks proj.bias, which the model has.",
            "m.pt has head.bias, which the model has not.",
            "proj.weight is 3×4 in m.pt, and 5×4 in the model.",
        )
        assert torch.equal(model.method("proj", torch.zeros(4)), before)  # nothing of it is loaded
        right = worker.resolve("student", "Model").construct()
        assert load(right, "ids.pt").problems[0] == "proj.weight is int64 in ids.pt, and float32 in the model."


def test_many_misfits_are_counted(tmp_path: Path) -> None:
    """Protects the reader from a list of two thousand names."""
    name = write(tmp_path / "m.pt", saved({f"w{n}": torch.zeros(1) for n in range(20)}))
    model = nn.ParameterDict({f"w{n}": torch.zeros(2) for n in range(20)})
    assert answer(str(tmp_path), name, model)["problems"][-1] == "And 10 more of this kind."
    assert answer(str(tmp_path), name, nn.LayerNorm(1))["problems"] == [
        "m.pt lacks weight, bias, which the model has.",
        "m.pt has w0, w1, w2, w3, w4 and 15 more, which the model has not.",
    ]


def test_names_that_fill_a_frame(tmp_path: Path) -> None:
    """Protects students from a lost worker: more names than a reply holds are refused as what they are."""
    table = {f"{n:0190}": entry(0, 0, [0]) for n in range(1500)}
    name = write(tmp_path / "m.safetensors", in_safetensors(table))
    with pytest.raises(CheckpointError, match="names and shapes are longer than 200000 characters"):
        answer(str(tmp_path), name)


def test_what_is_no_module(handed_in: Callable[..., Submission]) -> None:
    """Protects whoever hands in a function: weights need a module."""
    with handed_in({"m.pt": saved(good())}, student="def f(): return 1").open(seed=1) as worker:
        with pytest.raises(StudentError) as caught:
            load(worker.resolve("student", "f"), "m.pt")
        assert caught.value.facts["message"] == "weights cannot be loaded into function, expected an nn.Module"


FORGED = """
    import sys
    import torch
    from torch import nn

    def answer(top, path, module=None):
        return {}

    sys.modules["_headmaster.checkpoint"].answer = answer

    class Model(nn.Module):
        pass
"""


@pytest.mark.parametrize(
    "reply",
    [
        "None",
        "[]",
        "{'tensors': 3, 'notes': [], 'problems': []}",
        "{'tensors': [['a', 'float32']], 'notes': [], 'problems': []}",
        "{'tensors': [['a', 'float32', [True]]], 'notes': [], 'problems': []}",
        "{'tensors': [[1, 'float32', [2]]], 'notes': [], 'problems': []}",
        "{'tensors': [], 'notes': 'text', 'problems': []}",
        "{'tensors': [], 'notes': [], 'problems': ['x'] * 21}",
        "{'tensors': [], 'notes': [1], 'problems': []}",
        "{'tensors': []}",
        "{'tensors': [['a', 'float32', [2]]], 'notes': [], 'problems': []}",
        "{'tensors': [['a', 'float32', [2]]], 'digests': torch.zeros(1, 32), 'constants': torch.zeros(1)}",
        "{'tensors': [], 'digests': torch.zeros(0, 32, dtype=torch.uint8), 'constants': torch.zeros(1)}",
    ],
)
def test_forged_replies(reply: str, handed_in: Callable[..., Submission]) -> None:
    """Protects the judge from student code that answers in the reader's place: a malformed reply ends the worker."""
    forged = FORGED.replace("{}", reply)
    with handed_in({"m.pt": saved(good())}, student=forged).open(seed=1) as worker:
        model = worker.resolve("student", "Model").construct()
        with pytest.raises(WorkerLost) as lost:
            load(model, "m.pt")
        assert lost.value.loss is Loss.PROTOCOL


def test_forged_words_are_cleaned(handed_in: Callable[..., Submission]) -> None:
    """Protects reports: names and notes of a forged reply are text like any other of a student's."""
    reply = "{'tensors': [['\\x1b', '\\x07', [2]]], 'notes': ['\\u202e'], 'problems': ['\\x9b'], **MORE}"
    more = "dict(digests=torch.zeros(1, 32, dtype=torch.uint8), constants=torch.zeros(1, dtype=torch.float64))"
    forged = FORGED.replace("{}", reply.replace("MORE", more))
    with handed_in({"m.pt": saved(good())}, student=forged).open(seed=1) as worker:
        told = load(worker.resolve("student", "Model").construct(), "m.pt")
        assert told == Weights({"�": ("�", (2,))}, ("�",), ("�",))
