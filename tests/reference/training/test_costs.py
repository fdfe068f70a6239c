"""Costs of texts: means, intervals, what counts."""

import io
import math
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from reference.training.costs import IGNORED, Cost, cost_of
from reference.training.homework_code import HOMEWORKS, notebook_definitions
from reference.training.results import Report

CPU = torch.device("cpu")


class Fixed(nn.Module):
    """Gives each token the same chances, whatever came before; in train mode it gives nonsense."""

    def __init__(self, chances: list[float], as_tuple: bool) -> None:
        super().__init__()
        self.logits = torch.tensor(chances).log()
        self.as_tuple = as_tuple

    def forward(self, ids: Tensor) -> Tensor | tuple[Tensor, None]:
        logits = (self.logits * (1 - 2 * self.training)).expand(*ids.shape, -1)
        return (logits, None) if self.as_tuple else logits


@pytest.mark.parametrize("as_tuple", [False, True])
def test_a_piece_costs_the_logarithms_of_its_targets_chances(as_tuple: bool) -> None:
    """Protects the figure itself: sums for each piece, padding left out, dropout off, the mode left as it was."""
    model = Fixed([0.5, 0.25, 0.25], as_tuple).train()
    targets = torch.tensor([[0, 1, 2], [0, 0, IGNORED], [1, IGNORED, IGNORED]])
    cost = cost_of(model, torch.zeros(3, 3, dtype=torch.int64), targets, CPU, batch_size=2)
    assert cost.tokens == (3, 2, 1)
    assert cost.nats == pytest.approx([math.log(2) * bits for bits in (5, 2, 2)], abs=1e-6)
    assert cost.mean == pytest.approx(9 / 6 * math.log(2), abs=1e-6)
    assert model.training


def test_the_perplexity_is_that_of_the_homework() -> None:
    """Protects the figures of transformers_from_scratch: its own `evaluate` finds the same perplexity."""
    source = HOMEWORKS / "transformers_from_scratch" / "source" / "hw2_transformers.py"
    notebook = notebook_definitions(source.read_text(encoding="utf-8"))
    tokenizer = notebook.WordTokenizer(["a b c d e", "e d c b a b"])
    windows = notebook.make_windows(["a b c", "e d a b a b d", "b"] * 4, tokenizer, 5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = notebook.TransformerLM(notebook.Transformer(len(tokenizer), 8, 5))
    expected = notebook.evaluate(model, windows, CPU)
    assert math.exp(cost_of(model, *windows.tensors, CPU, batch_size=3).mean) == pytest.approx(expected, rel=1e-5)


def test_the_interval_is_that_of_a_mean_where_pieces_are_equally_long() -> None:
    """Protects the interval: with pieces of one length it is the textbook's, mean ± 1.96 s / √n."""
    nats = torch.rand(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 8
    cost = Cost(tuple(nats.tolist()), (4,) * 50)
    half = 1.959964 * float((nats / 4).std()) / math.sqrt(50)
    assert cost.interval() == pytest.approx((float(nats.mean()) / 4 - half, float(nats.mean()) / 4 + half))


def test_the_interval_covers_the_truth_nineteen_times_in_twenty() -> None:
    """Protects the interval where pieces differ in length.

    Null hypothesis: it covers with 95 %; of 1,000 lots, fewer than 925 covered has a chance of about 1 in 3,000.
    """
    generator = torch.Generator().manual_seed(2)
    covered = 0
    for _ in range(1000):
        tokens = torch.randint(1, 20, (60,), generator=generator)
        nats = [float(-torch.rand(int(n), generator=generator).log().sum()) for n in tokens]  # 1 nat a token
        low, high = Cost(tuple(nats), tuple(tokens.tolist())).interval()
        covered += low <= 1 <= high
    assert 925 <= covered <= 975


def test_one_piece_has_no_interval() -> None:
    """Protects the report from a figure whose uncertainty nobody knows."""
    with pytest.raises(ValueError, match=r"at least 2 pieces of text, there is 1"):
        Cost((1.0,), (3,)).in_nats()


def test_a_figure_shows_mean_interval_and_number_of_tokens() -> None:
    """Protects both forms; a perplexity that no float can hold does not end the run."""
    cost = Cost((4.0, 2.0), (2, 2))
    low, high = cost.interval()
    assert cost.in_nats() == {"nats": 1.5, "tokens": 4, "95 %": [round(low, 4), round(high, 4)]}
    assert cost.as_perplexity()["perplexity"] == pytest.approx(math.exp(1.5), rel=1e-4)
    assert math.isfinite(Cost((4000.0, 8000.0), (2, 2)).as_perplexity()["95 %"][1])


def test_the_table_shows_mean_and_interval() -> None:
    """Protects the table: a cost is read as mean (low to high), and a perplexity of thousands without an exponent."""
    costs = Cost((4.0, 2.0, 3.0), (2, 2, 2))
    large = {"perplexity": 21857.3, "tokens": 9, "95 %": [15055.1, 31733.4]}
    report = Report(Path("unused"), {"homework": "core", "preset": "tiny", "seed": 0}, rows=[])
    report.rows.append({"model": "GPT", "loss": costs.in_nats(), "perplexity": large})
    console = Console(file=io.StringIO(), width=150)
    report.print(console)
    assert isinstance(console.file, io.StringIO)
    low, high = costs.interval()
    assert f"1.5 ({low:.3g} to {high:.3g})" in console.file.getvalue()
    assert "21,857 (15,055 to 31,733)" in console.file.getvalue()
