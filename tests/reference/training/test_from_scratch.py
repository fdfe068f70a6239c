"""The recipe of transformers_from_scratch: six models, two corpora."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reference.training import from_scratch
from tests.reference.training.conftest import Finished
from tests.reference.training.recipes import SMALL, random_states_kept, run, said, setting_in

HOMEWORK = "transformers_from_scratch"
PLAY = "\n\n".join(f"SPEAKER {i}:\nLine {i} is said here." for i in range(40)) + "\n"


def test_the_table_has_the_perplexities_of_questions_1_to_6(finished: Finished) -> None:
    """Protects the table: which model stands on which corpus; "as it is" is question 3's model and no other."""
    _, report = finished(HOMEWORK)
    table, stages = {row["model"]: row for row in report["table"]}, report["stages"]
    pile, shakespeare = "dev perplexity, pile", "dev perplexity, shakespeare"
    assert list(table) == [
        "Q1, one head, no layer norm",
        "Q2, one head",
        "Q3, 2 heads",
        "Q5, as it is (Q3's)",
        "Q5, from scratch",
        "Q5, Q6, fine-tuned (Q3's)",
    ]
    assert table["Q5, as it is (Q3's)"] == {
        "model": "Q5, as it is (Q3's)",
        shakespeare: stages["q3_heads"]["dev perplexity"]["shakespeare"],
    }
    fine_tuned = table["Q5, Q6, fine-tuned (Q3's)"]
    assert (fine_tuned[pile], fine_tuned[shakespeare]) == tuple(
        stages["q5_fine_tuned"]["dev perplexity"][corpus] for corpus in ("pile", "shakespeare")
    )


def test_fine_tuning_begins_where_question_3_ended(tmp_path: Path) -> None:
    """Protects questions 5 and 6: with a learning rate of 0 nothing has changed."""
    train, sizes = SMALL[HOMEWORK]
    setting = setting_in(tmp_path, HOMEWORK)
    with random_states_kept():
        train(setting, replace(sizes, fine_tuning_learning_rate=0.0))
    stages = setting.report.stages
    assert stages["q5_fine_tuned"]["dev perplexity"] == stages["q3_heads"]["dev perplexity"]
    assert stages["q5_scratch"]["dev perplexity"] != stages["q3_heads"]["dev perplexity"]
    tensors = [torch.load(tmp_path / f"{name}.params") for name in ("q3_heads", "q5_fine_tuned")]
    torch.testing.assert_close(tensors[0], tensors[1], rtol=0, atol=0)


def test_only_the_first_model_leaves_layer_norm_out(finished: Finished) -> None:
    """Protects question 1 against 2: the gains of the first model are never touched."""
    folder, _ = finished(HOMEWORK)
    gains = [
        torch.load(folder / f"{name}.params")["transformer.mlp_gamma.0"]
        for name in ("q1_one_head_no_norm", "q2_one_head")
    ]
    assert torch.equal(gains[0], torch.ones(8))
    assert not torch.equal(gains[1], torch.ones(8))


def test_texts_are_written_in_two_ways(finished: Finished) -> None:
    """Protects questions 4 and E1: eight beginnings, with a temperature and from the nucleus."""
    folder, _ = finished(HOMEWORK)
    lines = (folder / "samples" / "q3_heads.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split(":")[0] for line in lines] == ["--- temperature 1"] * 8 + ["--- nucleus 0.9"] * 8
    assert len(lines[0].split(": ", 1)[1].split(" ")) == 4 + 30


def test_what_stands_in_for_the_pile_has_few_speeches(tmp_path: Path) -> None:
    """Protects what fine-tuning can show: one document in forty is a speech, and none is one of those held out."""
    setting = setting_in(tmp_path, HOMEWORK)
    documents = from_scratch._stand_in(setting, "train", 200)
    assert len(documents) == 200
    speeches = [document for document in documents if document.split(":")[0].isupper()]
    assert speeches == list(documents[::40])
    shakespeare = from_scratch._documents(setting, SMALL[HOMEWORK][1])[1]
    assert not set(speeches) & {*shakespeare.train, *shakespeare.dev}


def test_real_corpora_are_taken_where_they_are(tmp_path: Path) -> None:
    """Protects --data: Shakespeare is needed; The Pile is taken if it is there, and otherwise it is said what stands in."""
    (tmp_path / "input.txt").write_text(PLAY, encoding="utf-8")
    setting = setting_in(tmp_path / "one", HOMEWORK, data=tmp_path)
    documents = run(setting)["stages"]["documents"]
    assert documents["pile"] == "generated notes, one in 40 a speech"
    assert documents["documents to train on"]["shakespeare"] == 10  # the small sizes' limit
    assert "The Pile is not in" in said(setting)
    (tmp_path / "pile").mkdir()
    for part in ("train", "dev", "test"):
        (tmp_path / "pile" / f"{part}.txt").write_text(f"a document of {part}\n" * 30, encoding="utf-8")
    setting = setting_in(tmp_path / "both", HOMEWORK, data=tmp_path)
    documents = run(setting)["stages"]["documents"]
    assert documents["pile"] == str(tmp_path / "pile")
    assert documents["documents to measure with"] == {"pile": 30, "shakespeare": 4}
    assert "The Pile" not in said(setting)


def test_a_folder_without_shakespeare_is_named(tmp_path: Path) -> None:
    """Protects instructors from training for nothing."""
    with pytest.raises(ValueError, match=r"found none of tiny_shakespeare.txt"):
        run(setting_in(tmp_path / "out", HOMEWORK, data=tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tiny_preset_tells_the_story(tmp_path: Path) -> None:
    """Protects questions 5 and 6: fine-tuning beats both others on Shakespeare, and costs something on The Pile."""
    setting = setting_in(tmp_path, HOMEWORK)
    with random_states_kept():
        from_scratch.train(setting)
    perplexities = {name: f["dev perplexity"] for name, f in setting.report.stages.items() if "dev perplexity" in f}
    fine_tuned = perplexities["q5_fine_tuned"]
    for other in ("q5_scratch", "q3_heads"):
        assert fine_tuned["shakespeare"]["95 %"][1] < perplexities[other]["shakespeare"]["95 %"][0]
    assert fine_tuned["pile"]["95 %"][0] > perplexities["q3_heads"]["pile"]["95 %"][1]
