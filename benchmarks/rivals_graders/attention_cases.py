"""What the three graders ask about: cases of attention, the right answers in float64, and a count of the cases.

Each grader gets a copy of this file beside its tests. `count` alone is there for the benchmark.
"""

import os
from dataclasses import dataclass

import hypothesis.strategies as st
import torch
from hypothesis import HealthCheck, settings
from torch import Tensor

torch.set_num_threads(1)  # the cases are small: a second thread would only wait for the first

# derandomised: every submission meets the same cases; a slow machine is no reason to fail anybody
GRADING = settings(derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Case:
    """Inputs of attention. The mask is True where a query may attend to a key."""

    query: Tensor  # (B, H, T, d)
    key: Tensor  # (B, H, S, d)
    value: Tensor  # (B, H, S, d_v)
    mask: Tensor | None  # broadcasts to (B, H, T, S)

    def permit(self) -> Tensor:
        """The mask, or all True, (B, H, T, S)."""
        shape = (*self.query.shape[:-1], self.key.shape[-2])
        return torch.ones(shape, dtype=torch.bool) if self.mask is None else self.mask.expand(shape)

    def expected(self) -> tuple[Tensor, Tensor]:
        """Output and weights by softmax(QKᵀ/√d)V, float64."""
        scores = self.query.double() @ self.key.double().transpose(-2, -1) / self.query.shape[-1] ** 0.5
        weights = torch.softmax(scores.masked_fill(~self.permit(), float("-inf")), dim=-1)
        return weights @ self.value.double(), weights


@st.composite
def attention_cases(draw: st.DrawFn, masked: bool | None = None) -> Case:
    """Cases whose sizes T, S, d and d_v differ, with masks of three shapes, or none.

    Args:
        masked: True = always, with two keys at least; None = either.
    """
    B, H = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    smallest = 2 if masked else 1
    T, S, d, d_v = draw(st.lists(st.integers(smallest, 8), min_size=4, max_size=4, unique=True))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    query, key = torch.randn(B, H, T, d, generator=generator), torch.randn(B, H, S, d, generator=generator)
    value = torch.randn(B, H, S, d_v, generator=generator)
    mask = None
    if masked or (masked is None and draw(st.booleans())):
        shape = draw(st.sampled_from([(T, S), (B, 1, T, S), (B, H, T, S)]))
        mask = random_mask(shape, generator)
    return Case(query, key, value, mask)


def random_mask(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Each row allows one key at least, and forbids one where there are two."""
    rank = torch.rand(shape, generator=generator).argsort(-1)
    allowed = torch.randint(1, max(2, shape[-1]), (*shape[:-1], 1), generator=generator)
    return rank < allowed


def other_hidden_key(case: Case, size: float) -> tuple[Tensor, Tensor, Tensor]:
    """Keys and values in which the one that most queries may not see is another, and which queries may not see it.

    Returns:
        keys (B, H, S, d), values (B, H, S, d_v), and a mask of queries (B, H, T).
    """
    hidden = ~case.permit()
    column = int(hidden.flatten(0, -2).sum(0).argmax())
    key, value = case.key.clone(), case.value.clone()
    key[..., column, :] = size
    value[..., column, :] = size
    return key, value, hidden[..., column]


def close(got: Tensor, expected: Tensor) -> None:
    """Fail if float32 values are further from those in float64 than rounding explains.

    Not torch.testing.assert_close: its first call imports torch.distributed, which takes a second.
    """
    assert got.dtype == torch.float32, f"expected float32, got {got.dtype}"
    assert got.shape == expected.shape, f"expected {tuple(expected.shape)}, got {tuple(got.shape)}"
    off = (got.double() - expected).abs()
    assert (off <= 1e-5 + 1e-5 * expected.abs()).all(), f"off by up to {off.max():.3g}"


def count(name: str) -> None:
    """Note one case of a property in the file that CASES_FILE names; without it nothing is noted."""
    if "CASES_FILE" in os.environ:
        with open(os.environ["CASES_FILE"], "a", encoding="utf-8") as file:
            file.write(f"{name}\n")
