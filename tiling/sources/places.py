"""Where pixels can be, before they are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tiling.web.remote import RemoteFile
from tiling.web.services import Service

BBox = tuple[float, float, float, float]
"""West, south, east, north in degrees; across 180 degrees, east goes beyond 180."""


@dataclass(frozen=True)
class Source:
    """A place to read pixels from.

    Attributes:
        place: a file, here or on a server, or a map service.
        acquired: when its pictures were taken, ISO 8601 in UTC; empty if only it can tell.
        bbox: where it lies, as a catalogue says.
        listed: whether a catalogue named it and not the user.
        problem: why it cannot be used, if that is known already.
    """

    place: Path | RemoteFile | Service
    acquired: str = ""
    bbox: BBox | None = None
    listed: bool = False
    problem: str = ""

    @property
    def foreign_url(self) -> str:
        """The URL whose host's terms the user must have accepted; empty if there is none."""
        if isinstance(self.place, Service):
            return self.place.url
        return self.place.url if self.listed and isinstance(self.place, RemoteFile) else ""
