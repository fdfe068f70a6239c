"""Which items of a homework need the staff's data for trained models, and what becomes of them; needs no torch."""

from pathlib import Path
from typing import TYPE_CHECKING

from .trained_data import DataError, look_at

if TYPE_CHECKING:
    from .homework import Config


def with_data(config: "Config", path: Path) -> "Config":
    """The homework of a TOML as it holds here: what needs data is for people where there is none.

    Raises:
        DataError: there is data, but not all of it.
    """
    if config.trained is None:
        return config
    place = path.parent / config.trained.data
    if place.exists():
        look_at(place, config.trained)
        return config
    return by_people(
        config, f"Graded by people here, since there is no folder {config.trained.data} beside {path.name}."
    )


def remarks_on_data(config: "Config", folder: Path) -> list[str]:
    """What the staff should know of the data for trained models, in the folder of a TOML that has been read."""
    if config.trained is None:
        return []
    if config.without_data:
        numbers = ", ".join(item.number for item in config.without_data)
        return [f"graded by people, for lack of data in {config.trained.data}: {numbers}"]
    try:
        return look_at(folder / config.trained.data, config.trained)
    except DataError as error:  # it has been spoilt since
        return [str(error)]


def by_people(config: "Config", note: str = "") -> "Config":
    """The homework where what needs data is for people; the note, which says why, is put in front of these items' own."""
    items = tuple(
        item.model_copy(update={"kind": "manual", "note": f"{note} {item.note}".strip()}) if item.needs_data else item
        for item in config.items
    )
    return config.model_copy(update={"items": items})
