"""The table `[timing]` of a homework's TOML."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Gate = Annotated[float, Field(ge=2, le=1000)]
Sizes = Annotated[tuple[Annotated[int, Field(ge=1, le=8192)], ...], Field(min_length=1, max_length=6)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Recorded(BaseModel):
    """A figure of the reference that was measured once: for people, who choose gates by it. Nothing reads it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: Text
    figure: Text
    device: Text
    date: Text
    command: Text


class TimingTable(BaseModel):
    """How fast code must be; see docs/timing.md.

    Attributes:
        gates: check → how many times the reference's time is allowed. Below 2, an unlucky student could be called slow.
        sizes: check → the sizes at which it measures, in the place of its own.
        no_cuda: what a check that needs a CUDA device is worth where there is none.
        recorded: figures of the reference.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gates: dict[str, Gate] = {}
    sizes: dict[str, Sizes] = {}
    no_cuda: Literal["full points", "no points"] = "full points"
    recorded: tuple[Recorded, ...] = ()

    @model_validator(mode="after")
    def _sizes_grow(self) -> "TimingTable":
        for check, sizes in self.sizes.items():
            if list(sizes) != sorted(set(sizes)):
                raise ValueError(f"sizes of {check!r} must grow, found {list(sizes)}")
            if "_with_" in check and len(sizes) < 2:
                raise ValueError(
                    f"sizes of {check!r}, which fits how cost grows, must be two or more, found {list(sizes)}"
                )
        return self

    def require_listed(self, listed: Collection[str]) -> None:
        """Refuse gates and sizes of checks that no item lists.

        Raises:
            ValueError: names the key and the check.
        """
        for key, named in (("gates", self.gates), ("sizes", self.sizes)):
            for check in named:
                if check not in listed:
                    raise ValueError(f"timing.{key} names {check!r}, which no item lists in `timing`")
