"""What is known of the way between photos: a table of offsets, their times, or a distance."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cvgl_core.errors import SettingsError
from cvgl_core.localization.motion import Step, walked
from cvgl_core.types import Photo

DEFAULT_APART_M = 50.0
"""Between photos of which nothing is known but that they belong together."""

_PLACE, _PACES = ("east_m", "north_m"), ("bearing_deg", "distance_m")
_STD_M, _STD_SHARE = 2.0, 0.05
_LIMIT_BYTES = 10_000_000
_MOST_M = 20_000.0


@dataclass(frozen=True)
class Point:
    """A photo's place relative to the others, metres from true north's axes."""

    east_m: float
    north_m: float
    std_m: float | None = None


Track = Mapping[str, Point]
"""Relative places by the name of the photo's file."""


@dataclass(frozen=True)
class Way:
    """The steps between photos, and in words where they are from."""

    steps: tuple[Step, ...]
    basis: str


def read_track(path: Path) -> Track:
    """Return the relative places that a table (CSV with a header) gives of photos.

    Its columns are ``photo`` and either ``east_m, north_m`` (from any one place) or ``bearing_deg,
    distance_m`` (from the photo in the line before), and ``std_m`` where it is known better.

    Raises:
        SettingsError: it cannot be read, lacks a column, or has a value that is no number.
    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise SettingsError(f"{path}: larger than a table of photos can be")
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: cannot be read as a table ({error})") from error
    columns = set(rows[0]) if rows else set()
    paced = columns.issuperset(_PACES)
    if "photo" not in columns or not (paced or columns.issuperset(_PLACE)):
        raise SettingsError(
            f"{path}: needs a header and the columns photo, east_m, north_m, or "
            "photo, bearing_deg, distance_m"
        )
    track: dict[str, Point] = {}
    east_m = north_m = 0.0
    for line, row in enumerate(rows, start=2):
        first, second = (_number(path, line, row, name) for name in (_PACES if paced else _PLACE))
        if paced:
            bearing_rad = math.radians(first)
            east_m += second * math.sin(bearing_rad)
            north_m += second * math.cos(bearing_rad)
        else:
            east_m, north_m = first, second
        std_m = _number(path, line, row, "std_m") if row.get("std_m") else None
        name = Path(row["photo"] or "").name
        if name in track:
            raise SettingsError(f"{path}, line {line}: {name!r} is named twice")
        track[name] = Point(east_m, north_m, std_m)
    return track


def way_between(
    photos: Sequence[Photo],
    apart_m: float | None,
    track: Track | None,
    convergence_deg: float,
    numbers: Sequence[int] | None = None,
) -> Way:
    """Return the steps from each photo to the next ``[n - 1]``.

    Args:
        photos: in the order they were taken.
        apart_m: farthest from one to the next; 0 for one standing point.
        track: relative places; counts before all else.
        convergence_deg: azimuth of true north is minus this in the grid of the index.
        numbers: of the photos, where some in between cannot be used.

    Raises:
        SettingsError: the track lacks a photo, or a number is out of bounds.
    """
    if track is not None:
        return Way(_tracked(photos, track, convergence_deg), "given offsets")
    legs = [after - before for before, after in pairwise(numbers or range(len(photos)))]
    if apart_m is not None:
        basis = f"at most {apart_m:g} m from one to the next" if apart_m else "one standing point"
        return Way(tuple(Step(reach_m=apart_m * count) for count in legs), basis)
    seconds = _seconds_between(photos)
    if seconds is not None:
        steps = tuple(walked(each) for each in seconds)
        return Way(steps, "on foot, by the times in the photos")
    return Way(
        tuple(Step(reach_m=DEFAULT_APART_M * count) for count in legs),
        f"assumed: at most {DEFAULT_APART_M:g} m from one to the next",
    )


def _tracked(photos: Sequence[Photo], track: Track, convergence_deg: float) -> tuple[Step, ...]:
    """Return the steps that a track tells, in grid metres."""
    missing = [photo.path.name for photo in photos if photo.path.name not in track]
    if missing:
        raise SettingsError(f"the track says nothing of {', '.join(missing)}; add a line for each")
    points = [track[photo.path.name] for photo in photos]
    turn_rad = math.radians(convergence_deg)
    steps = []
    for start, end in pairwise(points):
        east_m, north_m = end.east_m - start.east_m, end.north_m - start.north_m
        std_m = end.std_m or _STD_M + _STD_SHARE * math.hypot(east_m, north_m)
        steps.append(
            Step(
                east_m * math.cos(turn_rad) - north_m * math.sin(turn_rad),
                north_m * math.cos(turn_rad) + east_m * math.sin(turn_rad),
                std_m=std_m,
            )
        )
    return tuple(steps)


def _seconds_between(photos: Sequence[Photo]) -> list[float] | None:
    """Return the time from each photo to the next; None unless all files tell it alike."""
    moments = [photo.metadata.taken_at for photo in photos]
    if any(moment is None for moment in moments):
        return None
    taken = [datetime.fromisoformat(moment) for moment in moments if moment is not None]
    if len({moment.tzinfo is None for moment in taken}) > 1:
        return None
    return [(after - before).total_seconds() for before, after in pairwise(taken)]


def _number(path: Path, line: int, row: Mapping[str, str | None], name: str) -> float:
    """Return a value of a row.

    Raises:
        SettingsError: it is not a number of metres or degrees.
    """
    text = row.get(name) or ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= _MOST_M:
        raise SettingsError(f"{path}, line {line}: {name} is {text!r}, not a number within reason")
    return value
