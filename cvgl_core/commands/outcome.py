"""What becomes of a photo of a batch: an answer or a failure, and the line that tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cvgl_core.commands.inputs import PhotoInput
from cvgl_core.console import one_line
from cvgl_core.errors import CvglError
from cvgl_core.export.geojson import failure_to_json, to_line
from cvgl_core.types import Failure, Verdict

ALL_OUTSIDE = 3
"""Exit code when every photo was judged to lie outside the area."""


@dataclass(frozen=True)
class Item:
    """A photo of the run and the name of its files."""

    photo: PhotoInput
    name: str


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes:
        item: the photo.
        values: properties of its estimate; None where it failed.
        line: what is printed.
        thumbnail: a small picture, where an overview is asked for.
        failure: why it failed.
        error: the same, for those who look for the fault.
    """

    item: Item
    values: Mapping[str, Any] | None = None
    line: str = ""
    thumbnail: str | None = None
    failure: Failure | None = None
    error: Exception | None = None

    @property
    def exit_code(self) -> int:
        """The code that a run of this photo alone ends with."""
        if self.failure is not None:
            return self.failure.exit_code
        assert self.values is not None
        return ALL_OUTSIDE if self.values["verdict"] == Verdict.NOT_IN_AREA.value else 0


def failed(item: Item, error: Exception, code: int) -> Outcome:
    """Return the record of a failure."""
    path = item.photo.path
    message = str(error) if isinstance(error, CvglError) else f"{path}: {error}"
    failure = Failure(str(path), type(error).__name__, message, code)
    return Outcome(item, line=to_line(failure_to_json(failure)), failure=failure, error=error)


def result_line(values: Mapping[str, Any]) -> str:
    """Return the properties of an estimate as one line for people."""
    photo = one_line(values["photo"])
    verdict = f"{values['verdict']} ({values['confidence']})"
    if values["verdict"] == Verdict.NOT_IN_AREA.value:
        return f"{photo}  {verdict}  outside with probability {values['outside_probability']:.2f}"
    parts = [
        f"{photo}  {verdict}  {values['lat']:.6f}, {values['lon']:.6f}",
        f"p {values['probability']:.2f}",
    ]
    if values["radius_50_m"] is not None and values["radius_90_m"] is not None:
        radii = f"within {values['radius_50_m']:.1f} m (50 %), {values['radius_90_m']:.1f} m (90 %)"
        parts.append(radii)
    if values["heading_deg"] is not None and values["heading_std_deg"] is not None:
        parts.append(f"looking {values['heading_deg']:.0f} ± {values['heading_std_deg']:.0f} deg")
    if values["exif_distance_m"] is not None:
        parts.append(f"{values['exif_distance_m']:,.1f} m from its EXIF position")
    return "  ".join(parts)
