"""Locating photos with what is opened once: indexes, the network, and what is asked of all."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import TypedDict

from cvgl_core import __version__
from cvgl_core.commands.formats import Sidecars
from cvgl_core.commands.inputs import Stated
from cvgl_core.commands.known import (
    NOTHING_GIVEN,
    Given,
    Known,
    corners_of,
    known_of,
    search_limits,
)
from cvgl_core.console import one_line
from cvgl_core.errors import PhotoViewError
from cvgl_core.export.geojson import estimate_properties, write_geojson
from cvgl_core.export.heatmap import write_heatmap
from cvgl_core.fsio import output_errors
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.index import Collection, Index, open_index
from cvgl_core.localization import (
    Area,
    LocalizeSettings,
    Located,
    Near,
    SeveralLocalizer,
)
from cvgl_core.localization.compass import with_true_heading
from cvgl_core.localization.device_gallery import search_on
from cvgl_core.localization.fromabove import OverheadLocalizer
from cvgl_core.localization.localfeatures import LocalFeatures, matcher_of
from cvgl_core.models import Engine, load_engine
from cvgl_core.photo.overhead import looks_from_above
from cvgl_core.types import LocalizationResult, Photo, Progress, no_progress

log = logging.getLogger(__name__)

QUERY_KEY = "query_sha256"
"""Setting of a result: the hash of all that was asked, but for the photo."""


class Asked(TypedDict):
    """What is asked of a localizer."""

    heading_deg: float | None
    search_heading: bool
    fov_deg: float | None
    near: Near | Area | None
    heading_prior: HeadingPrior | None
    progress: Progress


@dataclass(frozen=True)
class BatchOptions:
    """What is asked of every photo of a batch; see ``cvgl locate --help``."""

    heading_deg: float | None = None
    search_heading: bool = False
    fov_deg: float | None = None
    pitch_deg: float | None = None
    drone: bool = False
    height_m: float | None = None
    refine: str = "sift"
    near: Near | Area | None = None
    group: str | None = None
    output: Path | None = None
    report: bool = False
    sidecars: Sidecars | None = None
    given: Given = NOTHING_GIVEN

    def asked(self, progress: Progress, heading_prior: HeadingPrior | None = None) -> Asked:
        """Return what is asked of a localizer."""
        return Asked(
            heading_deg=self.heading_deg,
            search_heading=self.search_heading or heading_prior is not None,
            fov_deg=self.fov_deg,
            near=self.near,
            heading_prior=heading_prior,
            progress=progress,
        )

    def of(self, stated: Stated) -> BatchOptions:
        """Return the same with what is stated of one photo, which counts for more."""
        silent = stated.heading_deg is None and not stated.search_heading
        return replace(
            self,
            heading_deg=self.heading_deg if silent else stated.heading_deg,
            search_heading=self.search_heading if silent else stated.search_heading,
            fov_deg=self.fov_deg if stated.fov_deg is None else stated.fov_deg,
            pitch_deg=self.pitch_deg if stated.pitch_deg is None else stated.pitch_deg,
            near=self.near if stated.near is None else stated.near,
            group=stated.group,
            given=self.given
            if stated.heading_std_deg is None
            else replace(self.given, heading_std_deg=stated.heading_std_deg),
        )

    def files(self, name: str, photo: Path) -> dict[str, Path]:
        """Return the files of a photo's answer by kind; none without a folder for them."""
        if self.output is None:
            return {}
        kinds = {"heatmap": ".heatmap.tif", "report": ".html", "geojson": ".geojson"}
        files = {kind: self.output / f"{name}{suffix}" for kind, suffix in kinds.items()}
        if not self.report:
            del files["report"]
        if self.sidecars is Sidecars.PHOTOS:
            files["sidecar"] = photo.with_name(f"{photo.name}.xmp")
        elif self.sidecars is Sidecars.RESULTS:
            files["sidecar"] = self.output / f"{name}{photo.suffix}.xmp"
        return files


@dataclass(frozen=True)
class Batch:
    """What is opened once.

    Attributes:
        localizer: of the index or indexes.
        identity: what an answer depends on beside the photo and what is asked of it; empty where
            nobody will ask whether an answer is still the one that would come out.
    """

    localizer: SeveralLocalizer
    identity: str = ""


def open_batch(
    indexes: Sequence[Path], model: str | None, device: str, settings: LocalizeSettings
) -> Batch:
    """Open indexes and the model that made them all, or the model asked for.

    Raises:
        IndexFolderError: an index cannot be used.
        WeightsError: the weights cannot be used, or did not make every index.
    """
    opened = [open_index(path) for path in indexes]
    members = [member for index in opened for member in index.members]
    localizer = SeveralLocalizer(opened, _engine(members, model, device), settings)
    return Batch(localizer, _identity(members, settings))


def _identity(indexes: Sequence[Index], settings: LocalizeSettings) -> str:
    """Return software, settings, indexes and, by what made them, weights as one text."""
    made = [(one.manifest.index_id, one.manifest.weights_sha256) for one in indexes]
    return json.dumps([__version__, made, settings.as_text()])


def _engine(indexes: Sequence[Index], model: str | None, device: str) -> Engine:
    """Load the model asked for, or the one that made the first index; search where it runs."""
    engine = load_engine(model or indexes[0].manifest.model, device)
    for index in indexes:
        log.info("%s: %d tiles", index.path, len(index))
        search_on(index, engine.device)
    log.info("model %s on %s", engine.card.name, engine.device)
    return engine


def locate_photo(
    batch: Batch,
    photo: Photo,
    name: str,
    options: BatchOptions,
    progress: Progress = no_progress,
) -> LocalizationResult:
    """Locate one photo and write its files.

    Args:
        batch: index and localizer.
        photo: as read.
        name: of the files, without suffix.
        options: what is asked.
        progress: told of every stage.

    Raises:
        CvglError: the photo, the options or the output are at fault.
    """
    photo, known = prepared(photo, options, batch.localizer.galleries)
    if is_from_above(photo, options):
        located = _from_above(batch, photo, options, progress)
    else:
        located = _located(batch, photo, known, options, progress)
    if batch.identity:
        located = _stamped(located, query_hash(batch, options), options.group)
    return write_files(options.files(name, photo.path), located, photo, progress)


def is_from_above(photo: Photo, options: BatchOptions) -> bool:
    """Whether a photo is taken to look down on the ground."""
    return options.drone or looks_from_above(photo, options.height_m)


def query_hash(batch: Batch, options: BatchOptions) -> str:
    """Return the hash of all that decides an answer but the photo."""
    asked = {
        name: value for name, value in options.asked(no_progress).items() if name != "progress"
    }
    given = {name: str(value) for name, value in asdict(options.given).items()}
    whole: list[object] = [batch.identity, asked, options.pitch_deg, options.group, given]
    # Left out where not asked for: answers of former versions stay what they are.
    above = [options.drone, options.height_m, options.refine]
    if above != [False, None, "sift"]:
        whole.append(above)
    text = json.dumps(whole, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    """Return what tells a prior from others, fit for JSON."""
    if isinstance(value, Area):
        return value.shape.wkb_hex
    assert is_dataclass(value) and not isinstance(value, type)
    return asdict(value)


def prepared(
    photo: Photo, options: BatchOptions, indexes: Sequence[Index | Collection]
) -> tuple[Photo, Known]:
    """Return a photo as it is asked about, and what is known of it beside the pixels.

    Its pitch is the one given, if any; a compass heading counts from true north where the area
    tells how far that is off, unless another heading is asked for.

    Raises:
        PhotoError: the file lacks what a prior needs.
        SettingsError: a number is out of bounds, or the sun says nothing.
    """
    if options.pitch_deg is not None:
        sources = photo.metadata.sources | {"pitch_deg": "given"}
        stated = replace(photo.metadata, pitch_deg=options.pitch_deg, sources=sources)
        photo = replace(photo, metadata=stated)
    told = None
    if options.heading_deg is None and not (options.search_heading or options.given.shadow):
        middle, corners = corners_of(indexes)
        photo, told = with_true_heading(photo, [middle, *corners])
    known = known_of(photo, options.given, options.heading_deg, options.fov_deg, indexes)
    return photo, known if told is None else replace(known, told=(told, *known.told))


def _stamped(located: Located, query_sha256: str, group: str | None) -> Located:
    """Return a result that says what was asked."""
    result = _noted(grouped(located.result, group), QUERY_KEY, query_sha256)
    return replace(located, result=result)


def grouped(result: LocalizationResult, group: str | None) -> LocalizationResult:
    """Return a result that says what its photo belongs to, if that was stated."""
    return result if group is None else _noted(result, "group", group)


def _noted(result: LocalizationResult, name: str, value: str) -> LocalizationResult:
    """Return a result with one more setting in its record."""
    settings = result.provenance.settings | {name: value}
    return replace(result, provenance=replace(result.provenance, settings=settings))


def _located(
    batch: Batch, photo: Photo, known: Known, options: BatchOptions, progress: Progress
) -> Located:
    """Return the result, and the index in which its tiles are numbered."""
    asked = options.asked(progress, known.heading)
    located = batch.localizer.localize(photo, **asked, around=known.around)
    told = (*known.told, *search_limits(options.near), *located.result.priors)
    return replace(located, result=replace(located.result, priors=told), fov_deg=options.fov_deg)


def _from_above(batch: Batch, photo: Photo, options: BatchOptions, progress: Progress) -> Located:
    """Return the result of a photo that looks down on the ground.

    Raises:
        PhotoViewError: it cannot be laid out as a map, or something is asked for that says nothing
            of such a photo.
    """
    street, *others = batch.localizer.localizers
    if others:
        raise PhotoViewError(
            f"{photo.path}: looks from above; such photos are looked for in one index, so give"
            " --index once"
        )
    if options.given != NOTHING_GIVEN:
        raise PhotoViewError(
            f"{photo.path}: looks from above; --heading-std, shadows, --time and --exif-prior are"
            " for photos of the street"
        )
    matcher = matcher_of(LocalFeatures(options.refine))
    index = batch.localizer.galleries[0]
    above = OverheadLocalizer(index, street.engine, street.settings, matcher)
    result = above.localize(
        photo,
        heading_deg=options.heading_deg,
        search_heading=options.search_heading,
        fov_deg=options.fov_deg,
        height_m=options.height_m,
        near=options.near,
        progress=progress,
    )
    told = (*result.priors, *search_limits(options.near))
    return Located(replace(result, priors=told), index)


def write_files(
    files: Mapping[str, Path], located: Located, photo: Photo, progress: Progress = no_progress
) -> LocalizationResult:
    """Write the files of a result, if any, the GeoJSON last: where it is, the others are.

    Returns:
        The result, after a report with the evidence that it shows.
    """
    result = located.result
    if not files:
        return result
    progress("writing", 0, 6)
    with output_errors(files["geojson"]):
        files["geojson"].unlink(missing_ok=True)  # of another answer: its files are replaced now
    write_heatmap(files["heatmap"], result)
    progress("writing", 1, 6)
    if "report" in files:
        from cvgl_core.export.reasons import evidence_of
        from cvgl_core.export.report import write_report
        from cvgl_core.localization.evidence import report_inputs

        engine, fov_deg = located.engine, located.fov_deg
        shown = report_inputs(result, photo, located.index, engine, fov_deg=fov_deg)
        write_report(files["report"], shown)
        result = replace(result, evidence=evidence_of(result, shown.sights, shown.sources))
    if "sidecar" in files:
        from cvgl_core.export.xmp_sidecar import write_sidecar

        left = write_sidecar(files["sidecar"], estimate_properties(result))
        if left is not None:
            log.warning("%s", one_line(left))
    progress("writing", 2, 6)
    write_geojson(files["geojson"], result)
    return result
