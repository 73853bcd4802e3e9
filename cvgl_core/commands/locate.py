"""``cvgl locate``: photos in, places out; one bad photo never stops a batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvgl_core.commands.drone_options import AltitudeM, DroneFlag, PitchDeg, RefineBy
from cvgl_core.commands.formats import Format, Sidecars
from cvgl_core.commands.options import (
    Depth,
    DeviceChoice,
    EstimateBy,
    ModelChoice,
    localize_settings,
)
from cvgl_core.commands.prior_options import (
    ApartM,
    ExifPrior,
    HeadingStd,
    ImageryAfter,
    ImageryBefore,
    ShadowAt,
    ShadowDeg,
    Time,
    TogetherFlag,
    TrackFile,
    given_priors,
    imagery_taken,
    together_as,
)
from cvgl_core.console import AsJson, ProgressAs, ProgressStyle, Verbose, progress_bar
from cvgl_core.types import DEFAULT_DEPTH

if TYPE_CHECKING:
    from cvgl_core.localization import Area, Near


def locate(
    index: Annotated[
        list[Path],
        typer.Option(
            "--index",
            metavar="CITY.cvgl",
            help="Index made by cvgl-tile build; given several times, all are searched.",
        ),
    ],
    photos: Annotated[
        list[Path] | None, typer.Argument(metavar="PHOTO", help="Photos, folders or patterns.")
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="More photos: a path a line, '-' for stdin; or a table *.csv with what is known "
            "of each (docs/batch.md).",
        ),
    ] = None,
    heading: Annotated[
        str | None,
        typer.Option(
            metavar="DEG|unknown",
            help="Where the camera looked (a panorama's middle), clockwise from true north; "
            "'unknown' searches it. Default: what the file says, else unknown.",
        ),
    ] = None,
    heading_std: HeadingStd = None,
    shadow_at: ShadowAt = None,
    shadow_deg: ShadowDeg = None,
    time: Time = None,
    fov: Annotated[
        float | None,
        typer.Option(
            metavar="DEG",
            help="Horizontal field of view, 360 for a panorama. Default: what the file says.",
        ),
    ] = None,
    pitch: PitchDeg = None,
    drone: DroneFlag = False,
    altitude_m: AltitudeM = None,
    refine: RefineBy = "sift",
    near: Annotated[
        str | None,
        typer.Option(metavar="LON,LAT,RADIUS_M", help="Search only within a circle."),
    ] = None,
    aoi: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|W,S,E,N", help="Search only within polygons or a rectangle in degrees."
        ),
    ] = None,
    imagery_after: ImageryAfter = None,
    imagery_before: ImageryBefore = None,
    exif_prior: ExifPrior = None,
    together: TogetherFlag = False,
    apart: ApartM = None,
    track: TrackFile = None,
    top_k: Annotated[int, typer.Option(min=1, metavar="N", help="Candidates to report.")] = 10,
    depth: Depth = DEFAULT_DEPTH,
    estimate: EstimateBy = "fused",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Write NAME.geojson and NAME.heatmap.tif there."
        ),
    ] = None,
    report: Annotated[bool, typer.Option(help="Write NAME.html there, too.")] = False,
    resume: Annotated[
        bool, typer.Option(help="Keep answers in DIR that would come out the same again.")
    ] = False,
    xmp: Annotated[
        Sidecars | None,
        typer.Option(
            help="Write XMP sidecars PHOTO.jpg.xmp to DIR, or beside the photos.",
        ),
    ] = None,
    overview: Annotated[
        bool, typer.Option(help="Write DIR/index.html, too: a map and a table of all photos.")
    ] = False,
    export: Annotated[
        list[Format] | None,
        typer.Option(help="Write DIR/results.FORMAT of all photos, too; may be repeated."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Photos at a time.")] = 1,
    model: ModelChoice = None,
    device: DeviceChoice = "auto",
    progress_as: ProgressAs = ProgressStyle.AUTO,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Find where photos were taken.

    Prints a line per photo, with --json one JSON object per line and photo, failures included. A
    photo that cannot be used is reported and the others go on.

    Exit code: 0 located or ambiguous, 3 every photo judged outside the area; if a photo failed, the
    code of the first failure.
    """
    if output is None and (report or overview or resume or export or xmp):
        raise typer.BadParameter(
            "--report, --overview, --resume, --export and --xmp need -o DIR to write to"
        )
    if not photos and listed is None:
        raise typer.BadParameter("no photo is named")
    heading_deg = _heading(heading)
    prior = _prior(near, aoi)
    given = given_priors(heading, heading_std, shadow_at, shadow_deg, time, exif_prior)
    walk = together_as(together, apart, track, resume=resume, jobs=jobs)
    from cvgl_core.commands.batch import BatchOptions, open_batch
    from cvgl_core.commands.inputs import named_photos
    from cvgl_core.commands.run import RunOptions, run_batch
    from cvgl_core.errors import SettingsError

    try:
        wanted = named_photos(photos or (), listed)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    if not wanted:
        raise typer.BadParameter(f"--list {listed}: names no photo")

    settings = localize_settings(
        depth,
        estimate,
        top_k=top_k,
        all_matched=together or exif_prior is not None,
        taken=imagery_taken(imagery_after, imagery_before),
    )
    options = BatchOptions(
        heading_deg=heading_deg,
        search_heading=heading == "unknown",
        fov_deg=fov,
        pitch_deg=pitch,
        drone=drone,
        height_m=altitude_m,
        refine=refine,
        near=prior,
        output=output,
        report=report,
        sidecars=xmp,
        given=given,
    )
    run = RunOptions(as_json, jobs, resume, tuple(dict.fromkeys(export or ())), overview, walk)
    with progress_bar(progress_as) as progress:
        batch = open_batch(index, model, device, settings)
        code = run_batch(batch, wanted, options, run, typer.echo, progress)
    raise typer.Exit(code)


def _heading(text: str | None) -> float | None:
    """Return degrees; None for nothing or "unknown".

    Raises:
        typer.BadParameter: it is neither.
    """
    if text is None or text == "unknown":
        return None
    (degrees,) = _numbers(text, 1, "--heading", "degrees (0 is north, 90 is east) or 'unknown'")
    return degrees % 360.0


def _prior(near: str | None, aoi: str | None) -> Near | Area | None:
    """Return the prior for the place that either option names.

    Raises:
        typer.BadParameter: both do.
        SettingsError: there is no such area.
    """
    if aoi is None:
        return _near(near)
    if near is not None:
        raise typer.BadParameter("give --near or --aoi, not both")
    from cvgl_core.geo.area import read_area
    from cvgl_core.localization import Area

    return Area(read_area(aoi))


def _near(text: str | None) -> Near | None:
    """Return a prior for the place.

    Raises:
        typer.BadParameter: it is not LON,LAT,RADIUS_M.
    """
    if text is None:
        return None
    from cvgl_core.errors import SettingsError
    from cvgl_core.localization import Near

    lon, lat, radius_m = _numbers(text, 3, "--near", "LON,LAT,RADIUS_M, for example 13.4,52.5,500")
    try:
        return Near(lon, lat, radius_m)
    except SettingsError as error:
        raise typer.BadParameter(f"--near: {error}") from error


def _numbers(text: str, count: int, option: str, wanted: str) -> list[float]:
    """Return finite numbers separated by commas.

    Raises:
        typer.BadParameter: there are not ``count`` of them.
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(abs(value) < 1e12 for value in values):
        raise typer.BadParameter(f"{option} takes {wanted}, not {text!r}")
    return values
