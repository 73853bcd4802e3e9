"""Options of ``cvgl locate`` that say what is known beside the pixels."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cvgl_core.commands.known import Given
    from cvgl_core.commands.together import Apart
    from cvgl_core.localization import Period

HeadingStd = Annotated[
    float | None,
    typer.Option(
        metavar="DEG", help="Standard deviation of the heading (or of a shadow); default: exact."
    ),
]
ShadowAt = Annotated[
    float | None,
    typer.Option(
        metavar="PX",
        help="Column towards which shadows point: the photographer's own, or where they meet. "
        "With the time it tells the heading.",
    ),
]
ShadowDeg = Annotated[
    float | None,
    typer.Option(
        metavar="DEG",
        help="The same as an angle: 0 straight away from the camera, 90 to the right.",
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="ISO", help="When it was taken, with its zone; default: what the file says."
    ),
]
ExifPrior = Annotated[
    float | None,
    typer.Option(
        metavar="RADIUS_M",
        help="Use the position in the photo's file: right to RADIUS_M in 95 of 100 photos.",
    ),
]
ImageryAfter = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Search only tiles of imagery taken on that day or later."),
]
ImageryBefore = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Search only tiles of imagery taken on that day or earlier."),
]
TogetherFlag = Annotated[
    bool,
    typer.Option("--together", help="The photos are of one place or one walk, in this order."),
]
ApartM = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=20_000.0,
        metavar="M",
        help="With --together: farthest from one photo to the next, 0 for one standing point. "
        "Default: on foot, by the photos' times; without times 50.",
    ),
]
TrackFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="With --together: where photos stood relative to one another (docs/together.md).",
    ),
]


def given_priors(
    heading: str | None,
    heading_std_deg: float | None,
    shadow_at_px: float | None,
    shadow_deg: float | None,
    time: str | None,
    exif_radius_m: float | None,
) -> Given:
    """Return the priors asked for.

    Raises:
        typer.BadParameter: one is out of bounds, or two contradict each other.
    """
    from cvgl_core.commands.known import Given, contradictions

    if heading_std_deg is not None and not 0 < heading_std_deg <= 180:
        raise typer.BadParameter("--heading-std is over 0 and at most 180 degrees")
    if exif_radius_m is not None and not 0 < exif_radius_m <= 1e6:
        raise typer.BadParameter("--exif-prior is over 0 and at most 1,000,000 metres")
    if shadow_deg is not None and not abs(shadow_deg) <= 360:
        raise typer.BadParameter("--shadow-deg is at most 360 degrees either way")
    taken = None if time is None else _moment(time)
    given = Given(heading_std_deg, shadow_at_px, shadow_deg, taken, exif_radius_m)
    for line in contradictions(given, heading):
        raise typer.BadParameter(line)
    return given


def imagery_taken(after: str | None, before: str | None) -> Period | None:
    """Return when the imagery that is searched was taken; None for whenever.

    Raises:
        typer.BadParameter: one is no date, or there is no such day.
    """
    if after is None and before is None:
        return None
    from cvgl_core.errors import SettingsError
    from cvgl_core.localization import Period

    try:
        days = [None if text is None else date.fromisoformat(text) for text in (after, before)]
        return Period(*days)
    except (ValueError, SettingsError) as error:
        raise typer.BadParameter(
            f"--imagery-after and --imagery-before take a date such as 2023-06-01 ({error})"
        ) from error


def together_as(
    together: bool, apart_m: float | None, track: Path | None, *, resume: bool, jobs: int
) -> Apart | None:
    """Return what is known of the way between photos that are located together.

    Raises:
        typer.BadParameter: options do not go together, or the track cannot be read.
    """
    if not together:
        if apart_m is not None or track is not None:
            raise typer.BadParameter("--apart and --track are for photos located --together")
        return None
    if apart_m is not None and track is not None:
        raise typer.BadParameter("give --apart or --track, not both")
    if resume or jobs > 1:
        raise typer.BadParameter("--together does all photos at once: without --resume and --jobs")
    from cvgl_core.commands.together import Apart
    from cvgl_core.errors import SettingsError
    from cvgl_core.localization.track import read_track

    try:
        return Apart(apart_m, None if track is None else read_track(track))
    except SettingsError as error:
        raise typer.BadParameter(f"--track {error}") from error


def _moment(text: str) -> datetime:
    """Return a time with a zone.

    Raises:
        typer.BadParameter: it is none, or lacks the zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"--time takes a date and time such as 2024-06-01T15:30+02:00, not {text!r}"
        ) from error
    if moment.tzinfo is None:
        raise typer.BadParameter(
            f"--time {text} has no zone, and the sun moves 15 degrees an hour: add it, for example "
            f"{moment.isoformat(timespec='minutes')}+02:00, or Z for UTC"
        )
    return moment
