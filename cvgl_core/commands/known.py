"""What an analyst knows of photos beside their pixels, and what of it holds for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cvgl_core.errors import PhotoError, SettingsError
from cvgl_core.geo import to_lonlat
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.index import Collection, Index
from cvgl_core.localization import Area, Near
from cvgl_core.localization.around import Around
from cvgl_core.localization.sun import (
    READING_STD_DEG,
    Shadow,
    column_azimuth_deg,
    heading_from_shadow,
)
from cvgl_core.types import LonLat, Photo


@dataclass(frozen=True)
class Given:
    """Priors that were asked for; see ``cvgl locate --help``.

    Attributes:
        heading_std_deg: standard deviation of the heading given or in the file; without, headings
            are taken as exact.
        shadow_at_px: column towards which shadows point.
        shadow_deg: the same as an angle, clockwise from the optical axis.
        taken: when, instead of what the file says.
        exif_radius_m: 95 % of positions in the photos' files are within it.
    """

    heading_std_deg: float | None = None
    shadow_at_px: float | None = None
    shadow_deg: float | None = None
    taken: datetime | None = None
    exif_radius_m: float | None = None

    @property
    def shadow(self) -> bool:
        """Whether a shadow was seen."""
        return self.shadow_at_px is not None or self.shadow_deg is not None


NOTHING_GIVEN = Given()


@dataclass(frozen=True)
class Known:
    """What is known of one photo; ``told`` says it in words, a line each."""

    heading: HeadingPrior | None = None
    around: Around | None = None
    told: tuple[str, ...] = ()


def known_of(
    photo: Photo,
    given: Given,
    heading_deg: float | None,
    fov_deg: float | None,
    indexes: Sequence[Index | Collection],
) -> Known:
    """Return what is known of a photo.

    Args:
        photo: as read.
        given: what was asked for.
        heading_deg: true azimuth of the optical axis, where it was given.
        fov_deg: horizontal field of view, where it was given.
        indexes: that are searched; the sun is taken as it stands over the middle of the first.

    Raises:
        PhotoError: the file lacks what a prior needs.
        SettingsError: a number is out of bounds, or the sun says nothing.
    """
    told: list[str] = []
    heading = _heading(photo, given, heading_deg, fov_deg, indexes, told)
    around: Around | None = None
    if given.exif_radius_m is not None:
        lon, lat = photo.metadata.exif_lon, photo.metadata.exif_lat
        if lon is None or lat is None:
            raise PhotoError(
                f"{photo.path}: its file states no position for --exif-prior; leave it "
                "out, or give --near"
            )
        around = Around(lon, lat, given.exif_radius_m)
        around.near()
        told.append(
            f"position in the file, {lat:.6f}, {lon:.6f}: within {around.radius_m:g} m in 95 of 100"
        )
    return Known(heading, around, tuple(told))


def search_limits(near: Near | Area | None) -> tuple[str, ...]:
    """Return in words where alone was searched."""
    if near is None:
        return ()
    if isinstance(near, Near):
        where = f"within {near.radius_m:g} m of {near.lat:.6f}, {near.lon:.6f}"
    else:
        where = "within the area given"
    return (f"searched only {where}: not_in_area means not there",)


def corners_of(indexes: Sequence[Index | Collection]) -> tuple[LonLat, tuple[LonLat, ...]]:
    """Return the middle of what the first index covers, and the corners of all."""
    found = [_points_of(index) for index in indexes]
    return found[0][0], tuple(corner for _, *corners in found for corner in corners)


def _points_of(index: Index | Collection) -> list[LonLat]:
    """Return the middle of what an index covers, then its corners."""
    bounds = index.bounds()
    x_m = [(bounds.left_m + bounds.right_m) / 2] + 2 * [bounds.left_m, bounds.right_m]
    y_m = [(bounds.bottom_m + bounds.top_m) / 2] + 2 * [bounds.bottom_m] + 2 * [bounds.top_m]
    lon, lat = to_lonlat(index.grid.crs, x_m, y_m)
    return [LonLat(float(x), float(y)) for x, y in zip(lon, lat, strict=True)]


def _heading(
    photo: Photo,
    given: Given,
    heading_deg: float | None,
    fov_deg: float | None,
    indexes: Sequence[Index | Collection],
    told: list[str],
) -> HeadingPrior | None:
    """Return a prior for the optical axis, and tell of it."""
    if given.shadow:
        prior, source = _by_shadow(photo, given, fov_deg, indexes)
    elif given.heading_std_deg is not None:
        known_deg = photo.metadata.heading_deg if heading_deg is None else heading_deg
        if known_deg is None:
            raise PhotoError(
                f"{photo.path}: its file states no heading that --heading-std could be about; give "
                "--heading, too"
            )
        prior = HeadingPrior(known_deg, given.heading_std_deg)
        source = "the file" if heading_deg is None else "given"
    else:
        return None
    told.append(f"heading {prior.heading_deg:.0f} ± {prior.std_deg:.0f} degrees ({source})")
    return prior


def _by_shadow(
    photo: Photo, given: Given, fov_deg: float | None, indexes: Sequence[Index | Collection]
) -> tuple[HeadingPrior, str]:
    """Return the heading that a shadow tells, and how."""
    taken = given.taken
    if taken is None:
        if photo.metadata.taken_at is None:
            raise PhotoError(
                f"{photo.path}: its file does not say when it was taken, so a shadow tells no "
                "heading; give --time"
            )
        taken = datetime.fromisoformat(photo.metadata.taken_at)
    away_deg = given.shadow_deg
    if away_deg is None:
        assert given.shadow_at_px is not None
        away_deg = column_azimuth_deg(given.shadow_at_px, photo.metadata, fov_deg)
    middle, corners = corners_of(indexes)
    std_deg = given.heading_std_deg or READING_STD_DEG
    try:
        prior = heading_from_shadow(Shadow(away_deg, taken, std_deg), middle, corners)
    except SettingsError as error:
        raise PhotoError(f"{photo.path}: {error}") from error
    return prior, f"shadow {away_deg:.0f} degrees from the axis, {taken.isoformat()}"


def contradictions(given: Given, heading: str | None) -> Sequence[str]:
    """Return what speaks against options given together."""
    found = []
    if given.shadow and heading is not None:
        found.append("give --heading or a shadow, not both: each says where the camera looked")
    if given.shadow_at_px is not None and given.shadow_deg is not None:
        found.append("give --shadow-at or --shadow-deg, not both")
    if given.taken is not None and not given.shadow:
        found.append("--time is for a shadow: give --shadow-at or --shadow-deg, too")
    if given.heading_std_deg is not None and heading == "unknown":
        found.append("--heading unknown has no deviation: leave --heading-std out")
    return found
