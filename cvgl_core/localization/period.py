"""A span of days: tiles are searched whose imagery was taken then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cvgl_core.errors import SettingsError
from cvgl_core.localization.ports import DatedTiles
from cvgl_core.types import BoolArray


@dataclass(frozen=True)
class Period:
    """Days from ``first`` to ``last``, both included; open where one is None."""

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        """Check that there is such a day.

        Raises:
            SettingsError: the last is before the first.
        """
        if self.first and self.last and self.last < self.first:
            raise SettingsError(f"no imagery was taken after {self.first} and before {self.last}")

    def __str__(self) -> str:
        """Say it in words."""
        parts = [f"from {self.first}" if self.first else "", f"to {self.last}" if self.last else ""]
        return " ".join(part for part in parts if part)


def tiles_of_period(index: DatedTiles, taken: Period, among: BoolArray) -> BoolArray:
    """Return which tiles ``[N]`` of those ``among`` show imagery of a span of days.

    Raises:
        SettingsError: none does; a tile without a date does not.
    """
    days = index.acquired
    inside: BoolArray = among & (days != "")
    known = sorted(set(days[inside].tolist()))
    if taken.first:
        inside &= days >= taken.first.isoformat()
    if taken.last:
        inside &= days <= taken.last.isoformat()
    if not inside.any():
        held = f"it is of {known[0]} to {known[-1]}" if known else "the index knows no dates"
        raise SettingsError(f"no tile that is searched shows imagery taken {taken}: {held}")
    return inside
