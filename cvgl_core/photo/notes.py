"""What a reader of metadata takes down: where each value was found, and what was odd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cvgl_core.photo import values


@dataclass
class Notes:
    """Collects sources and warnings while a file is read."""

    sources: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def found(self, name: str, source: str) -> None:
        """Record where a value was found."""
        self.sources[name] = source

    def warn(self, line: str) -> None:
        """Record something odd, cleaned of control characters."""
        self.warnings.append(values.text(line, 200))

    def angle(
        self, xmp: Mapping[str, str], name: str, low_deg: float, high_deg: float
    ) -> float | None:
        """Return an angle of the XMP table, or None with a warning if it is out of bounds."""
        if name not in xmp:
            return None
        value = values.number(xmp[name])
        if value is None or not low_deg <= value <= high_deg:
            self.warn(f"XMP {name} ignored: not within {low_deg:g} to {high_deg:g} degrees")
            return None
        return value
